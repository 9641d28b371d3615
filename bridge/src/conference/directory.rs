//! What all workers know of a conference: how a change is applied, and whom of this worker's
//! receivers it concerns.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::attention::Place;
use super::source::Source;
use super::{Conference, MAX_MEMBERS, Member};
use crate::command::MediaKind;
use crate::ids::{EndpointKey, WorkerId};
use crate::message::{DirectoryChange, MemberInfo, SourceInfo};

/// What followed from a change.
#[derive(Debug, Default)]
pub struct Applied {
    /// Sources that are gone, with the slots that they had.
    pub gone: Vec<(usize, Source)>,
    /// This worker's endpoints whose allocation may be another from here on.
    pub concerned: BTreeSet<usize>,
    /// A worker that has endpoints here for the first time.
    pub newcomer: Option<WorkerId>,
}

impl Conference {
    /// Everything that a worker which comes late must be told.
    pub fn snapshot(&self) -> Vec<DirectoryChange> {
        let mut changes = Vec::new();
        for endpoint in self.order.iter() {
            let Some(member) = self.members.get(&endpoint) else {
                continue;
            };
            changes.push(DirectoryChange::Joined(member.info.clone()));
            let infos = member.sources.iter().filter_map(|s| self.source(*s));
            let infos: Arc<[_]> = infos.map(|s| s.info.clone()).collect();
            changes.push(DirectoryChange::Sources(endpoint, infos));
            if self.told.contains(&endpoint) {
                changes.push(DirectoryChange::Active(endpoint, member.active));
            }
        }
        changes.push(DirectoryChange::Speaker(
            self.speaker,
            self.previous_speakers.clone(),
        ));
        changes
    }

    /// How many video sources of an endpoint show something.
    pub fn shown_by(&self, endpoint: EndpointKey) -> usize {
        let sources = self.members.get(&endpoint).map(|m| &m.sources);
        let sources = sources.into_iter().flatten();
        let shown = sources.filter(|slot| self.source(**slot).is_some_and(|s| s.place.is_some()));
        shown.count()
    }

    /// Gives what this worker, `own`, has to do because of it.
    pub fn apply(&mut self, own: WorkerId, change: &DirectoryChange) -> Applied {
        let mut applied = Applied::default();
        match change {
            DirectoryChange::Joined(info) => applied.newcomer = self.add_member(own, info),
            DirectoryChange::Left(endpoint) => self.remove_member(own, *endpoint, &mut applied),
            DirectoryChange::Sources(endpoint, infos) => {
                self.set_sources(*endpoint, infos, &mut applied);
            }
            DirectoryChange::VideoType(key, video_type) => {
                if let Some(slot) = self.slot_of(*key)
                    && let Some(source) = self.source_mut(slot)
                    && source.info.video_type != *video_type
                {
                    source.info.video_type = *video_type;
                    applied.concerned.extend(source.demand.receivers());
                    self.arrange(key.owner, &mut applied);
                }
            }
            DirectoryChange::Active(endpoint, active) => {
                if let Some(member) = self.members.get_mut(endpoint) {
                    member.active = *active;
                    self.told.insert(*endpoint);
                }
            }
            DirectoryChange::Speaker(speaker, previous) => {
                self.speaker = *speaker;
                self.previous_speakers = previous.clone();
                if let Some(endpoint) = *speaker
                    && let Some(member) = self.members.get_mut(&endpoint)
                {
                    member.rank = self.order.speak(member.rank);
                    self.arrange(endpoint, &mut applied);
                }
            }
        }
        applied
    }

    /// Returns the new endpoint's worker, if it is the first there.
    fn add_member(&mut self, own: WorkerId, info: &MemberInfo) -> Option<WorkerId> {
        let endpoint = info.endpoint;
        if self.members.len() >= MAX_MEMBERS || self.members.contains_key(&endpoint) {
            return None;
        }
        let member = Member {
            info: info.clone(),
            active: true,
            sources: Vec::new(),
            rank: self.order.arrive(endpoint),
        };
        self.members.insert(endpoint, member);
        let lives = self.lives.entry(info.id.clone()).or_default();
        lives.push(endpoint);
        lives.sort_unstable();
        let population = self.population.entry(info.worker).or_default();
        *population += 1;
        let newcomer = *population == 1 && info.worker != own;
        if newcomer {
            self.other_workers.push(info.worker);
        }
        newcomer.then_some(info.worker)
    }

    fn remove_member(&mut self, own: WorkerId, endpoint: EndpointKey, applied: &mut Applied) {
        let Some(member) = self.members.remove(&endpoint) else {
            return;
        };
        for slot in member.sources {
            self.remove_source(slot, applied);
        }
        self.order.leave(member.rank);
        self.told.remove(&endpoint);
        if let Some(lives) = self.lives.get_mut(&member.info.id) {
            lives.retain(|e| *e != endpoint);
            if lives.is_empty() {
                self.lives.remove(&member.info.id);
            }
        }
        let worker = member.info.worker;
        if let Some(population) = self.population.get_mut(&worker) {
            *population -= 1;
            if *population == 0 {
                self.population.remove(&worker);
                if worker != own {
                    self.other_workers.retain(|w| *w != worker);
                }
            }
        }
        if self.speaker == Some(endpoint) {
            self.speaker = None;
        }
    }

    fn set_sources(&mut self, endpoint: EndpointKey, infos: &[SourceInfo], applied: &mut Applied) {
        let Some(member) = self.members.get_mut(&endpoint) else {
            return;
        };
        let before = std::mem::take(&mut member.sources);
        let mut slots = Vec::with_capacity(infos.len());
        for info in infos {
            let slot = match self.by_key.get(&info.key).copied() {
                Some(slot) => {
                    if let Some(source) = self.sources[slot].as_mut()
                        && source.update(info.clone())
                    {
                        applied.concerned.extend(source.demand.receivers());
                    }
                    slot
                }
                None => self.add_source(info.clone()),
            };
            slots.push(slot);
        }
        for slot in before {
            if !slots.contains(&slot) {
                self.remove_source(slot, applied);
            }
        }
        if let Some(member) = self.members.get_mut(&endpoint) {
            member.sources = slots;
        }
        self.arrange(endpoint, applied);
    }

    fn add_source(&mut self, info: SourceInfo) -> usize {
        let (key, name) = (info.key, info.name.clone());
        let source = Some(Source::new(info));
        let slot = match self.free.pop() {
            Some(slot) => {
                self.sources[slot] = source;
                slot
            }
            None => {
                self.sources.push(source);
                self.sources.len() - 1
            }
        };
        self.by_key.insert(key, slot);
        self.by_name.insert(name, slot);
        slot
    }

    fn remove_source(&mut self, slot: usize, applied: &mut Applied) {
        if let Some(source) = self.sources[slot].take() {
            applied.concerned.extend(source.demand.receivers());
            if let Some(place) = source.place {
                self.shown.remove(&place);
            }
            self.by_key.remove(&source.info.key);
            if self.by_name.get(&source.info.name) == Some(&slot) {
                self.by_name.remove(&source.info.name);
            }
            self.pending.retain(|pending| pending.slot != slot);
            self.free.push(slot);
            applied.gone.push((slot, source));
        }
    }

    /// Puts an endpoint's sources where they belong in the order.
    fn arrange(&mut self, endpoint: EndpointKey, applied: &mut Applied) {
        let Some(member) = self.members.get(&endpoint) else {
            return;
        };
        let mut moved = Vec::new();
        for (position, slot) in member.sources.iter().enumerate() {
            let Some(source) = self.sources[*slot].as_mut() else {
                continue;
            };
            let shows = source.info.kind == MediaKind::Video && source.info.video_type.is_enabled();
            let place = shows.then_some(Place {
                rank: member.rank,
                position,
            });
            let before = std::mem::replace(&mut source.place, place);
            if before == place {
                continue;
            }
            if let Some(before) = before {
                self.shown.remove(&before);
            }
            applied.concerned.extend(source.demand.receivers());
            applied
                .concerned
                .extend(self.attention.naming(&source.info.name));
            moved.extend(place.map(|place| (place, *slot)));
        }
        for (place, slot) in moved {
            self.shown.insert(place, slot);
            applied.concerned.extend(self.attention.reaching(place));
        }
    }
}
