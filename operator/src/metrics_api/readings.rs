//! What bridges said of their traffic and stress in the last seconds, and what that makes per second.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Age from which a reading says nothing of the present any more. Three requests may fail before.
pub const STALE: Duration = Duration::from_secs(15);
/// Between readings that lie closer together, a keyframe would look like a flood.
const LEAST: Duration = Duration::from_secs(3);

/// A pod, by namespace and name.
pub type PodName = (String, String);

/// What a bridge says at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// When.
    pub at: Instant,
    /// Bytes received and sent since it started.
    pub bytes: u64,
    /// Load, 1 is full.
    pub stress: f64,
}

/// What readings make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// When the last reading was taken.
    pub at: Instant,
    /// How much time they span.
    pub window: Duration,
    /// Bytes per second, received and sent, over that time.
    pub bytes_per_second: u64,
    /// Mean load, 1 is full.
    pub stress: f64,
}

/// The readings of all bridges.
#[derive(Debug, Default)]
pub struct Readings {
    bridges: HashMap<PodName, VecDeque<Reading>>,
}

impl Readings {
    /// Takes a reading over, and forgets what lies before `window`.
    ///
    /// After a gap, or when the bridge counts from zero again, history begins anew: a rate is never taken across either,
    /// so it is neither negative nor the traffic of another time.
    pub fn handle_reading(&mut self, pod: &PodName, reading: Reading, window: Duration) {
        let known = self.bridges.entry(pod.clone()).or_default();
        if let Some(last) = known.back() {
            let gap = reading.at.saturating_duration_since(last.at);
            if reading.bytes < last.bytes || gap > STALE {
                known.clear();
            }
        }
        known.push_back(reading);
        while known.len() > 2 && reading.at.saturating_duration_since(known[1].at) >= window {
            known.pop_front();
        }
    }

    /// Forgets pods that are gone.
    pub fn retain(&mut self, here: impl Fn(&PodName) -> bool) {
        self.bridges.retain(|pod, _| here(pod));
    }

    /// When a bridge was last heard.
    #[must_use]
    pub fn last(&self, pod: &PodName) -> Option<Instant> {
        Some(self.bridges.get(pod)?.back()?.at)
    }

    /// What a bridge's readings make; nothing while there is one only, or when the last one is stale.
    #[must_use]
    pub fn measured(&self, pod: &PodName, now: Instant) -> Option<Measured> {
        let known = self.bridges.get(pod)?;
        let (first, last) = (known.front()?, known.back()?);
        let window = last.at.saturating_duration_since(first.at);
        if window < LEAST || now.saturating_duration_since(last.at) > STALE {
            return None;
        }
        let bytes = last.bytes.saturating_sub(first.bytes) as f64;
        let stress: f64 = known.iter().map(|reading| reading.stress).sum();
        Some(Measured {
            at: last.at,
            window,
            bytes_per_second: (bytes / window.as_secs_f64()).round() as u64,
            stress: stress / known.len() as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const WINDOW: Duration = Duration::from_secs(30);

    fn pod() -> PodName {
        ("meet".into(), "p-bridge-0".into())
    }

    /// Readings at seconds, with their counters.
    fn readings(start: Instant, of: &[(u64, u64)]) -> Readings {
        let mut readings = Readings::default();
        for (second, bytes) in of {
            let reading = Reading {
                at: start + Duration::from_secs(*second),
                bytes: *bytes,
                stress: *second as f64 / 100.0,
            };
            readings.handle_reading(&pod(), reading, WINDOW);
        }
        readings
    }

    fn rate(of: &[(u64, u64)], now: u64) -> Option<u64> {
        let start = Instant::now();
        let readings = readings(start, of);
        let measured = readings.measured(&pod(), start + Duration::from_secs(now))?;
        Some(measured.bytes_per_second)
    }

    #[test]
    fn the_rate_is_that_of_the_window() {
        assert_eq!(rate(&[(0, 0), (5, 5_000)], 6), Some(1_000));
        let long: Vec<(u64, u64)> = (0..=20).map(|i| (i * 5, i * 5_000)).collect();
        let mut faster = long.clone();
        faster.extend((21..=27).map(|i| (i * 5, 100_000 + (i - 20) * 50_000)));
        assert_eq!(rate(&long, 101), Some(1_000));
        assert_eq!(rate(&faster, 136), Some(10_000));
        let start = Instant::now();
        let measured = readings(start, &long);
        let measured = measured.measured(&pod(), start + Duration::from_secs(100));
        let measured = measured.unwrap();
        assert_eq!(measured.window, WINDOW);
        assert_eq!(measured.stress, 0.85);
    }

    #[test]
    fn an_idle_bridge_has_the_rate_zero_and_one_that_says_nothing_has_none() {
        assert_eq!(rate(&[(0, 700), (5, 700)], 6), Some(0));
        assert_eq!(rate(&[], 6), None);
        assert_eq!(rate(&[(0, 700)], 1), None);
        assert_eq!(rate(&[(0, 0), (1, 9_000)], 2), None, "too close together");
    }

    #[test]
    fn a_stale_reading_says_nothing() {
        let of = [(0, 0), (5, 5_000)];
        assert_eq!(rate(&of, 20), Some(1_000));
        assert_eq!(rate(&of, 21), None);
    }

    #[test]
    fn a_restart_gives_neither_a_negative_rate_nor_a_flood() {
        let restarted = [(0, 900_000), (5, 1_000_000), (10, 2_000)];
        assert_eq!(rate(&restarted, 10), None, "one reading of the new life");
        let mut later = restarted.to_vec();
        later.push((15, 7_000));
        assert_eq!(rate(&later, 15), Some(1_000));
    }

    #[test]
    fn no_rate_is_taken_across_a_gap() {
        let mut of = vec![(0, 0), (5, 5_000), (25, 2_000_000)];
        assert_eq!(rate(&of, 25), None);
        of.push((30, 2_005_000));
        assert_eq!(rate(&of, 30), Some(1_000));
    }
}
