//! What passes between a participant and the focus.

use std::time::Instant;

use xmpp::jingle::Jingle;
use xmpp::{Element, FullJid, stanza};

use super::room::Room;
use super::sessions::{About, SessionsEvent};
use super::{Order, Participant, stanzas};

/// Answers of the focus that are waited for at once.
const MAX_REQUESTS: usize = 256;

impl Participant {
    pub(super) fn handle_iq(&mut self, iq: &Element, now: Instant) {
        if let Some(id) = stanza::id(iq).filter(|_| stanzas::is_answer(iq)) {
            if let Some(about) = self.requests.remove(id) {
                let refused = stanza::error_of(iq).is_some();
                self.sessions.handle_answer(&about, refused, now);
                self.drain_sessions(now);
            }
            return;
        }
        let focus = self.room.as_ref().and_then(Room::focus_occupant);
        let (answer, jingle) = stanzas::answer(iq, focus, &self.info);
        let answer = match jingle {
            None => answer,
            Some(jingle) => {
                let taken = self.handle_jingle(*jingle, now);
                stanzas::result(iq, taken)
            }
        };
        self.connection.send(&answer, now);
        self.drain_sessions(now);
    }

    fn handle_jingle(&mut self, jingle: Jingle, now: Instant) -> Result<(), stanza::Condition> {
        if !self.seat.media {
            // The offer is left unanswered, as by somebody whose page is still loading.
            return Ok(());
        }
        self.sessions
            .handle_jingle(jingle, &mut self.rng, &mut self.journal, now)
    }

    pub(super) fn drain_sessions(&mut self, now: Instant) {
        while let Some(event) = self.sessions.poll_event() {
            match event {
                SessionsEvent::OpenMedia { id, toward } => {
                    self.orders.push_back(Order::OpenMedia { id, toward });
                }
                SessionsEvent::CloseMedia(id) => self.orders.push_back(Order::CloseMedia(id)),
                SessionsEvent::Ask { jingle, about } => self.ask_focus(&jingle, about, now),
            }
        }
    }

    fn ask_focus(&mut self, jingle: &Jingle, about: About, now: Instant) {
        let focus: Option<FullJid> = self
            .room
            .as_ref()
            .and_then(|room| room.focus_occupant().cloned());
        let Some(focus) = focus.filter(|_| self.requests.len() < MAX_REQUESTS) else {
            return;
        };
        let request = stanza::iq_set(&focus, Element::from(jingle));
        if let Some(id) = stanza::id(&request) {
            self.requests.insert(id.to_owned(), about);
        }
        self.connection.send(&request, now);
    }
}
