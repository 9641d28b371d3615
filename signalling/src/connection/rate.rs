//! How fast a peer may send: two token buckets. Above the rate, reading pauses; nothing is lost and TCP slows it down.

use crate::config::LimitsConfig;
use std::time::{Duration, Instant};

pub(super) struct Rate {
    bytes: Bucket,
    stanzas: Bucket,
    filled: Instant,
}

struct Bucket {
    per_second: f64,
    most: f64,
    level: f64,
}

impl Bucket {
    fn new(per_second: f64, most: f64) -> Self {
        Self {
            per_second: per_second.max(1.0),
            most,
            level: most,
        }
    }

    fn fill(&mut self, passed: Duration) {
        self.level = (self.level + self.per_second * passed.as_secs_f64()).min(self.most);
    }

    fn debt(&self) -> Duration {
        Duration::from_secs_f64((-self.level / self.per_second).clamp(0.0, 60.0))
    }
}

impl Rate {
    pub(super) fn new(limits: &LimitsConfig, now: Instant) -> Self {
        Self {
            bytes: Bucket::new(limits.bytes_per_second as f64, limits.burst_bytes as f64),
            stanzas: Bucket::new(
                limits.stanzas_per_second.into(),
                limits.burst_stanzas.into(),
            ),
            filled: now,
        }
    }

    pub(super) fn handle_bytes(&mut self, bytes: usize) {
        self.bytes.level -= bytes as f64;
    }

    pub(super) fn handle_stanza(&mut self) {
        self.stanzas.level -= 1.0;
    }

    pub(super) fn poll_pause(&mut self, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.filled);
        self.filled = now;
        self.bytes.fill(passed);
        self.stanzas.fill(passed);
        Some(self.bytes.debt().max(self.stanzas.debt())).filter(|pause| !pause.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_what_goes_beyond_is_waited_for() {
        let limits = LimitsConfig {
            bytes_per_second: 100,
            burst_bytes: 1_000,
            stanzas_per_second: 10,
            burst_stanzas: 5,
            ..LimitsConfig::default()
        };
        let now = Instant::now();
        let mut rate = Rate::new(&limits, now);
        rate.handle_bytes(1_000);
        assert_eq!(rate.poll_pause(now), None);
        rate.handle_bytes(200);
        assert_eq!(rate.poll_pause(now), Some(Duration::from_secs(2)));
        let now = now + Duration::from_secs(2);
        assert_eq!(rate.poll_pause(now), None);
        (0..15).for_each(|_| rate.handle_stanza());
        assert_eq!(rate.poll_pause(now), Some(Duration::from_secs(1)));
    }
}
