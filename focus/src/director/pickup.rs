//! Looking around after login: which components there are, and which rooms wait for a focus. Until that is known nobody
//! is let into a conference that an earlier focus may have had.

use std::collections::BTreeSet;
use std::time::Instant;

use xmpp::stanza::{Condition, IqType, StanzaError};
use xmpp::xml::element;
use xmpp::{BareJid, Element, Jid, ns};

use crate::authority::Authority;
use crate::conference::{NoAnswer, Wishes};
use crate::config::seconds;

use super::Director;
use super::index;
use super::iqs::Waiter;
use super::opening::Opening;
use super::probe::TEST_ROOM;

/// Components whose messages about rooms are heeded.
const COMPONENTS: [&str; 2] = ["av_moderation", "room_metadata"];
/// Most requests that wait for the look around.
const MOST_WAITING: usize = 10_000;

/// How far the look for rooms has come.
#[derive(Debug, Default)]
pub(super) struct Pickup {
    /// Lists of rooms that are awaited: those of the MUC services, and what an earlier focus kept.
    lists: usize,
    /// Rooms of which it is being asked what an earlier focus knew.
    rooms: BTreeSet<BareJid>,
    /// Who asked for a conference meanwhile.
    waiting: Vec<Opening>,
}

impl Pickup {
    pub(super) fn is_under_way(&self) -> bool {
        self.lists > 0 || !self.rooms.is_empty()
    }
}

impl Director {
    /// Asks for components and rooms. Some MUC services list their rooms to an admin; others do not list those that are
    /// hidden, and an earlier focus knew their names.
    pub(super) fn look_around(&mut self, now: Instant) {
        let deadline = now + seconds(self.settings.config.conference.iq_timeout_s);
        self.ask_for_components(deadline);
        self.pickup.rooms.clear();
        self.pickup.lists = 0;
        for muc in self.settings.mucs.clone() {
            let query = element("query", ns::DISCO_ITEMS);
            if self.request(muc, IqType::Get, query, Waiter::Rooms, deadline) {
                self.pickup.lists += 1;
            }
        }
        for place in 0..index::ELEMENTS {
            if self.ask_for_index(place, deadline) {
                self.pickup.lists += 1;
            }
        }
    }

    fn ask_for_components(&mut self, deadline: Instant) {
        let domain = self.settings.domain.clone();
        let query = element("query", ns::DISCO_INFO);
        self.request(domain, IqType::Get, query, Waiter::Components, deadline);
    }

    /// What the domain says of itself. Until it has, nobody knows who may open rooms.
    pub(super) fn handle_components(
        &mut self,
        answer: Result<Option<&Element>, NoAnswer>,
        now: Instant,
    ) {
        match answer {
            // After the next login it is asked again.
            Err(NoAnswer::Disconnected) => return,
            Err(NoAnswer::Timeout) if self.authority == Authority::Unknown => {
                let patience = seconds(self.settings.config.conference.iq_timeout_s);
                return self.ask_for_components(now + patience);
            }
            Err(NoAnswer::Timeout) => return,
            Err(NoAnswer::Refused(_)) | Ok(None) => self.learn_authority(None, now),
            Ok(Some(info)) => {
                self.note_components(info);
                self.learn_authority(Some(info), now);
            }
        }
        self.end_pickup(now);
    }

    fn note_components(&mut self, info: &Element) {
        self.components = info
            .children()
            .filter(|c| c.name() == "identity" && c.attr("category") == Some("component"))
            .filter(|c| c.attr("type").is_some_and(|t| COMPONENTS.contains(&t)))
            .filter_map(|c| Jid::new(c.attr("name")?).ok())
            .collect();
    }

    pub(super) fn handle_rooms(
        &mut self,
        answer: Result<Option<&Element>, NoAnswer>,
        now: Instant,
    ) {
        // After the next login it is asked again.
        if answer == Err(NoAnswer::Disconnected) {
            return;
        }
        let items = answer.ok().flatten();
        let rooms: Vec<BareJid> = items
            .into_iter()
            .flat_map(Element::children)
            .filter(|c| c.name() == "item")
            .filter_map(|c| self.settings.room(c.attr("jid")?))
            .filter(|room| {
                room.node()
                    .is_some_and(|node| !node.as_str().starts_with(TEST_ROOM))
            })
            .collect();
        self.handle_list(rooms, now);
    }

    /// A part of the list of rooms that an earlier focus kept.
    pub(super) fn handle_index(
        &mut self,
        place: usize,
        answer: Result<Option<&Element>, NoAnswer>,
        now: Instant,
    ) {
        if answer == Err(NoAnswer::Disconnected) {
            return;
        }
        let names = answer.ok().flatten().map(index::rooms_in);
        let rooms: Vec<BareJid> = names
            .unwrap_or_default()
            .iter()
            .filter_map(|name| self.settings.room(name))
            .collect();
        for room in &rooms {
            self.notes.note_found(room, place);
        }
        self.handle_list(rooms, now);
    }

    fn handle_list(&mut self, rooms: Vec<BareJid>, now: Instant) {
        self.pickup.lists = self.pickup.lists.saturating_sub(1);
        let rooms: Vec<BareJid> = rooms
            .into_iter()
            .filter(|room| {
                !self.conferences.contains_key(room) && !self.pickup.rooms.contains(room)
            })
            .collect();
        if !rooms.is_empty() {
            tracing::info!(rooms = rooms.len(), "found rooms of an earlier focus");
        }
        let deadline = now + seconds(self.settings.config.conference.iq_timeout_s);
        for room in rooms {
            if self.ask_for_memory(&room, deadline) {
                self.pickup.rooms.insert(room);
            } else {
                self.begin_anew(&room, now);
            }
        }
        self.end_pickup(now);
    }

    /// What an earlier focus knew of a room, or that nothing is known.
    pub(super) fn handle_memory(
        &mut self,
        room: &BareJid,
        answer: Result<Option<&Element>, NoAnswer>,
        now: Instant,
    ) {
        if answer == Err(NoAnswer::Disconnected) || !self.pickup.rooms.remove(room) {
            return;
        }
        if !self.conferences.contains_key(room) && !self.take_up(room, answer, now) {
            self.begin_anew(room, now);
        }
        self.end_pickup(now);
    }

    fn begin_anew(&mut self, room: &BareJid, now: Instant) {
        let wishes = Wishes {
            rtcstats_enabled: true,
            ..Wishes::default()
        };
        if let Err(error) = self.create(room, wishes, now) {
            tracing::warn!(%room, %error, "the room cannot be picked up");
            self.notes.changed(room, now);
        }
    }

    /// Keeps a request until it is known what an earlier focus left behind.
    pub(super) fn wait_for_pickup(&mut self, opening: Opening) {
        if self.pickup.waiting.len() < MOST_WAITING {
            self.pickup.waiting.push(opening);
            return;
        }
        let error = StanzaError::new(Condition::ResourceConstraint);
        let error = error.with_text("the focus has just started");
        self.reply(opening.asker, &opening.room, &Err(error));
    }

    fn end_pickup(&mut self, now: Instant) {
        if self.pickup.is_under_way() {
            return;
        }
        if self.brewery.is_joined() {
            self.leave_unknown_bridges(now);
        }
        for opening in std::mem::take(&mut self.pickup.waiting) {
            self.open(opening, now);
        }
    }
}
