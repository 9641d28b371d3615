//! Traffic per second, from counters that only grow.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Counters of traffic since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Packets received.
    pub packets_in: u64,
    /// Packets sent.
    pub packets_out: u64,
}

/// Traffic per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Bits received per second.
    pub bits_in: f64,
    /// Bits sent per second.
    pub bits_out: f64,
    /// Packets received per second.
    pub packets_in: f64,
    /// Packets sent per second.
    pub packets_out: f64,
}

/// Rates over a sliding window.
#[derive(Clone, Debug)]
pub struct Sampler {
    window: Duration,
    samples: VecDeque<(Instant, Traffic)>,
}

impl Sampler {
    /// Rates over about `window`.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        Self {
            window,
            samples: VecDeque::new(),
        }
    }

    /// Takes the counters at `now`.
    pub fn handle_sample(&mut self, traffic: Traffic, now: Instant) {
        self.samples.push_back((now, traffic));
        while self.samples.len() > 2
            && now.saturating_duration_since(self.samples[1].0) >= self.window
        {
            self.samples.pop_front();
        }
    }

    /// The rates between the oldest and the newest sample; zero before there are two.
    #[must_use]
    pub fn rates(&self) -> Rates {
        let (Some((start, first)), Some((end, last))) = (self.samples.front(), self.samples.back())
        else {
            return Rates::default();
        };
        let seconds = end.saturating_duration_since(*start).as_secs_f64();
        if seconds <= 0.0 {
            return Rates::default();
        }
        // A worker that was begun anew counts from zero again.
        let rate = |first: u64, last: u64| last.saturating_sub(first) as f64 / seconds;
        Rates {
            bits_in: 8.0 * rate(first.bytes_in, last.bytes_in),
            bits_out: 8.0 * rate(first.bytes_out, last.bytes_out),
            packets_in: rate(first.packets_in, last.packets_in),
            packets_out: rate(first.packets_out, last.packets_out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_the_last_seconds() {
        let mut sampler = Sampler::new(Duration::from_secs(2));
        let start = Instant::now();
        assert_eq!(sampler.rates(), Rates::default());
        for second in 0..10_u64 {
            let bytes_in = if second < 5 {
                second * 1_000
            } else {
                4_000 + (second - 4) * 2_000
            };
            let traffic = Traffic {
                bytes_in,
                packets_out: second * 50,
                ..Traffic::default()
            };
            sampler.handle_sample(traffic, start + Duration::from_secs(second));
        }
        assert_eq!(sampler.rates().bits_in, 16_000.0);
        assert_eq!(sampler.rates().packets_out, 50.0);
    }
}
