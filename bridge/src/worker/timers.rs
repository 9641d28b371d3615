//! Deadlines of endpoints and conferences.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use ::media::probing::Need;
use ::media::units::Bitrate;

use super::Worker;
use crate::endpoint::Endpoint;
use crate::event::{Event, FailureReason};
use crate::ids::SourceKey;
use crate::message::{ConferenceMessage, DirectoryChange};

/// Interval of bandwidth and allocation.
pub(super) const CONTROL_INTERVAL: Duration = Duration::from_millis(100);
/// Deadlines that need not be exact are put off to the next multiple of this, so that those of many
/// endpoints fall together and wake the worker once.
const SLOT: Duration = Duration::from_millis(5);
/// Interval of reports, layers and connectivity.
const SECOND: Duration = Duration::from_millis(500);
/// An endpoint is made a new allocation when its bandwidth changes by so many per cent …
const WORTH_ALLOCATING: u64 = 4;
/// … and at least so often.
const MAX_ALLOCATION_AGE: Duration = Duration::from_secs(5);
/// Silence after which others are told that an endpoint's packets no longer arrive.
const INACTIVE_AFTER: Duration = Duration::from_secs(8);
/// The same for one of which nothing was heard yet.
const FIRST_PACKET_WITHIN: Duration = Duration::from_secs(15);
/// An endpoint whose client has closed the connection ends after this much silence, unless the focus ends it before: it may
/// have no focus any more.
const CLOSED_EXPIRY: Duration = Duration::from_secs(3);

/// Whose deadline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Whose {
    Endpoint(usize),
    Speakers,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Whose)>>,
    speakers: Option<Instant>,
    /// From where slots are counted.
    epoch: Option<Instant>,
}

impl Timers {
    /// The earliest.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Has an endpoint's timers looked at no later than `at`.
    pub(super) fn schedule(&mut self, index: usize, endpoint: &mut Endpoint, at: Instant) {
        if endpoint.scheduled.is_none_or(|scheduled| at < scheduled) {
            endpoint.scheduled = Some(at);
            self.heap.push(Reverse((at, Whose::Endpoint(index))));
        }
    }

    /// The first slot from `at` on.
    pub(super) fn slot(&mut self, at: Instant) -> Instant {
        let epoch = *self.epoch.get_or_insert(at);
        let since = at.saturating_duration_since(epoch).as_micros();
        let slots = since.div_ceil(SLOT.as_micros());
        epoch + SLOT * u32::try_from(slots).unwrap_or(u32::MAX)
    }
}

impl Worker {
    /// Has an endpoint's timers looked at no later than `at`.
    pub(super) fn schedule(&mut self, index: usize, at: Instant) {
        if let Some(endpoint) = self.endpoints.get_mut(index) {
            self.timers.schedule(index, endpoint, at);
        }
    }

    /// Has an endpoint's timers looked at when the next of them is due, but not before `earliest`.
    pub(super) fn reschedule(&mut self, index: usize, earliest: Instant, now: Instant) {
        if let Some(endpoint) = self.endpoints.get_mut(index) {
            let tick = self.timers.slot(now + endpoint.pause(now));
            let exact = endpoint.poll_timeout(now).map(|at| at.max(earliest));
            let due = exact.map_or(tick, |at| at.min(tick));
            self.timers.schedule(index, endpoint, due);
        }
    }

    /// Has the speakers of home conferences looked at.
    pub(super) fn schedule_speakers(&mut self, at: Instant) {
        if self.timers.speakers.is_none_or(|scheduled| at < scheduled) {
            self.timers.speakers = Some(at);
            self.timers.heap.push(Reverse((at, Whose::Speakers)));
        }
    }

    pub(super) fn run_timers(&mut self, now: Instant) {
        while let Some(Reverse((at, whose))) = self.timers.heap.peek().copied() {
            if at > now {
                break;
            }
            self.timers.heap.pop();
            match whose {
                Whose::Endpoint(index) => {
                    let valid = self
                        .endpoints
                        .get(index)
                        .is_some_and(|e| e.scheduled == Some(at));
                    if valid {
                        self.tick(index, now);
                    }
                }
                Whose::Speakers if self.timers.speakers == Some(at) => {
                    self.timers.speakers = None;
                    self.decide_speakers(now);
                }
                Whose::Speakers => {}
            }
        }
    }

    /// Everything of an endpoint that depends on time.
    fn tick(&mut self, index: usize, now: Instant) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        endpoint.scheduled = None;
        if endpoint
            .transport
            .poll_timeout()
            .is_some_and(|at| at <= now)
        {
            endpoint.transport.handle_timeout(now);
        }
        self.drain_transport(index, now);
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        if endpoint.connected {
            endpoint
                .ingress
                .poll_feedback(now, &mut endpoint.rtcp, &mut self.counters);
        }
        if now >= endpoint.ticks.control {
            endpoint.ticks.control = now + CONTROL_INTERVAL;
            self.tick_control(index, now);
        }
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let need = Need {
            target: endpoint.allocation.target_bitrate(),
            ideal: endpoint.allocation.ideal_bitrate(),
            wanting: endpoint.allocation.could_improve(),
        };
        endpoint
            .egress
            .handle_padding(need, endpoint.connected, now);
        if now >= endpoint.ticks.second {
            endpoint.ticks.second = now + SECOND;
            self.tick_second(index, now);
        }
        self.make_ready(index);
        self.reschedule(index, now + Duration::from_millis(1), now);
    }

    /// Tells at once of layers that a sender gave up: whoever gets them has a frozen picture.
    fn tell_given_up(&mut self, index: usize, now: Instant) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let conference = endpoint.conference;
        let mut told = Vec::new();
        for source in &mut endpoint.ingress.sources.list {
            if source.poll_changed(now)
                && let Some(layers) = source.layers_to_tell(now)
            {
                told.push((source.key, layers));
            }
        }
        for (source, layers) in told {
            self.tell_layers(conference, source, layers, now);
        }
    }

    fn tick_control(&mut self, index: usize, now: Instant) {
        self.tell_given_up(index, now);
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let ideal = endpoint.allocation.ideal_bitrate();
        endpoint.egress.handle_control(ideal, now);
        let room = endpoint.steadiness.room(endpoint.egress.available(), now);
        let stale = endpoint.allocated.is_none_or(|(before, at)| {
            let differs = |a: Bitrate, b: Bitrate| {
                a.as_bps().abs_diff(b.as_bps()) > a.as_bps() / 100 * WORTH_ALLOCATING
            };
            differs(before.hold, room.hold)
                || differs(before.rise, room.rise)
                || now.saturating_duration_since(at) >= MAX_ALLOCATION_AGE
        });
        if endpoint.connected && stale {
            self.reallocate(index);
        }
        self.want_keyframes(index, now);
    }

    /// Asks for the keyframes that an endpoint's streams cannot go on without.
    pub(super) fn want_keyframes(&mut self, index: usize, now: Instant) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        if !endpoint.connected {
            return;
        }
        let conference = endpoint.conference;
        let mut wanted = std::mem::take(&mut self.scratch.wanted);
        endpoint.egress.poll_keyframes_wanted(now, &mut wanted);
        for (source, encoding) in wanted.drain(..) {
            self.ask_keyframe(conference, source, encoding, now);
        }
        self.scratch.wanted = wanted;
    }

    fn tick_second(&mut self, index: usize, now: Instant) {
        let Some(endpoint) = self.endpoints.get_mut(index) else {
            return;
        };
        let conference_index = endpoint.conference;
        if let Some(conference) = self.conferences.get(conference_index)
            && endpoint.connected
        {
            endpoint
                .egress
                .write_reports(conference, now, &mut endpoint.rtcp);
        }

        let mut told = Vec::new();
        for source in &mut endpoint.ingress.sources.list {
            if let Some(layers) = source.layers_to_tell(now) {
                told.push((source.key, layers));
            }
        }
        let quiet_since = endpoint.heard.unwrap_or(endpoint.created);
        let patience = if endpoint.heard.is_some() {
            INACTIVE_AFTER
        } else {
            FIRST_PACKET_WITHIN
        };
        let active = now.saturating_duration_since(quiet_since) < patience;
        let changed = active != endpoint.active && !endpoint.visitor;
        endpoint.active = active;
        let key = endpoint.key;

        let expiry = if endpoint.closed {
            CLOSED_EXPIRY.min(self.settings.silence_expiry)
        } else if endpoint.heard.is_some() {
            self.settings.silence_expiry
        } else {
            self.settings.connect_expiry
        };
        let stats_due = now >= endpoint.ticks.stats;
        if stats_due {
            endpoint.ticks.stats = now + self.settings.connection_stats_interval;
        }
        if !endpoint.failed && now.saturating_duration_since(quiet_since) >= expiry {
            endpoint.failed = true;
            let reason = if endpoint.heard.is_some() {
                FailureReason::Silent
            } else {
                FailureReason::NeverConnected
            };
            self.events.push_back(Event::EndpointFailed {
                endpoint: key,
                reason,
            });
        }
        for (source, layers) in told {
            self.tell_layers(conference_index, source, layers, now);
        }
        if changed {
            self.change(conference_index, DirectoryChange::Active(key, active), now);
        }
        if stats_due {
            self.send_connection_stats(index, now);
        }
        // Once for the conference, not once for each of its endpoints.
        if let Some(conference) = self.conferences.get_mut(conference_index)
            && conference.local.first() == Some(&index)
        {
            conference.expire_packets(now, &mut self.packets);
        }
    }

    fn tell_layers(
        &mut self,
        conference: usize,
        source: SourceKey,
        layers: std::sync::Arc<[crate::allocation::Layer]>,
        now: Instant,
    ) {
        let Some(replica) = self.conferences.get(conference) else {
            return;
        };
        let key = replica.key();
        for worker in replica.other_workers().to_vec() {
            self.send_to(
                worker,
                key,
                ConferenceMessage::Layers(source, layers.clone()),
            );
        }
        self.hear(key, ConferenceMessage::Layers(source, layers), now);
    }
}
