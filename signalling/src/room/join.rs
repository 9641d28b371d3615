//! Entering a room (XEP-0045 §7.2).

use super::hooks::{self, Verdict};
use super::occupant::Payload;
use super::presence::Change;
use super::{Affiliation, Occupant, Role, Room, hosts, identity, memory};
use crate::context::{Context, Outbox};
use crate::host::takes_over;
use crate::session::{Kind, Session};
use std::sync::Arc;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{Element, ns};

/// An attempt to enter, as the features see and change it.
pub(crate) struct Join<'a> {
    pub(crate) session: &'a Arc<Session>,
    pub(crate) nick: &'a str,
    pub(crate) stanza: &'a Element,
    pub(crate) affiliation: Affiliation,
    /// The affiliation is the token's alone.
    pub(crate) earned: bool,
    /// The password that is taken as given.
    pub(crate) password: Option<String>,
    /// What it has by what it kept of the room.
    pub(crate) recognised: Option<memory::Recognised>,
    /// Fragment appended to the joiner's presence.
    pub(crate) extra: String,
}

/// A room keeps what its occupants say of themselves, and everybody gets a copy.
fn check_size(
    presence: &Payload,
    session: &Session,
    context: &Context<'_>,
) -> Result<(), StanzaError> {
    let most = context.settings.limits.presence_bytes;
    if session.kind == Kind::Guest && presence.len() > most {
        let text = format!("A presence may have {most} bytes");
        return Err(StanzaError::new(Condition::PolicyViolation).with_text(text));
    }
    Ok(())
}

impl Room {
    pub(super) fn handle_join(
        &mut self,
        session: &Arc<Session>,
        nick: Option<&str>,
        stanza: &Element,
        context: &Context<'_>,
        out: &mut Outbox,
    ) {
        let Some(muc) = stanza.get_child("x", ns::MUC) else {
            // Also what a client gets that was thrown out and sends an update.
            return out.refuse(session, stanza, &StanzaError::new(Condition::ItemNotFound));
        };
        let Some(nick) = nick else {
            return out.refuse(session, stanza, &StanzaError::new(Condition::JidMalformed));
        };
        let recognised = self.recognise(session, stanza, context, out);
        let mut join = Join {
            session,
            nick,
            stanza,
            affiliation: self.affiliation(session),
            earned: false,
            password: muc.get_child("password", ns::MUC).map(Element::text),
            recognised,
            extra: String::new(),
        };
        for (_, hook) in hooks::PRE_JOIN {
            match hook(self, &mut join, context) {
                Verdict::Continue => {}
                Verdict::Refuse(error) => {
                    context.counters.joins_refused.increase();
                    return out.refuse(session, stanza, &error);
                }
                Verdict::Wait | Verdict::Ignore => return,
            }
        }
        join.extra.push_str(&identity::of(session));
        let presence = Payload::of(stanza, &join.extra);
        if let Err(error) = check_size(&presence, session, context) {
            return out.refuse(session, stanza, &error);
        }
        if !session.enter(&self.jid) {
            return;
        }
        let was_locked = !self.has_focus();
        self.admit(&join, presence, context, out);
        if was_locked && self.has_focus() {
            self.let_waiting_in(context, out);
        }
    }

    fn admit(
        &mut self,
        join: &Join<'_>,
        presence: Payload,
        context: &Context<'_>,
        out: &mut Outbox,
    ) {
        context.counters.joins.increase();
        let created = std::mem::replace(&mut self.fresh, false);
        if takes_over(join.session, join.stanza) {
            self.note_keeper(join.session);
            if created {
                self.recall(join.stanza, context);
            }
        }
        let mut affiliation = join.affiliation;
        let may_own = hosts::may_own(join.session, context.settings);
        let is_first = created && !self.remembered.has_past();
        if is_first && affiliation < Affiliation::Owner && may_own {
            affiliation = Affiliation::Owner;
        } else if join.earned {
            self.earned.insert(join.session.bare.clone());
        }
        if affiliation != self.affiliation(join.session) {
            self.affiliations
                .insert(join.session.bare.clone(), affiliation);
        }
        if let Some(&key) = self.by_nick.get(join.nick) {
            self.supersede(key, join, context, out);
        }
        let key = self.next_occupant;
        self.next_occupant += 1;
        let occupant = Occupant {
            nick: join.nick.into(),
            address: format!("{}/{}", self.jid, join.nick).into(),
            session: Arc::clone(join.session),
            role: self.default_role(affiliation),
            occupant_id: self.occupant_id_of(&join.session.bare),
            presence,
            kept: memory::Kept::by(join.session, &self.jid, join.stanza, context),
            password: join.password.as_deref().map(Into::into),
            shown: [None, None],
        };
        let has_rights = affiliation > Affiliation::None && !join.session.is_admin();
        if has_rights || occupant.kept != memory::Kept::Nothing {
            self.remembered.changed();
        }
        self.show_others(&occupant, out);
        self.occupants.insert(key, occupant);
        self.by_nick.insert(join.nick.into(), key);
        self.by_session.insert(join.session.key, key);
        context.addresses.enter(join.session.address, &self.jid);
        for (_, hook) in hooks::BEFORE_SELF_PRESENCE {
            hook(self, join.session, join, context, out);
        }
        let change = Change {
            created,
            joined: true,
            ..Change::default()
        };
        self.show_to_all(key, &change, out);
        for (_, hook) in hooks::JOINED {
            hook(self, join.session, join, context, out);
        }
    }

    /// The same account enters under its nick from a new session, and the old session learns that it is out. The others
    /// see it leave, unless the new session goes on where the old one was.
    fn supersede(&mut self, key: u64, join: &Join<'_>, context: &Context<'_>, out: &mut Outbox) {
        if !takes_over(join.session, join.stanza) {
            return self.remove(key, &Change::unavailable(), None, context, out);
        }
        if let Some(old) = self.take(key, context) {
            let change = Change::unavailable();
            let stanza = self.render(&old, Role::None, Affiliation::None, true, true, &change);
            out.send(&old.session, stanza);
        }
    }

    /// A presence from somebody who is in the room.
    pub(super) fn handle_presence_update(
        &mut self,
        key: u64,
        nick: Option<&str>,
        stanza: &Element,
        context: &Context<'_>,
        out: &mut Outbox,
    ) {
        let occupant = self
            .occupants
            .get_mut(&key)
            .expect("by_session names occupants");
        let session = Arc::clone(&occupant.session);
        if nick.is_some_and(|nick| *nick != *occupant.nick) {
            let error =
                StanzaError::new(Condition::NotAllowed).with_text("Nick changes are not allowed");
            return out.refuse(&session, stanza, &error);
        }
        let presence = Payload::of(stanza, &identity::of(&session));
        if let Err(error) = check_size(&presence, &session, context) {
            return out.refuse(&session, stanza, &error);
        }
        occupant.presence = presence;
        occupant.shown = [None, None];
        if stanza.has_child("x", ns::MUC) {
            self.rejoin(key, stanza, context, out);
        } else {
            self.show_to_all(key, &Change::default(), out);
        }
    }

    /// A client that lost track enters again: it gets the whole state, the others an update.
    fn rejoin(&mut self, key: u64, stanza: &Element, context: &Context<'_>, out: &mut Outbox) {
        let occupant = self
            .occupants
            .remove(&key)
            .expect("rejoin is for occupants");
        self.show_others(&occupant, out);
        let (session, nick) = (Arc::clone(&occupant.session), occupant.nick.clone());
        self.occupants.insert(key, occupant);
        let join = Join {
            session: &session,
            nick: &nick,
            stanza,
            affiliation: self.affiliation(&session),
            earned: false,
            password: None,
            recognised: None,
            extra: String::new(),
        };
        for (_, hook) in hooks::BEFORE_SELF_PRESENCE {
            hook(self, &session, &join, context, out);
        }
        let change = Change {
            joined: true,
            ..Change::default()
        };
        self.show_to_all(key, &change, out);
        for (_, hook) in hooks::JOINED {
            hook(self, &session, &join, context, out);
        }
    }
}
