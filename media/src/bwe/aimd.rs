//! Additive or multiplicative increase, multiplicative decrease (draft-ietf-rmcat-gcc-02 §5.5).

use std::time::{Duration, Instant};

use super::trendline::Usage;
use crate::units::Bitrate;

/// What remains of the arriving rate after overuse.
const DECREASE: f64 = 0.85;
/// Growth per second while the path's capacity is not known.
const GROWTH: f64 = 0.08;
/// The estimate grows at most this far beyond what arrives.
const AHEAD: f64 = 1.5;
const AHEAD_EXTRA: Bitrate = Bitrate::from_kbps(10);
/// Least additive growth per second.
const MIN_GROWTH: f64 = 4_000.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Hold,
    Increase,
}

/// The delay-based rate.
#[derive(Debug)]
pub(super) struct Aimd {
    rate: Bitrate,
    min: Bitrate,
    max: Bitrate,
    state: State,
    capacity: Capacity,
    last_change: Option<Instant>,
    last_decrease: Option<Instant>,
}

impl Aimd {
    pub(super) fn new(initial: Bitrate, min: Bitrate, max: Bitrate) -> Self {
        Self {
            rate: initial,
            min,
            max,
            state: State::Hold,
            capacity: Capacity::default(),
            last_change: None,
            last_decrease: None,
        }
    }

    /// The delay-based rate.
    pub(super) fn rate(&self) -> Bitrate {
        self.rate
    }

    /// Sets the rate, from a probe.
    pub(super) fn set_rate(&mut self, rate: Bitrate, now: Instant) {
        self.rate = rate.clamp(self.min, self.max);
        self.last_change = Some(now);
    }

    /// Lets the detector's finding act.
    pub(super) fn handle_usage(
        &mut self,
        usage: Usage,
        acknowledged: Option<Bitrate>,
        rtt: Duration,
        now: Instant,
    ) {
        match usage {
            Usage::Over => {
                if self.may_decrease(acknowledged, rtt, now) {
                    self.decrease(acknowledged, now);
                }
                self.state = State::Hold;
                self.last_change = Some(now);
            }
            // The queues drain: wait for it.
            Usage::Under => {
                self.state = State::Hold;
                self.last_change = Some(now);
            }
            Usage::Normal => {
                if self.state == State::Hold {
                    self.state = State::Increase;
                    self.last_change.get_or_insert(now);
                }
                self.increase(acknowledged, rtt, now);
            }
        }
    }

    /// A decrease shows its effect after a round trip.
    fn may_decrease(&self, acknowledged: Option<Bitrate>, rtt: Duration, now: Instant) -> bool {
        let wait = rtt.clamp(Duration::from_millis(10), Duration::from_millis(200));
        self.last_decrease
            .is_none_or(|last| now.saturating_duration_since(last) >= wait)
            || acknowledged.is_some_and(|rate| rate < self.rate * 0.5)
    }

    fn decrease(&mut self, acknowledged: Option<Bitrate>, now: Instant) {
        let arriving = acknowledged.unwrap_or(self.rate);
        let mut target = arriving * DECREASE;
        if target > self.rate
            && let Some(capacity) = self.capacity.estimate()
        {
            target = capacity * DECREASE;
        }
        self.capacity.handle_overuse(arriving);
        self.rate = target.min(self.rate).max(self.min);
        self.last_decrease = Some(now);
    }

    fn increase(&mut self, acknowledged: Option<Bitrate>, rtt: Duration, now: Instant) {
        let elapsed = self.last_change.replace(now).map_or(0.0, |last| {
            now.saturating_duration_since(last).as_secs_f64().min(1.0)
        });
        if acknowledged.is_some_and(|rate| self.capacity.is_exceeded_by(rate)) {
            self.capacity = Capacity::default();
        }
        let limit = match acknowledged {
            Some(rate) => rate * AHEAD + AHEAD_EXTRA,
            None => self.max,
        };
        if self.rate >= limit {
            return;
        }
        let growth = if self.capacity.estimate().is_some() {
            additive_growth(self.rate, rtt) * elapsed
        } else {
            (self.rate.as_f64() * ((1.0 + GROWTH).powf(elapsed) - 1.0)).max(1_000.0 * elapsed)
        };
        self.rate = (self.rate + Bitrate::from_f64(growth))
            .min(limit)
            .min(self.max);
    }
}

/// About one packet per response time, in bits per second per second.
fn additive_growth(rate: Bitrate, rtt: Duration) -> f64 {
    const FRAMES_PER_SECOND: f64 = 30.0;
    const PACKET_BITS: f64 = 1_200.0 * 8.0;
    let frame = rate.as_f64() / FRAMES_PER_SECOND;
    let packet = frame / (frame / PACKET_BITS).ceil().max(1.0);
    let response = rtt.as_secs_f64() + 0.1;
    (packet / response).max(MIN_GROWTH)
}

/// What arrived when the path was overused: its capacity, with a deviation.
#[derive(Debug, Default)]
struct Capacity {
    /// In kbps.
    estimate: Option<f64>,
    /// Variance over estimate, in kbps.
    deviation: f64,
}

impl Capacity {
    const SMOOTHING: f64 = 0.05;

    fn estimate(&self) -> Option<Bitrate> {
        self.estimate.map(|kbps| Bitrate::from_f64(kbps * 1e3))
    }

    fn handle_overuse(&mut self, arriving: Bitrate) {
        let sample = arriving.as_f64() / 1e3;
        let outlier = self
            .estimate
            .is_some_and(|estimate| sample < estimate - self.spread(estimate));
        if outlier {
            *self = Self::default();
        }
        let estimate = match self.estimate {
            Some(estimate) => estimate + Self::SMOOTHING * (sample - estimate),
            None => sample,
        };
        let error = estimate - sample;
        self.deviation = (1.0 - Self::SMOOTHING) * self.deviation.max(0.4)
            + Self::SMOOTHING * error.powi(2) / estimate.max(1.0);
        self.deviation = self.deviation.clamp(0.4, 2.5);
        self.estimate = Some(estimate);
    }

    fn spread(&self, estimate: f64) -> f64 {
        3.0 * (self.deviation.max(0.4) * estimate).sqrt()
    }

    fn is_exceeded_by(&self, rate: Bitrate) -> bool {
        self.estimate
            .is_some_and(|e| rate.as_f64() / 1e3 > e + self.spread(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn aimd(kbps: u64) -> Aimd {
        Aimd::new(
            Bitrate::from_kbps(kbps),
            Bitrate::from_kbps(30),
            Bitrate::from_kbps(20_000),
        )
    }

    #[test]
    fn overuse_falls_to_a_part_of_what_arrives_once_a_round_trip() {
        let start = Instant::now();
        let mut aimd = aimd(2_000);
        let arriving = Some(Bitrate::from_kbps(1_000));
        aimd.handle_usage(Usage::Over, arriving, 100 * MS, start);
        assert_eq!(aimd.rate(), Bitrate::from_kbps(850));
        aimd.handle_usage(
            Usage::Over,
            Some(Bitrate::from_kbps(900)),
            100 * MS,
            start + 50 * MS,
        );
        assert_eq!(aimd.rate(), Bitrate::from_kbps(850));
        aimd.handle_usage(
            Usage::Over,
            Some(Bitrate::from_kbps(900)),
            100 * MS,
            start + 100 * MS,
        );
        assert_eq!(aimd.rate(), Bitrate::from_kbps(765));
    }

    #[test]
    fn growth_is_eight_percent_a_second_and_bounded_by_what_arrives() {
        let start = Instant::now();
        let mut aimd = aimd(1_000);
        let arriving = Some(Bitrate::from_kbps(1_000));
        for i in 0..=100 {
            aimd.handle_usage(Usage::Normal, arriving, 100 * MS, start + MS * i * 10);
        }
        assert!(
            (1_075..1_085).contains(&aimd.rate().as_kbps()),
            "{}",
            aimd.rate()
        );
        for i in 0..=2_000 {
            aimd.handle_usage(
                Usage::Normal,
                arriving,
                100 * MS,
                start + MS * (1_000 + i * 10),
            );
        }
        assert_eq!(aimd.rate(), Bitrate::from_kbps(1_510));
    }

    #[test]
    fn after_overuse_growth_is_cautious_until_more_than_the_capacity_arrives() {
        let start = Instant::now();
        let mut aimd = aimd(1_000);
        aimd.handle_usage(
            Usage::Over,
            Some(Bitrate::from_kbps(1_000)),
            100 * MS,
            start,
        );
        let mut grow = |kbps, from: u32| {
            let before = aimd.rate();
            for i in 0..=100 {
                let now = start + MS * (from + i * 10);
                aimd.handle_usage(Usage::Normal, Some(Bitrate::from_kbps(kbps)), 100 * MS, now);
            }
            (aimd.rate() - before).as_kbps()
        };
        assert!((20..60).contains(&grow(900, 0)));
        assert!(grow(1_500, 1_000) > 65);
    }
}
