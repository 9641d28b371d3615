//! Bitrate over the last second.

use std::time::{Duration, Instant};

use media::units::Bitrate;

const BUCKETS: usize = 10;
const BUCKET: Duration = Duration::from_millis(100);

/// Counts bytes in a sliding window of one second.
#[derive(Clone, Debug)]
pub struct RateWindow {
    bytes: [u32; BUCKETS],
    at: usize,
    at_since: Instant,
    first: Instant,
}

impl RateWindow {
    /// Empty.
    pub fn new(now: Instant) -> Self {
        Self {
            bytes: [0; BUCKETS],
            at: 0,
            at_since: now,
            first: now,
        }
    }

    /// Takes in so many bytes.
    pub fn count(&mut self, bytes: usize, now: Instant) {
        self.turn(now);
        self.bytes[self.at] = self.bytes[self.at].saturating_add(bytes as u32);
    }

    /// The rate; over a shorter time while there is less than a second to look at.
    pub fn rate(&mut self, now: Instant) -> Bitrate {
        self.turn(now);
        let bytes: u64 = self.bytes.iter().map(|b| u64::from(*b)).sum();
        let known = now.saturating_duration_since(self.first);
        Bitrate::of(bytes, known.clamp(BUCKET * 3, BUCKET * BUCKETS as u32))
    }

    fn turn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at_since);
        if passed < BUCKET {
            return;
        }
        let steps = (passed.as_millis() / BUCKET.as_millis()) as usize;
        if steps >= BUCKETS {
            // Silence for a second: what comes next is measured from its own start.
            self.bytes = [0; BUCKETS];
            self.first = now;
            self.at_since = now;
            return;
        }
        for _ in 0..steps {
            self.at = (self.at + 1) % BUCKETS;
            self.bytes[self.at] = 0;
        }
        self.at_since += BUCKET * steps as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_follows_the_last_second() {
        let mut now = Instant::now();
        let mut window = RateWindow::new(now);
        for _ in 0..200 {
            window.count(1_250, now);
            now += Duration::from_millis(10);
        }
        let kbps = window.rate(now).as_kbps();
        assert!((900..=1_010).contains(&kbps), "{kbps}");
        now += Duration::from_millis(500);
        assert!(window.rate(now).as_kbps() < 600);
        now += Duration::from_secs(1);
        assert_eq!(window.rate(now), Bitrate::ZERO);
    }
}
