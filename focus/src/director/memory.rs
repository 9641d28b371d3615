//! What a successor has to know of running conferences is kept at the XMPP server, in the account's private storage
//! (XEP-0049), an element for each room: the server has it for as long as it has the rooms, wherever the next focus runs.
//! The rooms' names are kept as well (`index.rs`), before anything is kept of a room and until nothing is.
//!
//! A server that keeps nothing is no fault: the next focus invites everybody anew (`conference/adoption.rs`).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use xmpp::stanza::IqType;
use xmpp::xml::{ElementExt, element};
use xmpp::{BareJid, Element, Jid, ns};

use crate::conference::{Conference, Memory, NoAnswer};
use crate::config::seconds;
use crate::context::Context;

use super::Director;
use super::index::{self, Index};
use super::iqs::Waiter;

/// Time that changes of a conference are gathered before they are sent.
const GATHER: Duration = Duration::from_millis(500);
/// Namespace of what is kept of a room, before the room's address.
const NAMESPACE: &str = "urn:shoal:focus:memory:";

/// What is yet to be sent.
#[derive(Debug, Default)]
pub(super) struct Notes {
    changed: BTreeSet<BareJid>,
    /// Rooms of which the server keeps something, or may.
    kept: BTreeSet<BareJid>,
    /// The rooms' names.
    index: Index,
    due: Option<Instant>,
    /// The server has no such storage.
    refused: bool,
}

impl Notes {
    /// An earlier focus had this room, and may have kept something of it.
    pub(super) fn note_found(&mut self, room: &BareJid, place: usize) {
        self.index.note_kept(room, place);
        self.kept.insert(room.clone());
    }

    pub(super) fn changed(&mut self, room: &BareJid, now: Instant) {
        if !self.refused && self.changed.insert(room.clone()) {
            self.due.get_or_insert(now + GATHER);
        }
    }
}

impl Director {
    /// Another server, or the same one after a restart, keeps nothing yet.
    pub(super) fn note_everything(&mut self, now: Instant) {
        self.notes.refused = false;
        self.notes.kept.clear();
        self.notes.index = Index::default();
        for room in self.conferences.keys() {
            self.notes.changed(room, now);
        }
    }

    /// When what has changed is to be sent: not before it is known what an earlier focus kept.
    pub(super) fn notes_due(&self) -> Option<Instant> {
        self.notes.due.filter(|_| !self.pickup.is_under_way())
    }

    pub(super) fn send_notes_if_due(&mut self, now: Instant) {
        if self.notes_due().is_some_and(|at| at <= now) {
            self.handle_end(now);
        }
    }

    /// Sends what has changed at once, because the focus ends.
    pub fn handle_end(&mut self, now: Instant) {
        self.notes.due = None;
        let Some(account) = self.me.as_ref().map(|me| Jid::from(me.to_bare())) else {
            return;
        };
        let changed = std::mem::take(&mut self.notes.changed);
        let mut queries = Vec::new();
        let (running, over): (Vec<&BareJid>, Vec<&BareJid>) = changed
            .iter()
            .partition(|room| self.conferences.contains_key(*room));
        for room in running {
            self.notes.index.insert(room);
        }
        queries.extend(self.notes.index.take_changed());
        for room in &changed {
            let slot = self.conferences.get(room);
            let memory = slot.and_then(|slot| slot.conference.memory());
            let is_news = match &memory {
                Some(_) => {
                    self.notes.kept.insert(room.clone());
                    true
                }
                None => self.notes.kept.remove(room),
            };
            if is_news {
                queries.push(keep(room, memory.as_ref()));
            }
        }
        for room in over {
            self.notes.index.remove(room);
        }
        queries.extend(self.notes.index.take_changed());
        let deadline = now + seconds(self.settings.config.conference.iq_timeout_s);
        for query in queries {
            self.request(account.clone(), IqType::Set, query, Waiter::Kept, deadline);
        }
    }

    /// Asks for a part of the list of rooms that an earlier focus kept. False if that cannot be asked.
    pub(super) fn ask_for_index(&mut self, place: usize, deadline: Instant) -> bool {
        let Some(account) = self.me.as_ref().map(|me| Jid::from(me.to_bare())) else {
            return false;
        };
        let query = index::query(place, None);
        self.request(account, IqType::Get, query, Waiter::Index(place), deadline)
    }

    /// Whether the server has yet to confirm that it keeps something.
    pub fn is_keeping(&self) -> bool {
        self.online && self.has_pending(|waiter| matches!(waiter, Waiter::Kept))
    }

    pub(super) fn handle_kept(&mut self, answer: Result<Option<&Element>, NoAnswer>) {
        if let Err(NoAnswer::Refused(error)) = answer
            && !std::mem::replace(&mut self.notes.refused, true)
        {
            self.notes.changed.clear();
            self.notes.due = None;
            tracing::warn!(%error,
                "the XMPP server keeps nothing for the focus (XEP-0049); a focus that follows this one will invite everybody anew");
        }
    }

    /// Asks what an earlier focus knew of a room. False if that cannot be asked.
    pub(super) fn ask_for_memory(&mut self, room: &BareJid, deadline: Instant) -> bool {
        let Some(account) = self.me.as_ref().map(|me| Jid::from(me.to_bare())) else {
            return false;
        };
        let waiter = Waiter::Memory(room.clone());
        self.request(account, IqType::Get, keep(room, None), waiter, deadline)
    }

    /// Goes on with a conference as an earlier focus knew it. False if nothing is known of it.
    pub(super) fn take_up(
        &mut self,
        room: &BareJid,
        answer: Result<Option<&Element>, NoAnswer>,
        now: Instant,
    ) -> bool {
        let (Ok(Some(query)), Some(me)) = (answer, self.me.clone()) else {
            return false;
        };
        let Some(memory) = memory_in(query) else {
            return false;
        };
        let mut context = Context {
            now,
            settings: &self.settings,
            authority: &self.authority,
            bridges: &mut self.bridges,
            caps: &mut self.caps,
            random: &mut *self.random,
            counters: &mut self.counters,
        };
        let nick = &context.settings.config.nick.clone();
        let conference = Conference::remembered(&memory, nick, me.clone(), &mut context)
            .filter(|conference| conference.room() == room);
        let Some(conference) = conference else {
            tracing::warn!(%room, "what an earlier focus kept of the conference makes no sense; everybody is invited anew");
            return false;
        };
        self.notes.kept.insert(room.clone());
        self.begin(conference, me, now);
        true
    }
}

/// The query with which something is kept, or with `None` asked for or removed.
fn keep(room: &BareJid, memory: Option<&Memory>) -> Element {
    let mut kept = element("memory", &format!("{NAMESPACE}{room}"));
    if let Some(memory) = memory {
        kept.append_text_node(serde_json::to_string(memory).expect("a memory is plain data"));
    }
    element("query", ns::PRIVATE).with_child(kept)
}

fn memory_in(query: &Element) -> Option<Memory> {
    let kept = query.children().find(|kept| kept.name() == "memory")?;
    serde_json::from_str(&kept.text()).ok()
}
