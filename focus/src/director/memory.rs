//! Remembering conferences: what changed is given out at a bounded rate.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use xmpp::{BareJid, FullJid};

use crate::conference::{Conference, Memory};
use crate::context::Context;

use super::{Director, Output, Slot};

/// Time that changes of a conference are gathered before they are given out.
const GATHER: Duration = Duration::from_millis(500);

/// What is yet to be given out, and what is yet to be taken up.
#[derive(Debug, Default)]
pub(super) struct Notes {
    wanted: bool,
    changed: BTreeSet<BareJid>,
    due: Option<Instant>,
    remembered: Vec<Memory>,
}

impl Notes {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn changed(&mut self, room: &BareJid, now: Instant) {
        if self.wanted && self.changed.insert(room.clone()) {
            self.due.get_or_insert(now + GATHER);
        }
    }
}

impl Director {
    /// From now on changes of conferences are given out ([`Output::Remember`]); `memories` are taken up
    /// with the first connection.
    pub fn remember(&mut self, memories: Vec<Memory>) {
        self.notes.wanted = true;
        self.notes.remembered = memories;
    }

    pub(super) fn take_up_remembered(&mut self, me: &FullJid, now: Instant) {
        for memory in std::mem::take(&mut self.notes.remembered) {
            let mut context = Context {
                now,
                settings: &self.settings,
                bridges: &mut self.bridges,
                caps: &mut self.caps,
                random: &mut *self.random,
                counters: &mut self.counters,
            };
            let nick = &context.settings.config.nick.clone();
            let Some(conference) = Conference::remembered(&memory, nick, me.clone(), &mut context)
            else {
                tracing::warn!(room = %memory.room, "what is remembered of the conference makes no sense");
                continue;
            };
            let room = conference.room().clone();
            if self.conferences.contains_key(&room) {
                continue;
            }
            self.generation += 1;
            let slot = Slot {
                conference,
                generation: self.generation,
                askers: Vec::new(),
                deadline: None,
                since: now,
            };
            self.conferences.insert(room, slot);
        }
    }

    pub(super) fn give_out_changes(&mut self, now: Instant) {
        if self.notes.due.is_some_and(|at| at <= now) {
            self.handle_end();
        }
    }

    /// Gives out what has changed, because the focus ends.
    pub fn handle_end(&mut self) {
        self.notes.due = None;
        for room in std::mem::take(&mut self.notes.changed) {
            let memory = self
                .conferences
                .get(&room)
                .and_then(|slot| slot.conference.memory());
            self.out
                .push_back(Output::Remember(room.to_string(), memory.map(Box::new)));
        }
    }
}
