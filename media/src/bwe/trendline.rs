//! Tells from the trend of the delay whether the path is used beyond what it carries
//! (draft-ietf-rmcat-gcc-02 §5.3 and §5.4, with a line fitted instead of a Kalman filter).

use std::collections::VecDeque;

use super::inter_arrival::Delta;

/// Groups that the line is fitted to.
const WINDOW: usize = 20;
const SMOOTHING: f64 = 0.9;
const GAIN: f64 = 4.0;
/// Groups after which the trend has its full weight.
const FULL_WEIGHT: u32 = 60;
/// Overuse must last this long, in milliseconds.
const OVERUSE_MS: f64 = 10.0;
/// How fast the threshold follows a trend above and below it, per millisecond.
const ADAPT_UP: f64 = 0.0087;
const ADAPT_DOWN: f64 = 0.039;
/// The threshold does not follow spikes this far above it.
const SPIKE: f64 = 15.0;

/// How the path is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Usage {
    #[default]
    Normal,
    /// Queues grow.
    Over,
    /// Queues drain.
    Under,
}

/// The detector.
#[derive(Debug)]
pub(super) struct Trendline {
    /// Arrival and smoothed delay, both in ms.
    points: VecDeque<(f64, f64)>,
    first_arrival: Option<f64>,
    accumulated: f64,
    smoothed: f64,
    deltas: u32,
    trend: f64,
    threshold: f64,
    last_update: Option<f64>,
    overusing_for: Option<f64>,
    overuses: u32,
    usage: Usage,
}

impl Default for Trendline {
    fn default() -> Self {
        Self {
            points: VecDeque::with_capacity(WINDOW + 1),
            first_arrival: None,
            accumulated: 0.0,
            smoothed: 0.0,
            deltas: 0,
            trend: 0.0,
            threshold: 12.5,
            last_update: None,
            overusing_for: None,
            overuses: 0,
            usage: Usage::Normal,
        }
    }
}

impl Trendline {
    /// Takes in the difference between two groups.
    pub(super) fn handle_delta(&mut self, delta: Delta) {
        let arrival = delta.arrival * 1e3;
        self.deltas = (self.deltas + 1).min(FULL_WEIGHT);
        self.accumulated += (delta.arrived - delta.sent) * 1e3;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.accumulated;
        let first = *self.first_arrival.get_or_insert(arrival);
        self.points.push_back((arrival - first, self.smoothed));
        if self.points.len() > WINDOW {
            self.points.pop_front();
        }
        let before = self.trend;
        if self.points.len() == WINDOW {
            self.trend = slope(&self.points).unwrap_or(self.trend);
        }
        self.detect(before, delta.sent * 1e3, arrival);
    }

    /// How the path is used.
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    fn detect(&mut self, trend_before: f64, sent: f64, arrival: f64) {
        if self.deltas < 2 {
            return;
        }
        let weighted = f64::from(self.deltas) * self.trend * GAIN;
        if weighted > self.threshold {
            let lasted = match self.overusing_for {
                Some(time) => time + sent,
                None => sent / 2.0,
            };
            self.overusing_for = Some(lasted);
            self.overuses += 1;
            if lasted > OVERUSE_MS && self.overuses > 1 && self.trend >= trend_before {
                self.overusing_for = Some(0.0);
                self.overuses = 0;
                self.usage = Usage::Over;
            }
        } else {
            self.overusing_for = None;
            self.overuses = 0;
            self.usage = if weighted < -self.threshold {
                Usage::Under
            } else {
                Usage::Normal
            };
        }
        self.adapt(weighted.abs(), arrival);
    }

    fn adapt(&mut self, weighted: f64, arrival: f64) {
        let elapsed = self
            .last_update
            .replace(arrival)
            .map_or(0.0, |last| arrival - last);
        if weighted > self.threshold + SPIKE {
            return;
        }
        let rate = if weighted < self.threshold {
            ADAPT_DOWN
        } else {
            ADAPT_UP
        };
        self.threshold += rate * (weighted - self.threshold) * elapsed.clamp(0.0, 100.0);
        self.threshold = self.threshold.clamp(6.0, 600.0);
    }
}

/// Least squares; `None` when all points share one place.
fn slope(points: &VecDeque<(f64, f64)>) -> Option<f64> {
    let count = points.len() as f64;
    let (x, y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (x / count, y / count);
    let (covariance, variance) = points.iter().fold((0.0, 0.0), |(c, v), point| {
        (c + (point.0 - x) * (point.1 - y), v + (point.0 - x).powi(2))
    });
    (variance > 0.0).then(|| covariance / variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(groups: u32, extra: impl Fn(u32) -> f64) -> Trendline {
        let mut trendline = Trendline::default();
        let mut arrival = 1.0;
        for i in 0..groups {
            let delta = 0.020 + extra(i);
            arrival += delta;
            trendline.handle_delta(Delta {
                sent: 0.020,
                arrived: delta,
                arrival,
            });
        }
        trendline
    }

    #[test]
    fn growing_delay_is_overuse_and_shrinking_delay_underuse() {
        assert_eq!(run(60, |_| 0.0).usage(), Usage::Normal);
        assert_eq!(run(60, |_| 0.002).usage(), Usage::Over);
        assert_eq!(
            run(60, |i| if i < 30 { 0.004 } else { -0.004 }).usage(),
            Usage::Under
        );
    }

    #[test]
    fn jitter_without_a_trend_is_normal_use() {
        let jitter = |i: u32| (f64::from(i * 7 % 5) - 2.0) * 0.002;
        for groups in 40..90 {
            assert_ne!(run(groups, jitter).usage(), Usage::Over);
        }
    }
}
