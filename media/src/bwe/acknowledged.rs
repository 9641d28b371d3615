//! The rate at which packets arrive, as a Bayesian estimate that trusts samples the less the
//! further they are off.

use std::time::Duration;

use crate::units::Bitrate;

/// The first sample takes this long, further ones less.
const FIRST_WINDOW: f64 = 0.5;
const WINDOW: f64 = 0.15;
/// The latest arrivals are counted in slices of so many seconds …
const SLICE: f64 = 0.02;
const SLICES: usize = 12;
/// … of which so many together tell a rate.
const SPAN: usize = 3;
/// Bytes of a packet.
const PACKET: u64 = 1_200;
const UNCERTAINTY: f64 = 10.0;
/// While the application leaves room unused, a low sample says little about the path.
const UNCERTAINTY_WHEN_LIMITED: f64 = 20.0;
/// Variance that is added with each sample, in kbps².
const DRIFT: f64 = 5.0;
/// Variance after the application starts to use the path fully again.
const AFTER_LIMIT: f64 = 200.0;

/// The estimate.
#[derive(Debug)]
pub(super) struct Acknowledged {
    window_start: Option<f64>,
    last: f64,
    bytes: u64,
    /// In kbps.
    estimate: Option<f64>,
    variance: f64,
    /// Bytes in the latest slices of time, the newest last, and the number of that.
    slices: [u64; SLICES],
    slice: i64,
}

impl Default for Acknowledged {
    fn default() -> Self {
        Self {
            window_start: None,
            last: 0.0,
            bytes: 0,
            estimate: None,
            variance: 50.0,
            slices: [0; SLICES],
            slice: 0,
        }
    }
}

impl Acknowledged {
    /// Takes in an arrived packet, in order of arrival.
    pub(super) fn handle_packet(&mut self, arrived: Duration, len: usize, limited: bool) {
        let arrived = arrived.as_secs_f64();
        let length = if self.estimate.is_some() {
            WINDOW
        } else {
            FIRST_WINDOW
        };
        match self.window_start {
            // The clock went back, or nothing came for long: start a new window.
            Some(_) if arrived < self.last - 1.0 || arrived - self.last > 2.0 => {
                self.window_start = Some(arrived);
                self.bytes = 0;
            }
            Some(start) if arrived - start >= length => {
                let kbps = self.bytes as f64 * 8.0 / 1e3 / (arrived - start);
                self.handle_sample(kbps, limited);
                self.window_start = Some(arrived);
                self.bytes = 0;
            }
            Some(_) => {}
            None => self.window_start = Some(arrived),
        }
        self.last = self.last.max(arrived).min(arrived + 1.0);
        self.count_slice(arrived, len);
        self.bytes += len as u64;
    }

    /// The application is no longer limited: follow the rate faster for a while.
    pub(super) fn handle_limit_end(&mut self) {
        self.variance += AFTER_LIMIT;
    }

    /// The rate, once there was a first window.
    pub(super) fn rate(&self) -> Option<Bitrate> {
        self.estimate.map(|kbps| Bitrate::from_f64(kbps * 1e3))
    }

    /// The rate while queues grow, which is what the path carries: the most that arrived within a short
    /// time of late, however little was sent before.
    pub(super) fn rate_when_full(&self) -> Option<Bitrate> {
        let span = SPAN as f64 * SLICE;
        let most = self
            .slices
            .windows(SPAN)
            .map(|w| w.iter().sum::<u64>())
            .max();
        // The greatest of many counts has a packet too many.
        let most = most.unwrap_or(0).saturating_sub(PACKET);
        let kbps = most as f64 * 8.0 / 1e3 / span;
        Some(Bitrate::from_f64(self.estimate?.max(kbps) * 1e3))
    }

    /// Counts what arrived in each of the latest slices of time.
    fn count_slice(&mut self, arrived: f64, len: usize) {
        let slice = (arrived / SLICE) as i64;
        let steps = slice - self.slice;
        if !(-(SLICES as i64)..SLICES as i64).contains(&steps) {
            self.slices = [0; SLICES];
            self.slice = slice;
        } else if steps > 0 {
            self.slices.rotate_left(steps as usize);
            self.slices[SLICES - steps as usize..].fill(0);
            self.slice = slice;
        }
        let back = (self.slice - slice).max(0) as usize;
        self.slices[SLICES - 1 - back.min(SLICES - 1)] += len as u64;
    }

    fn handle_sample(&mut self, sample: f64, limited: bool) {
        let Some(estimate) = self.estimate else {
            self.estimate = Some(sample);
            return;
        };
        let scale = if limited && sample < estimate {
            UNCERTAINTY_WHEN_LIMITED
        } else {
            UNCERTAINTY
        };
        let uncertainty = scale * (estimate - sample).abs() / (estimate + sample).max(1.0);
        let sample_variance = uncertainty.powi(2);
        let prior = self.variance + DRIFT;
        self.estimate =
            Some((sample_variance * estimate + prior * sample) / (sample_variance + prior));
        self.variance = sample_variance * prior / (sample_variance + prior);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_path_that_is_full_after_silence_is_told_from_a_slow_one() {
        let mut acknowledged = Acknowledged::default();
        for step in 0..100 {
            acknowledged.handle_packet(Duration::from_millis(20 * step), 150, true);
        }
        // A keyframe of 30 kB through 2.4 Mbit/s.
        for step in 0..30 {
            let at = Duration::from_micros(2_000_000 + step * 3_333);
            acknowledged.handle_packet(at, 1_000, false);
        }
        let full = acknowledged.rate_when_full().unwrap().as_kbps();
        assert!((2_000..=2_600).contains(&full), "{full}");
    }

    #[test]
    fn the_rate_follows_what_arrives() {
        let mut acknowledged = Acknowledged::default();
        let mut time = Duration::ZERO;
        for (kbps, seconds) in [(1_000_u32, 3.0), (300, 3.0), (2_000, 3.0)] {
            let step = Duration::from_secs_f64(8.0 * 1_000.0 / f64::from(kbps) / 1e3);
            let end = time + Duration::from_secs_f64(seconds);
            while time < end {
                time += step;
                acknowledged.handle_packet(time, 1_000, false);
            }
            let rate = acknowledged.rate().unwrap().as_kbps();
            assert!(
                rate.abs_diff(u64::from(kbps)) < u64::from(kbps) / 10,
                "{rate} {kbps}"
            );
        }
    }
}
