//! The room as one occupant sees it: who is in it, which of them is the focus.

use std::collections::{BTreeMap, VecDeque};

use xmpp::disco::{Caps, Info};
use xmpp::muc::{self, Join, MucUser, status};
use xmpp::presence::{ClientPresence, SourceState};
use xmpp::stanza;
use xmpp::{BareJid, Element, ElementExt, FullJid};

use super::features;

/// Occupants that are remembered; a larger room is not what a load test opens.
const MAX_OCCUPANTS: usize = 10_000;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum RoomEvent {
    /// We are in it.
    Joined,
    /// Somebody is in it, with the name that is shown.
    Entered { id: String, name: String },
    /// Somebody is gone.
    Left,
    /// The focus is in the room, as it has said now.
    FocusPresent,
    /// The focus has left the room.
    FocusLeft,
    /// The room does not let us in, or does not answer for a reason that may pass.
    Refused(String),
    /// Our name is taken: by our own ghost of an earlier session.
    NameTaken,
    /// Somebody put us out.
    Removed(String),
}

#[derive(Debug)]
pub(super) struct Room {
    jid: BareJid,
    nick: String,
    focus: Option<String>,
    focus_occupant: Option<FullJid>,
    joined: bool,
    /// Names of the other people by endpoint id.
    people: BTreeMap<String, String>,
    events: VecDeque<RoomEvent>,
}

impl Room {
    /// A room that is about to be joined. `focus` is the focus's bare JID.
    pub(super) fn new(jid: BareJid, nick: String, focus: Option<String>) -> Self {
        Self {
            jid,
            nick,
            focus,
            focus_occupant: None,
            joined: false,
            people: BTreeMap::new(),
            events: VecDeque::new(),
        }
    }

    /// Our endpoint id.
    pub(super) fn nick(&self) -> &str {
        &self.nick
    }

    pub(super) fn is_joined(&self) -> bool {
        self.joined
    }

    /// Where the focus is in the room.
    pub(super) fn focus_occupant(&self) -> Option<&FullJid> {
        self.focus_occupant.as_ref()
    }

    /// Names of the other people in the room.
    pub(super) fn people(&self) -> impl Iterator<Item = &str> {
        self.people.values().map(String::as_str)
    }

    fn occupant(&self) -> Option<FullJid> {
        FullJid::new(&format!("{}/{}", self.jid, self.nick)).ok()
    }

    /// The presence that joins, with the sources that will be sent.
    pub(super) fn join(&self, name: &str, sends: bool, info: &Info) -> Option<Element> {
        let muted = |suffix: &str| {
            let state = SourceState {
                muted: !sends,
                video_type: None,
                media_type: None,
            };
            (format!("{}-{suffix}", self.nick), state)
        };
        let about = ClientPresence {
            nick: Some(name.to_owned()),
            source_info: Some([muted("a0"), muted("v0")].into()),
            codecs: vec!["vp8".to_owned()],
            ..ClientPresence::default()
        };
        let caps: Caps = features::caps(info);
        let presence = muc::join(&self.occupant()?, &Join::default());
        Some(
            presence
                .with_child(&caps)
                .with_children(about.to_elements()),
        )
    }

    pub(super) fn leave(&self) -> Option<Element> {
        Some(muc::leave(&self.occupant()?))
    }

    /// Takes a presence of this room; of others nothing is noticed.
    pub(super) fn handle_presence(&mut self, presence: &Element) {
        let Some(from) = stanza::from(presence).filter(|from| from.to_bare() == self.jid) else {
            return;
        };
        let Some(id) = from.resource().map(ToString::to_string) else {
            return;
        };
        if presence.attr("type") == Some("error") {
            self.handle_error(presence);
            return;
        }
        let user = MucUser::inside(presence).unwrap_or_default();
        let gone = presence.attr("type") == Some("unavailable");
        if user.is_self() {
            self.handle_own(gone, &user);
        } else if gone {
            if self.focus_occupant.as_ref().is_some_and(|f| **f == from) {
                self.focus_occupant = None;
                self.events.push_back(RoomEvent::FocusLeft);
            } else if self.people.remove(&id).is_some() {
                self.events.push_back(RoomEvent::Left);
            }
        } else if self.is_focus(&id, &user) {
            self.focus_occupant = from.try_into_full().ok();
            self.events.push_back(RoomEvent::FocusPresent);
        } else if self.people.len() < MAX_OCCUPANTS {
            let name = ClientPresence::from_presence(presence)
                .nick
                .unwrap_or_default();
            self.people.insert(id.clone(), name.clone());
            self.events.push_back(RoomEvent::Entered { id, name });
        }
    }

    /// By its real JID where the room shows it, else by its nick.
    fn is_focus(&self, nick: &str, user: &MucUser) -> bool {
        let real = user.item().and_then(|item| item.jid.as_deref());
        match (&self.focus, real) {
            (Some(focus), Some(real)) => real.split('/').next() == Some(focus),
            _ => nick == "focus",
        }
    }

    fn handle_own(&mut self, gone: bool, user: &MucUser) {
        if !gone {
            if !std::mem::replace(&mut self.joined, true) {
                self.events.push_back(RoomEvent::Joined);
            }
            return;
        }
        self.joined = false;
        let why = if user.destroy.is_some() {
            "the room was closed"
        } else if user.has_status(status::BANNED) {
            "banned"
        } else if user.has_status(status::KICKED) {
            "put out by a moderator"
        } else if user.has_status(status::SHUTDOWN) {
            "the service shuts down"
        } else {
            "removed"
        };
        self.events.push_back(RoomEvent::Removed(why.to_owned()));
    }

    fn handle_error(&mut self, presence: &Element) {
        let condition = stanza::error_of(presence).map(|error| error.condition);
        self.events.push_back(match condition {
            Some(stanza::Condition::Conflict) => RoomEvent::NameTaken,
            Some(condition) => RoomEvent::Refused(condition.as_str().to_owned()),
            None => RoomEvent::Refused("an error without condition".to_owned()),
        });
    }

    pub(super) fn poll_event(&mut self) -> Option<RoomEvent> {
        self.events.pop_front()
    }
}

/// The endpoint id that a client takes: the first eight characters of its JID where they are
/// hexadecimal digits, else a random one.
pub(super) fn endpoint_id(jid: &FullJid, random: u32) -> String {
    let node = jid.node().map(ToString::to_string).unwrap_or_default();
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    match node.get(..8) {
        Some(id) if id.chars().all(hex) => id.to_owned(),
        _ => format!("{random:08x}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use xmpp::stream::Limits;
    use xmpp::stream::frame::{self, Frame};

    fn room() -> Room {
        let jid = BareJid::new("r@muc.x").unwrap();
        Room::new(jid, "aaaaaaaa".into(), Some("focus@auth.x".into()))
    }

    /// A presence of an occupant: attributes, real JID, what else is in it.
    fn presence(nick: &str, attributes: &str, real: &str, user: &str, more: &str) -> Element {
        let text = format!(
            "<presence xmlns='jabber:client' from='r@muc.x/{nick}' {attributes}>\
             <x xmlns='http://jabber.org/protocol/muc#user'><item jid='{real}'/>{user}</x>{more}</presence>"
        );
        match frame::parse(&text, &Limits::PARTICIPANT).unwrap() {
            Frame::Element(element) => element,
            other => panic!("{other:?}"),
        }
    }

    fn nick(name: &str) -> String {
        format!("<nick xmlns='http://jabber.org/protocol/nick'>{name}</nick>")
    }

    #[test]
    fn people_come_and_go_and_the_focus_is_none_of_them() {
        let mut room = room();
        room.handle_presence(&presence("focus", "", "focus@auth.x/f", "", ""));
        // Whoever calls itself focus is not the focus.
        room.handle_presence(&presence("focus2", "", "b@x/y", "", &nick("Bo")));
        let own = "<status code='110'/>";
        room.handle_presence(&presence("aaaaaaaa", "", "a@x/y", own, ""));
        assert_eq!(room.people().collect::<Vec<_>>(), ["Bo"]);
        let focus = room.focus_occupant().unwrap();
        assert_eq!(focus.resource().as_str(), "focus");
        assert!(room.is_joined());
        let entered = RoomEvent::Entered {
            id: "focus2".into(),
            name: "Bo".into(),
        };
        assert_eq!(room.poll_event(), Some(RoomEvent::FocusPresent));
        assert_eq!(room.poll_event(), Some(entered));
        assert_eq!(room.poll_event(), Some(RoomEvent::Joined));
        let gone = "type='unavailable'";
        room.handle_presence(&presence("focus2", gone, "b@x/y", "", ""));
        assert_eq!(room.people().count(), 0);
        assert_eq!(room.poll_event(), Some(RoomEvent::Left));
        room.handle_presence(&presence("focus", gone, "focus@auth.x/f", "", ""));
        assert!(room.focus_occupant().is_none());
        assert_eq!(room.poll_event(), Some(RoomEvent::FocusLeft));
    }

    #[test]
    fn why_we_are_out_is_told() {
        let gone = "type='unavailable'";
        for (user, why) in [
            ("<status code='110'/><status code='307'/>", "moderator"),
            ("<status code='110'/><destroy/>", "closed"),
            ("<status code='110'/><status code='332'/>", "shuts down"),
        ] {
            let mut room = room();
            room.handle_presence(&presence("aaaaaaaa", gone, "a@x/y", user, ""));
            let event = room.poll_event();
            assert!(
                matches!(&event, Some(RoomEvent::Removed(text)) if text.contains(why)),
                "{event:?}"
            );
        }
    }

    #[test]
    fn a_taken_name_is_another_matter_than_a_refusal() {
        let error = |condition: &str| {
            let mut room = room();
            let error = format!(
                "<error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
            );
            room.handle_presence(&presence("aaaaaaaa", "type='error'", "a@x/y", "", &error));
            room.poll_event()
        };
        assert_eq!(error("conflict"), Some(RoomEvent::NameTaken));
        let refused = RoomEvent::Refused("not-allowed".into());
        assert_eq!(error("not-allowed"), Some(refused));
    }

    #[test]
    fn the_endpoint_id_is_the_beginning_of_the_jid_if_it_is_hexadecimal() {
        let id = |jid: &str| endpoint_id(&FullJid::new(jid).unwrap(), 0xabc);
        assert_eq!(id("0123abcd-ef@x/y"), "0123abcd");
        assert_eq!(id("guest-12345@x/y"), "00000abc");
        assert_eq!(id("ab@x/y"), "00000abc");
    }
}
