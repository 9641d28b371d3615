//! Conferences across workers: what changes, who is told, who speaks.

use std::sync::Arc;
use std::time::Instant;

use super::Worker;
use crate::command::MediaKind;
use crate::conference::Conference;
use crate::conference::loudest::Loudest;
use crate::conference::source::Source;
use crate::event::Event;
use crate::ids::{ConferenceKey, EndpointKey, SourceKey, WorkerId};
use crate::message::{ConferenceMessage, DirectoryChange};
use crate::speaker::SpeakerChange;

/// With so many members, two who sent to each other directly are back at the bridge. While they did,
/// lib-jitsi-meet took what the bridge asked for as being about the direct session, so it may still
/// hold what was asked before, that nobody watches. It is told again.
const PEERS_END_AT: usize = 3;

impl Worker {
    /// This worker's replica of a conference, made if need be.
    pub(super) fn enter(&mut self, key: ConferenceKey, home: WorkerId) -> usize {
        if let Some(index) = self.by_conference.get(&key) {
            return *index;
        }
        let mut conference = Conference::new(key, home);
        conference.loudest = self.settings.loudest_only.map(Loudest::new);
        if home == self.id {
            conference.at_home = Some(Box::default());
        }
        let index = self.conferences.insert(conference);
        self.by_conference.insert(key, index);
        if home != self.id {
            self.send_to(home, key, ConferenceMessage::Enter(self.id));
        }
        index
    }

    /// Drops the replica if nobody needs it here.
    pub(super) fn leave_if_empty(&mut self, index: usize) {
        let Some(conference) = self.conferences.get(index) else {
            return;
        };
        let needed = match &conference.at_home {
            Some(home) => home.announced || conference.member_count() > 0,
            None => !conference.local.is_empty(),
        };
        if needed {
            return;
        }
        let (key, home) = (conference.key(), conference.home());
        self.drop_replica(index);
        if home != self.id {
            self.send_to(home, key, ConferenceMessage::Leave(self.id));
        }
    }

    fn drop_replica(&mut self, index: usize) {
        if let Some(conference) = self.conferences.remove(index) {
            self.by_conference.remove(&conference.key());
            if self.busy.front() == Some(&index) {
                self.pass = super::transmit::Pass::default();
            }
            self.busy.retain(|busy| *busy != index);
        }
    }

    /// Home only: control says that the conference is there.
    pub(super) fn announce_conference(&mut self, key: ConferenceKey, name: Option<Arc<str>>) {
        let index = self.enter(key, self.id);
        if let Some(home) = self
            .conferences
            .get_mut(index)
            .and_then(|c| c.at_home.as_mut())
        {
            home.announced = true;
            home.name = name;
        }
    }

    /// Home only: control says that the conference is over.
    pub(super) fn expire_conference(&mut self, key: ConferenceKey, now: Instant) {
        let Some(index) = self.by_conference.get(&key).copied() else {
            return;
        };
        let Some(home) = self
            .conferences
            .get_mut(index)
            .and_then(|c| c.at_home.as_mut())
        else {
            return;
        };
        home.announced = false;
        for worker in home.replicas.clone() {
            self.send_to(worker, key, ConferenceMessage::Over);
        }
        self.conference_over(index, now);
    }

    fn conference_over(&mut self, index: usize, now: Instant) {
        let Some(conference) = self.conferences.get(index) else {
            return;
        };
        for endpoint in conference.local.clone() {
            self.remove_endpoint(endpoint, now);
        }
        // Members on other workers leave by themselves; the replica waits for none of them.
        self.drop_replica(index);
    }

    /// Makes a change to something that this worker owns, and tells all who must know.
    pub(super) fn change(&mut self, index: usize, change: DirectoryChange, now: Instant) {
        let Some(conference) = self.conferences.get(index) else {
            return;
        };
        let (key, home) = (conference.key(), conference.home());
        if home != self.id {
            self.send_to(
                home,
                key,
                ConferenceMessage::Change(self.id, change.clone()),
            );
        } else {
            self.spread(index, self.id, &change);
        }
        self.apply(index, &change, now);
    }

    /// Home only: tells every other worker but the one from which it came.
    fn spread(&mut self, index: usize, origin: WorkerId, change: &DirectoryChange) {
        let Some(conference) = self.conferences.get(index) else {
            return;
        };
        let Some(home) = &conference.at_home else {
            return;
        };
        let key = conference.key();
        for worker in home.replicas.clone() {
            if worker != origin {
                self.send_to(
                    worker,
                    key,
                    ConferenceMessage::Change(origin, change.clone()),
                );
            }
        }
    }

    fn apply(&mut self, index: usize, change: &DirectoryChange, now: Instant) {
        let Some(conference) = self.conferences.get_mut(index) else {
            return;
        };
        let applied = conference.apply(self.id, change);
        for (slot, source) in &applied.gone {
            self.take_streams(index, *slot, source);
        }
        for receiver in &applied.concerned {
            if !self.is_content(*receiver, change) {
                self.reallocate(*receiver);
            }
        }
        if let Some(newcomer) = applied.newcomer {
            self.tell_streams(index, newcomer);
        }
        match change {
            DirectoryChange::Joined(info) => self.reaffirm(index, &info.id, now),
            DirectoryChange::Left(endpoint) => self.vacate_office(index, *endpoint, now),
            DirectoryChange::Sources(owner, _) => self.sources_set(index, *owner, now),
            DirectoryChange::VideoType(source, _) => {
                self.retell_video(&applied.concerned, *source);
            }
            DirectoryChange::Active(endpoint, active) => {
                self.tell_connectivity(index, *endpoint, *active, now);
                self.note_belief(index, |home, conference| {
                    if let Some(id) = conference.id_of(*endpoint)
                        && conference.is_latest(*endpoint)
                    {
                        home.believed.note_active(id, *active);
                    }
                });
            }
            DirectoryChange::Speaker(Some(speaker), _) => {
                self.tell_speaker(index, now);
                self.note_belief(index, |home, conference| {
                    home.believed.note_speaker(conference.id_of(*speaker));
                });
            }
            DirectoryChange::Speaker(None, _) => {}
        }
    }

    /// Whether a change is of the order only, which is nothing to a receiver that has the speaker in
    /// view and lacks nothing.
    fn is_content(&self, receiver: usize, change: &DirectoryChange) -> bool {
        let DirectoryChange::Speaker(Some(speaker), _) = change else {
            return false;
        };
        let Some(endpoint) = self.endpoints.get(receiver) else {
            return false;
        };
        let conference = self.conferences.get(endpoint.conference);
        let shown = conference.map_or(0, |c| c.shown_by(*speaker));
        let allocation = &endpoint.allocation;
        let given = allocation.sources.iter();
        let given = given.filter(|s| s.source.owner == *speaker && !s.constraint.is_nothing());
        given.count() == shown && !allocation.could_improve()
    }

    /// A source is gone: whoever has a stream for it has it no longer.
    fn take_streams(&mut self, index: usize, slot: usize, source: &Source) {
        let everyone = source.info.kind == MediaKind::Audio && source.heard;
        let local = match self.conferences.get(index) {
            Some(conference) if everyone => &conference.local[..],
            _ => &[],
        };
        for receiver in source.holders.iter().chain(local.iter().copied()) {
            if let Some(endpoint) = self.endpoints.get_mut(receiver)
                && endpoint.conference == index
            {
                endpoint.egress.source_gone(slot);
            }
        }
    }

    fn sources_set(&mut self, index: usize, owner: EndpointKey, now: Instant) {
        let Some(conference) = self.conferences.get(index) else {
            return;
        };
        if let Some(endpoint) = self.by_key.get(&owner)
            && let Some(endpoint) = self.endpoints.get_mut(*endpoint)
        {
            for source in &mut endpoint.ingress.sources.list {
                source.slot = conference.slot_of(source.key).unwrap_or(usize::MAX);
            }
        }
        if conference.member_count() == PEERS_END_AT {
            for endpoint in conference.local.clone() {
                self.tell_sender_constraints(endpoint, true, now);
            }
        }
    }

    /// A message about a conference, from another worker or from this one itself.
    pub(super) fn hear(&mut self, key: ConferenceKey, message: ConferenceMessage, now: Instant) {
        let known = self.by_conference.get(&key).copied();
        let index = match (known, &message) {
            (Some(index), _) => index,
            // Control's word may be slower than another worker's.
            (None, ConferenceMessage::Enter(_)) => self.enter(key, self.id),
            (None, _) => return,
        };
        match message {
            ConferenceMessage::Enter(worker) => self.admit_replica(index, worker),
            ConferenceMessage::Leave(worker) => {
                if let Some(home) = self
                    .conferences
                    .get_mut(index)
                    .and_then(|c| c.at_home.as_mut())
                {
                    home.replicas.retain(|w| *w != worker);
                }
                self.leave_if_empty(index);
            }
            ConferenceMessage::Change(origin, change) => {
                self.spread(index, origin, &change);
                self.apply(index, &change, now);
                if matches!(change, DirectoryChange::Left(_)) {
                    self.leave_if_empty(index);
                }
            }
            ConferenceMessage::Over => self.conference_over(index, now),
            ConferenceMessage::Media(packet) => {
                let slot = self
                    .conferences
                    .get(index)
                    .and_then(|c| c.slot_of(packet.meta().source));
                if let Some(slot) = slot {
                    self.enqueue(index, slot, packet);
                }
            }
            ConferenceMessage::AudioLevel(endpoint, level) => {
                self.note_level(index, endpoint, level, now);
            }
            ConferenceMessage::Demand(source, worker, lines) => {
                self.take_demand(source, worker, lines);
            }
            ConferenceMessage::KeyframeWanted(source, encoding) => {
                self.keyframe_wanted(source, encoding, now);
            }
            ConferenceMessage::SenderReport(source, encoding, clock) => {
                self.with_source(index, source, |s| s.set_clock(encoding, clock));
            }
            ConferenceMessage::Layers(source, layers) => {
                self.with_source(index, source, |s| s.layers = layers.to_vec());
                self.allocate_soon(index, source, now);
            }
            ConferenceMessage::Text(text) => self.deliver_text(index, &text, now),
        }
    }

    fn with_source(&mut self, index: usize, key: SourceKey, change: impl FnOnce(&mut Source)) {
        let Some(conference) = self.conferences.get_mut(index) else {
            return;
        };
        if let Some(slot) = conference.slot_of(key)
            && let Some(source) = conference.source_mut(slot)
        {
            change(source);
        }
    }

    fn admit_replica(&mut self, index: usize, worker: WorkerId) {
        let Some(conference) = self.conferences.get_mut(index) else {
            return;
        };
        let key = conference.key();
        let snapshot = conference.snapshot();
        let Some(home) = &mut conference.at_home else {
            return;
        };
        if !home.replicas.contains(&worker) {
            home.replicas.push(worker);
        }
        for change in snapshot {
            self.send_to(worker, key, ConferenceMessage::Change(self.id, change));
        }
    }

    /// Home only: takes in the level of an audio packet.
    pub(super) fn note_level(
        &mut self,
        index: usize,
        endpoint: EndpointKey,
        level: u8,
        now: Instant,
    ) {
        let Some(conference) = self.conferences.get_mut(index) else {
            return;
        };
        if conference.member(endpoint).is_none_or(|m| m.info.visitor) {
            return;
        }
        let Some(home) = &mut conference.at_home else {
            return;
        };
        home.speakers.handle_level(endpoint, level, now);
        if let Some(due) = home.speakers.poll_timeout() {
            self.schedule_speakers(due);
        }
    }

    pub(super) fn announce_speaker(&mut self, index: usize, change: SpeakerChange, now: Instant) {
        let Some(conference) = self.conferences.get(index) else {
            return;
        };
        let event = Event::DominantSpeaker {
            conference: conference.key(),
            endpoint: conference.id_of(change.dominant).cloned(),
        };
        self.events.push_back(event);
        let previous: Arc<[_]> = change.previous.into();
        self.change(
            index,
            DirectoryChange::Speaker(Some(change.dominant), previous),
            now,
        );
    }

    /// Decides who speaks, in every home conference where that is due.
    pub(super) fn decide_speakers(&mut self, now: Instant) {
        let mut due = std::mem::take(&mut self.scratch.due);
        let mut next: Option<Instant> = None;
        for (index, conference) in self.conferences.iter() {
            let timeout = conference
                .at_home
                .as_ref()
                .and_then(|h| h.speakers.poll_timeout());
            match timeout {
                Some(at) if at <= now => due.push(index),
                Some(at) => next = Some(next.map_or(at, |n| n.min(at))),
                None => {}
            }
        }
        for index in due.drain(..) {
            let Some(conference) = self.conferences.get_mut(index) else {
                continue;
            };
            let Some(home) = &mut conference.at_home else {
                continue;
            };
            let change = home.speakers.handle_timeout(now);
            if let Some(at) = home.speakers.poll_timeout() {
                next = Some(next.map_or(at, |n| n.min(at)));
            }
            if let Some(change) = change {
                self.counters.dominant_speaker_changes += 1;
                self.announce_speaker(index, change, now);
            }
        }
        self.scratch.due = due;
        if let Some(at) = next {
            self.schedule_speakers(at);
        }
    }
}
