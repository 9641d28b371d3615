//! The server has lost its rooms, and with them who may enter and who owns what. What the room let the focus keep is given
//! back when the focus opens the room again, and people get time to come back before anybody takes their place.

use std::time::{Duration, Instant};

use xmpp::xml::{ElementExt, element};
use xmpp::{Element, ns};

use super::action::Action;
use super::participant::Sighting;
use super::{Conference, Context};

/// Longest text that is kept of a room, in bytes.
const MAX_BYTES: usize = 1024 * 1024;
/// Time that people of a lost room have to come back before it is left for empty.
const RETURN_WITHIN: Duration = Duration::from_secs(30);
/// Time that its owners have, until somebody else is made owner.
const OWNERS_WITHIN: Duration = Duration::from_secs(15);

/// What is kept of the room.
#[derive(Default)]
pub(super) struct RoomMemory {
    text: Option<String>,
    /// This focus has had the room open. Of one that it only remembers, it knows not when people left it.
    was_open: bool,
    /// Nobody is made owner before, because one may be on the way.
    owners_until: Option<Instant>,
}

impl RoomMemory {
    /// What the presence that enters the room gives back.
    pub(super) fn to_element(&self) -> Option<Element> {
        let text = self.text.as_deref()?;
        Some(element("memory", ns::ROOM_MEMORY).with_text(text))
    }

    pub(super) fn handle_open(&mut self) {
        self.was_open = true;
    }

    pub(super) fn awaits_owners(&self, now: Instant) -> bool {
        self.owners_until.is_some_and(|until| now < until)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.owners_until
    }
}

impl Conference {
    /// The room says what is to be kept of it, or that it goes on from what a page has kept.
    pub fn handle_room_memory(&mut self, memory: &Element, ctx: &Context<'_>) -> Vec<Action> {
        let text = memory.text();
        if memory.name() == "returning" {
            self.room_memory.owners_until = Some(ctx.now + OWNERS_WITHIN);
            // The one by whom the room knows it comes in next, when everybody else may be out.
            self.expected = self.expected.max(1);
            self.expected_until = self.expected_until.max(Some(ctx.now + RETURN_WITHIN));
        } else if text.len() <= MAX_BYTES {
            self.room_memory.text = Some(text);
        } else {
            tracing::warn!(room = %self.room, bytes = text.len(), "the room has more to keep than the focus does");
        }
        Vec::new()
    }

    /// The room is another one than before, so the server has lost it: those who were in it will be back.
    pub(super) fn await_return(&mut self, ctx: &Context<'_>) {
        if !self.room_memory.was_open {
            return;
        }
        let away = self
            .participants
            .values()
            .filter(|p| p.sighting == Sighting::Unseen)
            .count();
        let away = u32::try_from(away).unwrap_or(u32::MAX);
        if away > 0 {
            self.expected = self.expected.max(away);
            self.expected_until = self.expected_until.max(Some(ctx.now + RETURN_WITHIN));
        }
        if self.room_memory.text.is_some() {
            self.room_memory.owners_until = Some(ctx.now + OWNERS_WITHIN);
        }
    }

    /// Nobody who owned the room has come.
    pub(super) fn stop_awaiting_owners_if_due(&mut self, ctx: &mut Context<'_>) {
        let due = self
            .room_memory
            .owners_until
            .is_some_and(|at| at <= ctx.now);
        if due {
            self.room_memory.owners_until = None;
            if self.is_ready() {
                self.elect_moderators(ctx);
            }
        }
    }
}
