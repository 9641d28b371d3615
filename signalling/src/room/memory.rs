//! A room's locks and owners outlive the server: the focus keeps them.
//!
//! A focus that takes rooms over is told of each change, as a text that means nothing to it, and gives the text back with
//! the presence with which it enters a room that the server has lost. That is in force before anybody else enters. People
//! have other addresses by then: they are known by the id of the session that they ask to resume (`previd`), of which the
//! room keeps a digest.

use super::hooks::Verdict;
use super::{Affiliation, Join, Room};
use crate::context::{Context, Outbox};
use crate::render::Writer;
use crate::session::Session;
use aws_lc_rs::digest::{SHA256, digest};
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
    name: String,
    description: String,
    password: Option<String>,
    members_only: bool,
    change_subject: bool,
    /// Of addresses that stay the same: accounts.
    affiliations: BTreeMap<String, String>,
    /// Of people, by the digest of what resumes their session.
    people: BTreeMap<String, String>,
}

/// Where the room stands with its memory.
#[derive(Default)]
pub(super) struct Remembered {
    /// The focus that keeps it.
    keeper: Option<Arc<Session>>,
    /// What it was told last.
    told: Memory,
    changed: bool,
    /// People of the room that was lost who have not come back, by digest.
    absent: BTreeMap<String, Affiliation>,
}

impl Remembered {
    pub(super) fn changed(&mut self) {
        self.changed = true;
    }
}

/// What is kept of the id that resumes a session.
pub(crate) fn digest_of(resumption: &str) -> Box<str> {
    let digest = digest(&SHA256, resumption.as_bytes());
    let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    hex.collect::<String>().into()
}

/// Whoever had rights in the room that was lost has them again.
pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, _: &Context<'_>) -> Verdict {
    if join.affiliation == Affiliation::None
        && let Some(previous) = &join.session.profile().previous
        && let Some(affiliation) = room.remembered.absent.get(&**previous)
    {
        join.affiliation = *affiliation;
    }
    Verdict::Continue
}

pub(super) fn joined(
    room: &mut Room,
    session: &Arc<Session>,
    _: &Join<'_>,
    _: &Context<'_>,
    _: &mut Outbox,
) {
    if let Some(previous) = &session.profile().previous {
        room.remembered.absent.remove(&**previous);
    }
}

impl Room {
    /// A focus that takes over enters: it is the one that keeps the memory from here on.
    pub(super) fn note_keeper(&mut self, focus: &Arc<Session>) {
        self.remembered.keeper = Some(Arc::clone(focus));
        self.remembered.told = Memory::default();
        self.remembered.changed = true;
    }

    /// The room is new to the server, and not to the focus that opens it.
    pub(super) fn recall(&mut self, presence: &Element) {
        let text = presence.get_child("memory", ns::ROOM_MEMORY);
        let Some(text) = text.map(Element::text) else {
            return;
        };
        let Ok(memory) = serde_json::from_str::<Memory>(&text) else {
            tracing::error!(room = %self.jid, "what the focus kept of the room makes no sense; the room is open");
            return;
        };
        self.configuration.name = memory.name;
        self.configuration.description = memory.description;
        self.configuration.password = memory.password;
        self.configuration.members_only = memory.members_only;
        self.configuration.change_subject = memory.change_subject;
        for (jid, affiliation) in memory.affiliations.into_iter().take(MOST_ENTRIES) {
            if let (Ok(jid), Ok(affiliation)) = (BareJid::new(&jid), affiliation.parse()) {
                self.note_affiliation(&jid, affiliation);
            }
        }
        let people = memory.people.into_iter().take(MOST_ENTRIES);
        self.remembered.absent = people
            .filter_map(|(digest, affiliation)| Some((digest, affiliation.parse().ok()?)))
            .collect();
    }

    /// Tells the focus what has changed of what it keeps.
    pub(crate) fn tell_keeper(&mut self, context: &Context<'_>, out: &mut Outbox) {
        if !std::mem::take(&mut self.remembered.changed) {
            return;
        }
        let keeper = self.remembered.keeper.as_ref();
        let Some(keeper) = keeper.filter(|it| self.by_session.contains_key(&it.key)) else {
            return;
        };
        let keeper = Arc::clone(keeper);
        let memory = self.memory(context);
        if memory == self.remembered.told {
            return;
        }
        let text = serde_json::to_string(&memory).expect("a memory is plain data");
        self.remembered.told = memory;
        let mut writer = Writer::stanza("message");
        writer.attr("from", self.jid.as_str());
        writer.leaf("memory", ns::ROOM_MEMORY, &text);
        out.send(&keeper, writer.finish());
    }

    fn memory(&self, context: &Context<'_>) -> Memory {
        let configuration = &self.configuration;
        let is_of_people = |jid: &BareJid| context.settings.has_people_on(jid.domain().as_str());
        let lasting = self.affiliations.iter();
        let lasting = lasting.filter(|(jid, _)| !is_of_people(jid));
        let least = match configuration.members_only {
            true => Affiliation::Member,
            false => Affiliation::Admin,
        };
        let absent = self.remembered.absent.iter();
        let absent = absent.map(|(digest, affiliation)| (digest.clone(), *affiliation));
        let present = self.occupants.values().filter_map(|occupant| {
            let affiliation = *self.affiliations.get(&occupant.session.bare)?;
            let resumption = occupant.session.state.lock().resumption.clone()?;
            (affiliation >= least).then(|| (digest_of(&resumption).into(), affiliation))
        });
        Memory {
            name: configuration.name.clone(),
            description: configuration.description.clone(),
            password: configuration.password.clone(),
            members_only: configuration.members_only,
            change_subject: configuration.change_subject,
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
