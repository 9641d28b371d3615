//! How fast a client's bridge channel is read: who says too much is read later, so that TCP slows it down at its end.

use std::time::{Duration, Instant};

/// Cost units that come back each second; a message costs one, and one for each KiB.
const PER_SECOND: f64 = 200.0;
/// Units that may be spent at once.
const BURST: f64 = 1_000.0;

/// A token bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    units: f64,
    at: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            units: BURST,
            at: now,
        }
    }

    /// Takes a message of so many bytes into account.
    pub(super) fn handle_message(&mut self, bytes: usize, now: Instant) {
        let back = now.saturating_duration_since(self.at).as_secs_f64() * PER_SECOND;
        self.at = now;
        self.units = (self.units + back).min(BURST) - 1.0 - bytes as f64 / 1_024.0;
    }

    /// When the next message may be read.
    pub(super) fn poll_timeout(&self) -> Instant {
        self.at + Duration::from_secs_f64((-self.units / PER_SECOND).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_client_never_waits() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for n in 0..3_000_u64 {
            let now = start + Duration::from_millis(n * 100);
            pace.handle_message(2_000, now);
            assert!(pace.poll_timeout() <= now);
        }
    }

    #[test]
    fn a_flood_is_read_at_the_sustained_rate() {
        let mut now = Instant::now();
        let start = now;
        let mut pace = Pace::new(now);
        for _ in 0..5_000 {
            pace.handle_message(0, now);
            now = now.max(pace.poll_timeout());
        }
        let seconds = (now - start).as_secs_f64();
        assert!((19.0..21.0).contains(&seconds), "{seconds}");
    }
}
