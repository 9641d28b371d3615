//! Carrying out an allocation: streams, what the receiver is told, what senders are asked for.

use std::time::Instant;

use rustc_hash::FxHashMap;

use super::Worker;
use super::timers::CONTROL_INTERVAL;
use crate::allocation::{Budget, SourceAllocation, allocate};
use crate::conference::demand;
use crate::endpoint::Endpoint;
use crate::ids::{SourceKey, WorkerId};
use crate::message::ConferenceMessage;
use crate::projection::Target;

impl Worker {
    /// An endpoint is to be made a new allocation at the next occasion.
    pub(super) fn reallocate(&mut self, index: usize) {
        if let Some(endpoint) = self.endpoints.get_mut(index)
            && !std::mem::replace(&mut endpoint.reallocate, true)
        {
            self.reallocate.push_back(index);
        }
    }

    /// Those who get a source are made a new allocation with their next tick: something of it
    /// changed that is not urgent.
    pub(super) fn allocate_soon(&mut self, conference: usize, source: SourceKey, now: Instant) {
        let Some(conference) = self.conferences.get(conference) else {
            return;
        };
        let source = conference.slot_of(source);
        let source = source.and_then(|slot| conference.source(slot));
        for receiver in source.into_iter().flat_map(|s| s.demand.receivers()) {
            if let Some(endpoint) = self.endpoints.get_mut(receiver) {
                endpoint.allocated = None;
                endpoint.ticks.control = endpoint.ticks.control.min(now + CONTROL_INTERVAL);
                self.timers
                    .schedule(receiver, endpoint, endpoint.ticks.control.max(now));
            }
        }
    }

    /// Decides what an endpoint gets, and sees to it.
    pub(super) fn allocate(&mut self, index: usize, now: Instant) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let conference_index = endpoint.conference;
        let Some(conference) = self.conferences.get_mut(conference_index) else {
            return;
        };
        let limits = [self.last_n_limit, self.settings.max_last_n];
        let limit = limits.into_iter().flatten().min().map(|n| n as usize);
        let slots = endpoint
            .egress
            .rewriting()
            .then_some(self.settings.ssrc_slots);
        let assumed = endpoint.constraints.assumed_bandwidth;
        let available = assumed.unwrap_or(endpoint.egress.available());
        let room = endpoint.steadiness.room(available, now);
        let budget = Budget {
            room,
            last_n: limit.into_iter().chain(slots).min(),
            oversend_on_stage: self.settings.oversend_on_stage,
        };
        let (mut candidates, reach) =
            conference.candidates(endpoint.key, &endpoint.constraints, budget.last_n);
        for candidate in &mut candidates {
            let slot = conference.slot_of(candidate.source);
            candidate.held = slot.and_then(|slot| endpoint.egress.held(slot, candidate.source));
        }
        let allocation = allocate(&candidates, &endpoint.constraints, &budget);
        conference.attention.set_reach(index, reach);
        endpoint.allocated = Some((room, now));
        endpoint.steadiness.handle_change(
            endpoint.allocation.target_bitrate(),
            allocation.target_bitrate(),
            allocation.could_improve(),
            now,
        );

        // What stays as it was, which most does, touches nothing of the conference.
        let lines = |s: &SourceAllocation<SourceKey>| demand::lines(&s.constraint);
        let before = &endpoint.allocation.sources;
        let mut before: FxHashMap<_, _> = before.iter().map(|s| (s.source, lines(s))).collect();
        let mut changed: Vec<(SourceKey, i32)> = Vec::new();
        endpoint.egress.begin_allocation();
        for result in &allocation.sources {
            let slot = conference.slot_of(result.source);
            let Some((slot, source)) = slot.and_then(|s| Some((s, conference.source_mut(s)?)))
            else {
                continue;
            };
            let target = result.target.map(|layer| Target {
                source: result.source,
                layer,
            });
            if endpoint.egress.set_target(slot, &source.info, target) {
                source.holders.insert(index);
            }
            if before.remove(&result.source) != Some(lines(result)) {
                changed.push((result.source, lines(result)));
            }
        }
        let left = endpoint.allocation.sources.iter().map(|s| s.source);
        for key in left.filter(|source| before.contains_key(source)) {
            let slot = conference.slot_of(key);
            if let Some((slot, source)) = slot.and_then(|s| Some((s, conference.source(s)?))) {
                endpoint.egress.set_target(slot, &source.info, None);
                changed.push((key, 0));
            }
        }
        endpoint.allocation = allocation;
        for (source, lines) in changed {
            self.demand(conference_index, source, index, lines);
        }
        self.tell_forwarded(index, now);
        self.send_video_map(index, now);
        self.want_keyframes(index, now);
    }

    /// A receiver is gone, and wants nothing any more.
    pub(super) fn forget_receiver(&mut self, index: usize, endpoint: &Endpoint) {
        let Some(conference) = self.conferences.get_mut(endpoint.conference) else {
            return;
        };
        conference.attention.forget(index);
        for result in &endpoint.allocation.sources {
            self.demand(endpoint.conference, result.source, index, 0);
        }
    }

    /// A receiver wants so many lines of a source.
    fn demand(&mut self, conference: usize, key: SourceKey, receiver: usize, lines: i32) {
        let replica = self.conferences.get_mut(conference);
        let source = replica.and_then(|c| c.source_mut(c.slot_of(key)?));
        if source.is_some_and(|s| s.demand.set(receiver, lines)) {
            self.demanded.push((conference, key));
        }
    }

    /// What this worker's receivers want of a source, all together, is told to the source's worker
    /// when it has changed.
    pub(super) fn tell_demand(&mut self, index: usize, key: SourceKey) {
        let Some(conference) = self.conferences.get_mut(index) else {
            return;
        };
        let owner = conference.member(key.owner).map(|m| m.info.worker);
        let slot = conference.slot_of(key);
        let source = slot.and_then(|slot| conference.source_mut(slot));
        let (Some(owner), Some(source)) = (owner, source) else {
            return;
        };
        if let Some(lines) = source.demand.poll_news() {
            let own = self.id;
            if owner == own {
                self.take_demand(key, own, lines);
            } else {
                let conference = conference.key();
                let message = ConferenceMessage::Demand(key, own, lines);
                self.send_to(owner, conference, message);
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

#[cfg(test)]
mod tests;
