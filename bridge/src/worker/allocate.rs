//! Carrying out an allocation: streams, what the receiver is told, what senders are asked for.

use std::time::Instant;

use super::Worker;
use crate::allocation::{Budget, Candidate, allocate};
use crate::command::MediaKind;
use crate::conference::demand;
use crate::ids::{SourceKey, WorkerId};
use crate::message::ConferenceMessage;
use crate::projection::Target;

impl Worker {
    /// Everyone here is made a new allocation with the next tick: something changed that is not
    /// urgent.
    pub(super) fn allocate_soon(&mut self, conference: usize) {
        let Some(conference) = self.conferences.get(conference) else {
            return;
        };
        for index in &conference.local {
            if let Some(endpoint) = self.endpoints.get_mut(*index) {
                endpoint.allocated = None;
            }
        }
    }

    /// Decides what an endpoint gets, and sees to it.
    pub(super) fn allocate(&mut self, index: usize, now: Instant) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let conference_index = endpoint.conference;
        let Some(conference) = self.conferences.get(conference_index) else {
            return;
        };
        let mut candidates = Vec::new();
        for owner in conference
            .speech_order()
            .iter()
            .filter(|e| **e != endpoint.key)
        {
            let Some(member) = conference.member(*owner) else {
                continue;
            };
            for slot in &member.sources {
                let Some(source) = conference.source(*slot) else {
                    continue;
                };
                if source.info.kind == MediaKind::Video {
                    candidates.push(Candidate {
                        source: source.info.key,
                        name: &source.info.name,
                        owner: *owner,
                        video_type: source.info.video_type,
                        layers: &source.layers,
                    });
                }
            }
        }
        let limits = [self.last_n_limit, self.settings.max_last_n];
        let limit = limits.into_iter().flatten().min().map(|n| n as usize);
        let slots = endpoint
            .egress
            .rewriting()
            .then_some(self.settings.ssrc_slots);
        let estimated = endpoint.egress.congestion.available();
        let assumed = endpoint.constraints.assumed_bandwidth;
        let available = assumed.unwrap_or(estimated);
        let budget = Budget {
            available,
            last_n: limit.into_iter().chain(slots).min(),
            oversend_on_stage: self.settings.oversend_on_stage,
        };
        let allocation = allocate(&candidates, &endpoint.constraints, &budget);
        endpoint.allocated = Some((estimated, now));

        endpoint.egress.begin_allocation();
        for result in &allocation.sources {
            let Some(slot) = conference.slot_of(result.source) else {
                continue;
            };
            let Some(source) = conference.source(slot) else {
                continue;
            };
            let target = result.target.map(|layer| Target {
                source: result.source,
                layer,
            });
            endpoint.egress.set_target(slot, &source.info, target);
        }
        endpoint.allocation = allocation;
        self.tell_forwarded(index, now);
        self.send_video_map(index, now);
        self.want_keyframes(index, now);
        self.sum_demand(conference_index);
    }

    /// What this worker's receivers want of each source, all together, told to the sources' workers
    /// when it changes.
    pub(super) fn sum_demand(&mut self, index: usize) {
        let Some(conference) = self.conferences.get_mut(index) else {
            return;
        };
        let mut sums = vec![0; conference.slots()];
        for local in &conference.local {
            let Some(endpoint) = self.endpoints.get(*local) else {
                continue;
            };
            for result in &endpoint.allocation.sources {
                if let Some(slot) = conference.slot_of(result.source) {
                    sums[slot] = demand::larger(sums[slot], demand::lines(&result.constraint));
                }
            }
        }
        let key = conference.key();
        let mut changes: Vec<(SourceKey, WorkerId, i32)> = Vec::new();
        for (slot, lines) in sums.into_iter().enumerate() {
            let owner = conference.source(slot).map(|s| s.info.key.owner);
            let worker = owner
                .and_then(|o| conference.member(o))
                .map(|m| m.info.worker);
            let Some(worker) = worker else { continue };
            if let Some(source) = conference.source_mut(slot)
                && source.info.kind == MediaKind::Video
                && source.demand != Some(lines)
            {
                source.demand = Some(lines);
                changes.push((source.info.key, worker, lines));
            }
        }
        for (source, worker, lines) in changes {
            if worker == self.id {
                self.take_demand(source, worker, lines);
            } else {
                let message = ConferenceMessage::Demand(source, self.id, lines);
                self.send_to(worker, key, message);
            }
        }
    }

    /// A worker says how much of one of our sources it wants.
    pub(super) fn take_demand(&mut self, source: SourceKey, worker: WorkerId, lines: i32) {
        let Some(index) = self.by_key.get(&source.owner).copied() else {
            return;
        };
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        if let Some(at) = endpoint.ingress.sources.position(source) {
            endpoint.ingress.sources.list[at].set_demand(worker, lines);
            self.tell_sender_constraints_of(index);
        }
    }
}
