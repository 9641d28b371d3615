//! One bridge and its pod.

use std::time::{Duration, Instant};

use operator::metrics_api::readings::{Measured, PodName, Reading, Readings};

/// Bytes per second, in and out, at which a bridge's stress is 1: about a hundred participants, which is what the default
/// `average_participant_stress` of 0.01 says.
pub(crate) const CAPACITY: u64 = 50_000_000;

/// Where a pod stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is scheduled, pulled and started, until this second.
    Starting(u32),
    Serving,
    /// It was told to end, and is killed at this second.
    Ending(u32),
}

/// One bridge and its pod.
pub(crate) struct Bridge {
    pub state: State,
    /// Takes no new conferences.
    pub draining: bool,
    pub conferences: Vec<u32>,
    pub participants: u32,
    /// Bytes per second, in and out.
    pub rate: u64,
    /// Bytes since the start, up to second `settled`.
    carried: u64,
    settled: u32,
    /// What the metrics API knows of it.
    readings: Readings,
}

impl Bridge {
    pub(crate) fn new(state: State) -> Self {
        Self {
            state,
            draining: false,
            conferences: Vec::new(),
            participants: 0,
            rate: 0,
            carried: 0,
            settled: 0,
            readings: Readings::default(),
        }
    }

    pub(crate) fn serves(&self) -> bool {
        self.state == State::Serving
    }

    pub(crate) fn stress(&self) -> f64 {
        self.rate as f64 / CAPACITY as f64
    }

    /// A conference, and with it the rate, changed.
    pub(crate) fn handle_rate(&mut self, before: u64, after: u64, now: u32) {
        self.settle(now);
        self.rate = self.rate + after - before;
    }

    /// The metrics API reads its counter. `start` is second 0.
    pub(crate) fn handle_read(&mut self, start: Instant, now: u32, window: Duration) {
        self.settle(now);
        let reading = Reading {
            at: start + Duration::from_secs(now.into()),
            bytes: self.carried,
            stress: self.stress(),
        };
        self.readings.handle_reading(&itself(), reading, window);
    }

    /// What the metrics API answers.
    pub(crate) fn measured(&self, start: Instant, now: u32) -> Option<Measured> {
        let now = start + Duration::from_secs(now.into());
        self.readings.measured(&itself(), now)
    }

    fn settle(&mut self, now: u32) {
        self.carried += self.rate * u64::from(now - self.settled);
        self.settled = now;
    }
}

/// The only one of whom a bridge has readings.
fn itself() -> PodName {
    PodName::default()
}
