//! What the focus keeps of a room.
//!
//! A focus that takes rooms over is told of each change, as a text that means nothing to it, and gives the text back with
//! the presence with which it enters a room that the server has lost. That is in force before anybody else enters. People
//! have other addresses by then: they are known by the id of the session that they ask to resume (`previd`), of which the
//! room keeps a digest.

use super::{Locks, Revision, Room};
use crate::context::{Context, Outbox};
use crate::render::Writer;
use crate::room::Affiliation;
use crate::session::Session;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use xmpp::{BareJid, Element, ns};

/// Most people and addresses that are taken from a memory.
const MOST_ENTRIES: usize = 10_000;

/// What is kept.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Memory {
    revision: Revision,
    #[serde(flatten)]
    locks: Locks,
    /// Of addresses that stay the same: accounts.
    affiliations: BTreeMap<String, String>,
    /// Of people, by the digest of what resumes their session.
    people: BTreeMap<String, String>,
}

/// The focus that keeps it, and what is known through it.
#[derive(Default)]
pub(super) struct Keeper {
    session: Option<Arc<Session>>,
    /// What it was told last.
    told: Memory,
    /// People of the room that was lost who have not come back, by digest.
    absent: BTreeMap<String, Affiliation>,
}

impl Keeper {
    /// What somebody had in the room that was lost.
    pub(super) fn absent(&self, session: &Session) -> Option<Affiliation> {
        let previous = session.profile().previous.clone()?;
        self.absent.get(&*previous).copied()
    }

    pub(super) fn returned(&mut self, session: &Session) {
        if let Some(previous) = &session.profile().previous {
            self.absent.remove(&**previous);
        }
    }

    pub(super) fn forget_absent(&mut self) {
        self.absent.clear();
    }
}

impl Room {
    /// A focus that takes over enters: it is the one that keeps the memory from here on.
    pub(in crate::room) fn note_keeper(&mut self, focus: &Arc<Session>) {
        self.remembered.focus.session = Some(Arc::clone(focus));
        self.remembered.focus.told = Memory::default();
        self.remembered.changed = true;
    }

    /// The room is new to the server, and not to the focus that opens it.
    pub(in crate::room) fn recall(&mut self, presence: &Element, context: &Context<'_>) {
        let text = presence.get_child("memory", ns::ROOM_MEMORY);
        let Some(text) = text.map(Element::text) else {
            return;
        };
        let Ok(memory) = serde_json::from_str::<Memory>(&text) else {
            tracing::error!(room = %self.jid, "what the focus kept of the room makes no sense; the room is open");
            return;
        };
        // Somebody who waits for the focus may know better.
        let origin = self.remembered.origin.as_ref();
        if origin.is_some_and(|origin| origin.revision > memory.revision) {
            return;
        }
        if self.remembered.is_news(memory.revision) {
            self.go_on_from(memory.revision, memory.locks, context.now);
        }
        for (jid, affiliation) in memory.affiliations.into_iter().take(MOST_ENTRIES) {
            if let (Ok(jid), Ok(affiliation)) = (BareJid::new(&jid), affiliation.parse()) {
                self.note_affiliation(&jid, affiliation);
            }
        }
        let people = memory.people.into_iter().take(MOST_ENTRIES);
        self.remembered.focus.absent = people
            .filter_map(|(digest, affiliation)| Some((digest, affiliation.parse().ok()?)))
            .collect();
    }

    /// The focus, if it is in the room.
    fn keeper(&self) -> Option<&Arc<Session>> {
        let keeper = self.remembered.focus.session.as_ref();
        keeper.filter(|it| self.by_session.contains_key(&it.key))
    }

    pub(super) fn tell_focus(&mut self, context: &Context<'_>, out: &mut Outbox) {
        let Some(keeper) = self.keeper().cloned() else {
            return;
        };
        let memory = self.memory(context);
        if memory == self.remembered.focus.told {
            return;
        }
        let text = serde_json::to_string(&memory).expect("a memory is plain data");
        self.remembered.focus.told = memory;
        let mut writer = Writer::stanza("message");
        writer.attr("from", self.jid.as_str());
        writer.leaf("memory", ns::ROOM_MEMORY, &text);
        out.send(&keeper, writer.finish());
    }

    /// Those who owned the room may be on the way, so that nobody else is to be made owner.
    pub(super) fn announce_return(&self, out: &mut Outbox) {
        let Some(keeper) = self.keeper() else {
            return;
        };
        let mut writer = Writer::stanza("message");
        writer.attr("from", self.jid.as_str());
        writer.open("returning", ns::ROOM_MEMORY).close();
        out.send(keeper, writer.finish());
    }

    fn memory(&self, context: &Context<'_>) -> Memory {
        let is_of_people = |jid: &BareJid| context.settings.has_people_on(jid.domain().as_str());
        let lasting = self.affiliations.iter();
        let lasting = lasting.filter(|(jid, _)| !is_of_people(jid));
        let least = match self.configuration.members_only {
            true => Affiliation::Member,
            false => Affiliation::Admin,
        };
        let absent = self.remembered.focus.absent.iter();
        let absent = absent.map(|(digest, affiliation)| (digest.clone(), *affiliation));
        let present = self.occupants.values().filter_map(|occupant| {
            let affiliation = *self.affiliations.get(&occupant.session.bare)?;
            let resumption = occupant.session.state.lock().resumption.clone()?;
            (affiliation >= least).then(|| (super::digest_of(&resumption).into(), affiliation))
        });
        Memory {
            revision: self.remembered.revision,
            locks: self.locks(),
            affiliations: lasting
                .map(|(jid, affiliation)| (jid.to_string(), affiliation.as_str().into()))
                .collect(),
            people: absent
                .chain(present)
                .map(|(digest, affiliation)| (digest, affiliation.as_str().into()))
                .collect(),
        }
    }
}
