//! Where a stanza goes. [`rule`] is the table; [`Host::handle_stanza`] carries it out.

use crate::context::Outbox;
use crate::host::Host;
use crate::now::Now;
use crate::room::RoomKind;
use crate::service::{disco, focus_alias, server};
use crate::session::{Kind, Session};
use crate::settings::Settings;
use std::sync::Arc;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{BareJid, Element, FullJid, Jid};

/// The three kinds of stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stanza {
    Iq,
    Message,
    Presence,
}

impl Stanza {
    pub(crate) fn of(stanza: &Element) -> Option<Self> {
        match stanza.name() {
            "iq" => Some(Self::Iq),
            "message" => Some(Self::Message),
            "presence" => Some(Self::Presence),
            _ => None,
        }
    }
}

/// What an address means here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// No address, or a domain on which users are.
    Server,
    /// The sender's own bare address.
    Self_,
    /// A service of rooms.
    Rooms(RoomKind),
    /// A room, or a nick in it.
    Room(RoomKind, BareJid, Option<String>),
    /// Requests for conferences are answered by the focus's session.
    FocusAlias,
    /// A session to which the focus answers through its alias.
    BehindFocusAlias(FullJid),
    /// An account of a service.
    Account(Jid),
    /// A session or user of this server.
    User(Jid),
    /// Not here.
    Elsewhere,
}

/// What is done with a stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The server answers.
    Serve,
    /// The rooms' service answers.
    ServeRooms,
    /// The room handles it; it must exist.
    Room,
    /// The room handles it; it may come into being.
    Enter,
    /// The focus gets it.
    AskFocus,
    /// The focus's answer goes back.
    AnswerForFocus,
    /// A session gets it.
    Deliver,
    /// Who goes offline leaves its rooms (RFC 6121 §4.6.4); a focus that comes online takes over.
    NoteAvailability,
    /// Nothing.
    Drop,
    /// An error.
    Refuse(Condition),
}

/// Understands an address.
pub(crate) fn destination(settings: &Settings, sender: &Session, to: Option<&Jid>) -> Destination {
    let names = &settings.names;
    let Some(to) = to else {
        return Destination::Server;
    };
    let domain = to.domain().as_str();
    let resource = to.resource().map(|resource| resource.as_str());
    let rooms = |kind| match to.node() {
        None => Destination::Rooms(kind),
        Some(_) => Destination::Room(
            kind,
            names.conferences.canonical(to.to_bare()),
            resource.map(str::to_owned),
        ),
    };
    if names.conferences.contains(domain) {
        return rooms(RoomKind::Conference);
    }
    if domain == names.internal_muc {
        return rooms(RoomKind::Service);
    }
    if domain == names.focus_alias {
        return match resource.map(FullJid::new) {
            None => Destination::FocusAlias,
            Some(Ok(behind)) => Destination::BehindFocusAlias(behind),
            Some(Err(_)) => Destination::Elsewhere,
        };
    }
    if to.node().is_none() {
        let here = domain == names.domain
            || domain == names.auth
            || domain == sender.bare.domain().as_str();
        return if here {
            Destination::Server
        } else {
            Destination::Elsewhere
        };
    }
    if to.as_str() == sender.bare.as_str() {
        return Destination::Self_;
    }
    match settings.accounts.contains_key(&to.to_bare()) {
        true => Destination::Account(to.clone()),
        false => Destination::User(to.clone()),
    }
}

/// The table. `answers`: an IQ of type result or error. `from_guest`: people do not write to each other past rooms, and
/// answer nobody there but services.
pub(crate) fn rule(
    stanza: Stanza,
    destination: &Destination,
    answers: bool,
    from_guest: bool,
) -> Rule {
    use Destination as To;
    use Rule::{
        AnswerForFocus, AskFocus, Deliver, Drop, Enter, NoteAvailability, Refuse, Serve, ServeRooms,
    };
    match (stanza, destination) {
        (Stanza::Presence, To::Server) => NoteAvailability,
        (Stanza::Presence, To::Room(..)) => Enter,
        (Stanza::Presence, To::Rooms(_)) => Refuse(Condition::ItemNotFound),
        (Stanza::Presence, To::FocusAlias) => Refuse(Condition::BadRequest),
        (Stanza::Presence, _) => Drop,

        (_, To::Room(..)) => Rule::Room,

        (Stanza::Message, To::FocusAlias) => Refuse(Condition::FeatureNotImplemented),
        (Stanza::Message, To::User(_) | To::Account(_)) if !from_guest => Deliver,
        (Stanza::Message, _) => Refuse(Condition::ServiceUnavailable),

        (Stanza::Iq, To::BehindFocusAlias(_)) if answers => AnswerForFocus,
        (Stanza::Iq, To::Account(_)) if answers => Deliver,
        (Stanza::Iq, To::User(_) | To::Account(_)) if !from_guest => Deliver,
        (Stanza::Iq, _) if answers => Drop,
        (Stanza::Iq, To::Server | To::Self_) => Serve,
        (Stanza::Iq, To::Rooms(_)) => ServeRooms,
        (Stanza::Iq, To::FocusAlias) => AskFocus,
        (Stanza::Iq, To::Elsewhere) => Refuse(Condition::RemoteServerNotFound),
        (Stanza::Iq, _) => Refuse(Condition::ServiceUnavailable),
    }
}

impl Host {
    /// A stanza from a logged-in session.
    pub(crate) fn handle_stanza(&self, from: &Arc<Session>, stanza: &Element, now: Now) {
        self.counters.stanzas_in.increase();
        let Some(kind) = Stanza::of(stanza) else {
            return;
        };
        let mut out = Outbox::default();
        if let Err(error) = self.route(kind, from, stanza, now, &mut out) {
            if xmpp::stanza::may_be_answered(stanza) {
                out.refuse(from, stanza, &error);
            } else {
                self.counters.dropped_unroutable.increase();
            }
        }
        self.send(out, now);
    }

    fn route(
        &self,
        kind: Stanza,
        from: &Arc<Session>,
        stanza: &Element,
        now: Now,
        out: &mut Outbox,
    ) -> Result<(), StanzaError> {
        let error = |condition| Err(StanzaError::new(condition));
        let to = match stanza.attr("to").filter(|to| !to.is_empty()).map(Jid::new) {
            None => None,
            Some(Ok(to)) => Some(to),
            Some(Err(_)) => return error(Condition::JidMalformed),
        };
        let answers = match (kind, stanza.attr("type")) {
            (Stanza::Iq, Some("get" | "set")) => {
                // RFC 6120 §8.2.3: an id, and exactly one child.
                if stanza.attr("id").is_none() || stanza.children().count() != 1 {
                    return error(Condition::BadRequest);
                }
                false
            }
            (Stanza::Iq, Some("result" | "error")) => true,
            (Stanza::Iq, _) => return error(Condition::BadRequest),
            _ => false,
        };
        let destination = destination(&self.settings, from, to.as_ref());
        let from_guest = from.kind == Kind::Guest;
        match rule(kind, &destination, answers, from_guest) {
            Rule::Refuse(condition) => error(condition),
            Rule::Drop => {
                self.counters.dropped_unroutable.increase();
                Ok(())
            }
            Rule::NoteAvailability => {
                match stanza.attr("type") {
                    Some("unavailable") => self.leave_all_rooms(from, stanza, now),
                    None if from.bare == self.settings.names.focus_account => {
                        self.succeed(from, now);
                    }
                    _ => {}
                }
                Ok(())
            }
            Rule::Serve => server::handle_iq(self, from, stanza, now, out),
            Rule::ServeRooms => disco::handle_rooms_iq(self, from, stanza, &destination, out),
            Rule::AskFocus => focus_alias::forward(self, from, stanza, now.instant, out),
            Rule::AnswerForFocus => focus_alias::answer(self, from, stanza, &destination, out),
            Rule::Deliver => self.pass_on(from, stanza, &destination, out),
            Rule::Room => self.to_room(kind, from, stanza, destination, now),
            Rule::Enter => self.to_room(Stanza::Presence, from, stanza, destination, now),
        }
    }

    fn to_room(
        &self,
        kind: Stanza,
        from: &Arc<Session>,
        stanza: &Element,
        destination: Destination,
        now: Now,
    ) -> Result<(), StanzaError> {
        let Destination::Room(room_kind, jid, nick) = destination else {
            return Ok(());
        };
        let nick = nick.as_deref();
        match kind {
            Stanza::Iq => self.in_room(&jid, now, |room, context, out| {
                room.handle_iq(from, nick, stanza, context, out);
            }),
            Stanza::Message => self.in_room(&jid, now, |room, context, out| {
                room.handle_message(from, nick, stanza, context, out);
            }),
            Stanza::Presence => {
                let enters = stanza.attr("type").is_none() && stanza.has_child("x", xmpp::ns::MUC);
                match nick {
                    Some(nick) if enters => self.enter(&jid, room_kind, nick, from, stanza, now),
                    _ => {
                        // Also for who leaves: other focuses wait for an answer, and stock servers give this one.
                        self.in_room(&jid, now, |room, context, out| {
                            room.handle_presence(from, nick, stanza, context, out);
                        })
                    }
                }
            }
        }
    }

    fn enter(
        &self,
        jid: &BareJid,
        kind: RoomKind,
        nick: &str,
        from: &Arc<Session>,
        stanza: &Element,
        now: Now,
    ) -> Result<(), StanzaError> {
        if kind == RoomKind::Service && from.bare.domain().as_str() != self.settings.names.auth {
            self.counters.dropped_foreign_presence.increase();
            return Ok(());
        }
        self.end_predecessor(jid, nick, from, stanza, now);
        self.in_new_room(jid, kind, nick, from, now, |room, context, out| {
            room.handle_presence(from, Some(nick), stanza, context, out);
        })
    }

    fn leave_all_rooms(&self, from: &Arc<Session>, stanza: &Element, now: Now) {
        let rooms = from.state.lock().rooms.clone();
        for room in rooms {
            // A room that is gone already needs no goodbye.
            let _ = self.in_room(&room, now, |room, context, out| {
                room.handle_presence(from, None, stanza, context, out);
            });
        }
    }

    fn pass_on(
        &self,
        from: &Arc<Session>,
        stanza: &Element,
        destination: &Destination,
        out: &mut Outbox,
    ) -> Result<(), StanzaError> {
        let (Destination::User(to) | Destination::Account(to)) = destination else {
            return Ok(());
        };
        let mut recipients = self.sessions_at(to);
        if stanza.name() == "iq" && to.is_bare() {
            // No server answers in the name of users (RFC 6121 §8.5.1).
            recipients.clear();
        }
        if recipients.is_empty() {
            return Err(StanzaError::new(Condition::ServiceUnavailable));
        }
        let mut writer = crate::render::Writer::stanza(stanza.name());
        writer
            .attr("from", from.jid.as_str())
            .attributes_of(stanza, &["to", "from"]);
        writer.children_of(stanza);
        let copy = Arc::new(writer.finish());
        recipients.iter().for_each(|to| out.share(to, &copy));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_stanza_has_its_rule() {
        let room = Destination::Room(RoomKind::Conference, BareJid::new("r@muc.d").unwrap(), None);
        let user = Destination::User(Jid::new("u@d/r").unwrap());
        let account = Destination::Account(Jid::new("jvb@auth.d/r").unwrap());
        let behind = Destination::BehindFocusAlias(FullJid::new("u@d/r").unwrap());
        let refused = |condition| Rule::Refuse(condition);
        use Destination as To;
        use Stanza::{Iq, Message, Presence};
        let table = [
            (Iq, &To::Server, false, true, Rule::Serve),
            (Iq, &To::Self_, false, true, Rule::Serve),
            (Iq, &To::Server, true, true, Rule::Drop),
            (
                Iq,
                &To::Rooms(RoomKind::Conference),
                false,
                true,
                Rule::ServeRooms,
            ),
            (Iq, &room, false, true, Rule::Room),
            (Iq, &room, true, true, Rule::Room),
            (Iq, &To::FocusAlias, false, true, Rule::AskFocus),
            (Iq, &behind, true, false, Rule::AnswerForFocus),
            (
                Iq,
                &behind,
                false,
                true,
                refused(Condition::ServiceUnavailable),
            ),
            (
                Iq,
                &user,
                false,
                true,
                refused(Condition::ServiceUnavailable),
            ),
            (Iq, &user, true, true, Rule::Drop),
            (Iq, &user, true, false, Rule::Deliver),
            (Iq, &account, true, true, Rule::Deliver),
            (
                Iq,
                &account,
                false,
                true,
                refused(Condition::ServiceUnavailable),
            ),
            (Iq, &account, false, false, Rule::Deliver),
            (Iq, &user, false, false, Rule::Deliver),
            (
                Iq,
                &To::Elsewhere,
                false,
                true,
                refused(Condition::RemoteServerNotFound),
            ),
            (Message, &room, false, true, Rule::Room),
            (
                Message,
                &user,
                false,
                true,
                refused(Condition::ServiceUnavailable),
            ),
            (Message, &user, false, false, Rule::Deliver),
            (
                Message,
                &To::FocusAlias,
                false,
                true,
                refused(Condition::FeatureNotImplemented),
            ),
            (Presence, &room, false, true, Rule::Enter),
            (Presence, &To::Server, false, true, Rule::NoteAvailability),
            (
                Presence,
                &To::FocusAlias,
                false,
                true,
                refused(Condition::BadRequest),
            ),
            (
                Presence,
                &To::Rooms(RoomKind::Conference),
                false,
                true,
                refused(Condition::ItemNotFound),
            ),
            (Presence, &user, false, true, Rule::Drop),
        ];
        for (stanza, to, answers, guest, expected) in table {
            assert_eq!(
                rule(stanza, to, answers, guest),
                expected,
                "{stanza:?} {to:?} {answers} {guest}"
            );
        }
    }
}
