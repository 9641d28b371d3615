//! When to probe, and at what rate.

use std::time::{Duration, Instant};

use crate::probing::ProbeCluster;
use crate::units::Bitrate;

/// Factor on the initial estimate for the first probe.
const FIRST: f64 = 3.0;
/// A probe that showed at least this share of its rate is followed by a larger one.
const SUCCESS: f64 = 0.7;
const FURTHER: f64 = 2.0;
const CLUSTER: Duration = Duration::from_millis(25);
/// A slower probe lasts longer, so that it has packets enough to tell anything.
const LEAST_BYTES: u64 = 2_500;
/// For the result of a probe.
const WAIT: Duration = Duration::from_secs(1);
/// Between probes while there is use for more: growth by what arrives ends where a layer costs more
/// than half as much again as the one before.
const INTERVAL: Duration = Duration::from_secs(5);
/// A drop to below this share of the estimate may be transient: probe for the old rate.
const LARGE_DROP: f64 = 0.66;
const RECOVERY_DELAY: Duration = Duration::from_secs(2);
const RECOVERY: f64 = 0.85;
/// Beyond this much above what is wanted no probe goes.
const ABOVE_WANTED: f64 = 1.2;

/// Decides on probe clusters.
#[derive(Debug)]
pub(super) struct ProbeControl {
    initial: Bitrate,
    max: Bitrate,
    next_id: u32,
    /// The first probe was sent, or there was no use for it.
    started: bool,
    last: Option<(Instant, Bitrate)>,
    follow_up: Option<Bitrate>,
    dropped_from: Option<(Instant, Bitrate)>,
}

impl ProbeControl {
    pub(super) fn new(initial: Bitrate, max: Bitrate) -> Self {
        Self {
            initial,
            max,
            next_id: 1,
            started: false,
            last: None,
            follow_up: None,
            dropped_from: None,
        }
    }

    /// Takes in the rate that a probe showed.
    pub(super) fn handle_result(&mut self, shown: Bitrate) {
        if self.last.is_some_and(|(_, rate)| shown >= rate * SUCCESS) {
            self.follow_up = Some(shown * FURTHER);
        }
    }

    /// Takes in a change of the estimate.
    pub(super) fn handle_estimate(&mut self, before: Bitrate, after: Bitrate, now: Instant) {
        if after < before * LARGE_DROP {
            let from = self
                .dropped_from
                .map_or(before, |(_, rate)| rate.max(before));
            self.dropped_from = Some((now, from));
            self.follow_up = None;
        }
    }

    /// The next cluster, if one is due. `wanted` is the rate that there is use for.
    pub(super) fn poll(
        &mut self,
        wanted: Bitrate,
        estimate: Bitrate,
        now: Instant,
    ) -> Option<ProbeCluster> {
        if wanted <= estimate {
            return None;
        }
        let since_last = self.last.map(|(at, _)| now.saturating_duration_since(at));
        let rate = if !self.started {
            self.started = true;
            self.initial * FIRST
        } else if let Some(rate) = self.follow_up.take() {
            if since_last.is_some_and(|since| since > WAIT) {
                return None;
            }
            rate
        } else if let Some((at, rate)) = self.dropped_from
            && now.saturating_duration_since(at) >= RECOVERY_DELAY
        {
            self.dropped_from = None;
            (rate * RECOVERY).min(estimate * FURTHER)
        } else if since_last.is_none_or(|since| since >= INTERVAL) {
            estimate * FURTHER
        } else {
            return None;
        };
        let rate = rate.min(wanted * ABOVE_WANTED).min(self.max);
        if rate <= estimate {
            return None;
        }
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        self.last = Some((now, rate));
        Some(ProbeCluster {
            id,
            rate,
            duration: CLUSTER.max(rate.time_for(LEAST_BYTES)),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const KBPS: fn(u64) -> Bitrate = Bitrate::from_kbps;

    #[test]
    fn the_first_probe_goes_at_three_times_the_start_and_success_doubles() {
        let start = Instant::now();
        let mut control = ProbeControl::new(KBPS(500), KBPS(20_000));
        let poll = |control: &mut ProbeControl, ms: u32, estimate| {
            let cluster = control.poll(KBPS(9_000), KBPS(estimate), start + MS * ms);
            cluster.map(|cluster| cluster.rate.as_kbps())
        };
        assert_eq!(poll(&mut control, 0, 500), Some(1_500));
        assert_eq!(poll(&mut control, 100, 500), None);
        control.handle_result(KBPS(1_400));
        assert_eq!(poll(&mut control, 150, 1_400), Some(2_800));
        control.handle_result(KBPS(1_450));
        assert_eq!(poll(&mut control, 300, 1_450), None);
    }

    #[test]
    fn nothing_is_probed_beyond_what_is_wanted() {
        let start = Instant::now();
        let mut control = ProbeControl::new(KBPS(500), KBPS(20_000));
        assert_eq!(control.poll(KBPS(400), KBPS(500), start), None);
        let cluster = control.poll(KBPS(1_000), KBPS(500), start).unwrap();
        assert_eq!(cluster.rate, KBPS(1_200));
    }

    #[test]
    fn a_large_drop_is_probed_once_it_may_be_over() {
        let start = Instant::now();
        let mut control = ProbeControl::new(KBPS(500), KBPS(20_000));
        control.poll(KBPS(9_000), KBPS(500), start);
        control.handle_estimate(KBPS(2_000), KBPS(1_000), start);
        assert_eq!(
            control.poll(KBPS(9_000), KBPS(1_000), start + 1_000 * MS),
            None
        );
        let cluster = control.poll(KBPS(9_000), KBPS(1_000), start + 2_000 * MS);
        assert_eq!(cluster.unwrap().rate, KBPS(1_700));
    }
}
