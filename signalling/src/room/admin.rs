//! Moderators' commands (XEP-0045 §8, §9): kick, roles, affiliations, bans, lists. Several items in one IQ succeed or
//! fail together.

use super::presence::Change;
use super::{Affiliation, FOCUS_NICK, Role, Room};
use crate::context::{Context, Outbox};
use crate::session::Session;
use std::sync::Arc;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{BareJid, Element, ns};

/// Most items of one IQ, and of one list.
const MOST_ITEMS: usize = 1_000;
/// Bytes after which a list has no further item: addresses may be long.
const LIST_BYTES: usize = 128 * 1024;

/// One checked item.
enum Command {
    Affiliate(BareJid, Affiliation, Option<String>),
    Role(Box<str>, Role, Option<String>),
}

fn error(condition: Condition) -> StanzaError {
    StanzaError::new(condition)
}

impl Room {
    pub(super) fn handle_admin(
        &mut self,
        from: &Arc<Session>,
        stanza: &Element,
        query: &Element,
        context: &Context<'_>,
        out: &mut Outbox,
    ) -> Result<(), StanzaError> {
        let items: Vec<_> = query
            .children()
            .filter(|child| child.is("item", ns::MUC_ADMIN))
            .collect();
        if items.is_empty() || items.len() > MOST_ITEMS {
            return Err(error(Condition::BadRequest));
        }
        let commands = items
            .into_iter()
            .map(|item| self.check_item(from, item, context))
            .collect::<Result<Vec<_>, _>>()?;
        let actor = self.occupant(from).map(|occupant| occupant.nick.clone());
        for command in commands {
            self.execute(command, actor.clone(), context, out);
        }
        out.result(from, stanza, |_| {});
        Ok(())
    }

    fn check_item(
        &self,
        from: &Session,
        item: &Element,
        context: &Context<'_>,
    ) -> Result<Command, StanzaError> {
        let reason = item.get_child("reason", ns::MUC_ADMIN).map(Element::text);
        let jid = match item.attr("jid") {
            Some(jid) => Some(
                xmpp::Jid::new(jid)
                    .map_err(|_| error(Condition::JidMalformed))?
                    .into_bare(),
            ),
            None => None,
        };
        let nick = item.attr("nick");
        let names_focus =
            |jid: &BareJid| jid.node().is_some_and(|node| node.as_str() == FOCUS_NICK);
        if nick == Some(FOCUS_NICK) || jid.as_ref().is_some_and(names_focus) {
            return Err(error(Condition::NotAllowed));
        }
        if let Some(affiliation) = item.attr("affiliation") {
            let affiliation = affiliation
                .parse()
                .map_err(|()| error(Condition::BadRequest))?;
            let jid = match (jid, nick) {
                (Some(jid), _) => jid,
                (None, Some(nick)) => self
                    .occupant_named(nick)
                    .map(|occupant| occupant.session.bare.clone())
                    .ok_or_else(|| error(Condition::ItemNotFound))?,
                (None, None) => return Err(error(Condition::BadRequest)),
            };
            self.may_affiliate(from, &jid, affiliation, context)?;
            return Ok(Command::Affiliate(jid, affiliation, reason));
        }
        let (Some(nick), Some(role)) = (nick, item.attr("role")) else {
            return Err(error(Condition::BadRequest));
        };
        let role = role.parse().map_err(|()| error(Condition::BadRequest))?;
        self.may_give_role(from, nick, role)?;
        Ok(Command::Role(nick.into(), role, reason))
    }

    fn may_affiliate(
        &self,
        from: &Session,
        jid: &BareJid,
        affiliation: Affiliation,
        context: &Context<'_>,
    ) -> Result<(), StanzaError> {
        let own = self.affiliation(from);
        let current = self.affiliation_of(jid, context);
        if context
            .settings
            .accounts
            .get(jid)
            .is_some_and(|account| account.admin)
        {
            return Err(error(Condition::NotAllowed));
        }
        if from.is_admin()
            && affiliation >= Affiliation::Admin
            && !self.may_be_made_owner(jid, context.settings)
        {
            let text = "Only people with a token own rooms";
            return Err(error(Condition::NotAllowed).with_text(text));
        }
        match own {
            Affiliation::Owner => {}
            Affiliation::Admin
                if current < Affiliation::Admin && affiliation < Affiliation::Admin => {}
            _ => return Err(error(Condition::NotAllowed)),
        }
        if current == Affiliation::Owner && affiliation < current && !self.has_other_owner(jid) {
            return Err(error(Condition::Conflict));
        }
        self.may_note_affiliations(usize::from(!self.affiliations.contains_key(jid)))
    }

    fn may_give_role(&self, from: &Session, nick: &str, role: Role) -> Result<(), StanzaError> {
        let actor = self.occupant(from);
        let is_moderator =
            from.is_admin() || actor.is_some_and(|actor| actor.role == Role::Moderator);
        let target = self
            .occupant_named(nick)
            .ok_or_else(|| error(Condition::ItemNotFound))?;
        let own = self.affiliation(from);
        let theirs = self.affiliation(&target.session);
        if !is_moderator || theirs > own {
            return Err(error(Condition::NotAllowed));
        }
        let touches_moderator =
            role == Role::Moderator || (target.role == Role::Moderator && role != Role::None);
        if touches_moderator && own < Affiliation::Admin {
            return Err(error(Condition::NotAllowed));
        }
        if theirs >= Affiliation::Admin && !matches!(role, Role::Moderator | Role::None) {
            // The role follows from the affiliation; take that away instead.
            return Err(error(Condition::NotAllowed));
        }
        Ok(())
    }

    fn execute(
        &mut self,
        command: Command,
        actor: Option<Box<str>>,
        context: &Context<'_>,
        out: &mut Outbox,
    ) {
        match command {
            Command::Affiliate(jid, affiliation, reason) => {
                if affiliation == self.affiliation_of(&jid, context) {
                    return;
                }
                let change = Change {
                    actor,
                    reason,
                    ..Change::default()
                };
                self.change_affiliation(&jid, affiliation, &change, context, out);
            }
            Command::Role(nick, Role::None, reason) => {
                let Some(&key) = self.by_nick.get(&nick) else {
                    return;
                };
                // Whoever is thrown out comes back, if at all, without rights.
                let bare = self.occupants[&key].session.bare.clone();
                self.note_affiliation(&bare, Affiliation::None);
                self.remembered.revoke();
                let change = Change {
                    unavailable: true,
                    codes: &["307"],
                    actor,
                    reason,
                    ..Change::default()
                };
                self.remove(key, &change, None, context, out);
            }
            Command::Role(nick, role, reason) => {
                let Some(&key) = self.by_nick.get(&nick) else {
                    return;
                };
                if let Some(occupant) = self.occupants.get_mut(&key) {
                    occupant.role = role;
                }
                let change = Change {
                    actor,
                    reason,
                    ..Change::default()
                };
                self.show_to_all(key, &change, out);
            }
        }
    }

    /// Lists by affiliation or role, as much as fits into one answer.
    pub(super) fn handle_list(
        &self,
        from: &Arc<Session>,
        stanza: &Element,
        query: &Element,
        context: &Context<'_>,
        out: &mut Outbox,
    ) -> Result<(), StanzaError> {
        let item = query
            .get_child("item", ns::MUC_ADMIN)
            .ok_or_else(|| error(Condition::BadRequest))?;
        let is_moderator = self
            .occupant(from)
            .is_some_and(|actor| actor.role == Role::Moderator);
        if !is_moderator && self.affiliation(from) < Affiliation::Admin {
            return Err(error(Condition::Forbidden));
        }
        let wanted: Option<Affiliation> =
            item.attr("affiliation").and_then(|text| text.parse().ok());
        let role: Option<Role> = item.attr("role").and_then(|text| text.parse().ok());
        if wanted.is_none() && role.is_none() {
            return Err(error(Condition::BadRequest));
        }
        out.long_result(from, stanza, context, |writer| {
            writer.open("query", ns::MUC_ADMIN);
            if let Some(wanted) = wanted {
                for (jid, _) in self
                    .affiliations
                    .iter()
                    .filter(|(_, affiliation)| **affiliation == wanted)
                    .take(MOST_ITEMS)
                {
                    if writer.len() >= LIST_BYTES {
                        break;
                    }
                    writer.open("item", ns::MUC_ADMIN);
                    writer
                        .attr("affiliation", wanted.as_str())
                        .attr("jid", jid.as_str())
                        .close();
                }
            } else {
                for occupant in self
                    .occupants
                    .values()
                    .filter(|occupant| Some(occupant.role) == role)
                    .take(MOST_ITEMS)
                {
                    if writer.len() >= LIST_BYTES {
                        break;
                    }
                    writer.open("item", ns::MUC_ADMIN);
                    writer.attr("affiliation", self.affiliation(&occupant.session).as_str());
                    writer
                        .attr("role", occupant.role.as_str())
                        .attr("nick", &occupant.nick);
                    writer.attr("jid", occupant.session.jid.as_str()).close();
                }
            }
            writer.close();
        })
    }
}
