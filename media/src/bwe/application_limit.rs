//! Whether the sender leaves a good part of its estimate unused ("application limited").

use std::time::Instant;

use crate::units::Bitrate;

/// The share of the estimate that counts as full use.
const USE: f64 = 0.65;
/// Unused time, in seconds of the full rate, that is kept account of either way.
const WINDOW: f64 = 0.5;
/// Limited above this share of the account, not limited below the other.
const START: f64 = 0.8;
const STOP: f64 = 0.5;

/// The account of what was not used.
#[derive(Debug, Default)]
pub(super) struct ApplicationLimit {
    /// In seconds of full use; positive when unused.
    account: f64,
    last: Option<Instant>,
    limited: bool,
}

impl ApplicationLimit {
    /// Takes in what was sent.
    pub(super) fn handle_sent(&mut self, len: usize, estimate: Bitrate, now: Instant) {
        let elapsed = self.last.replace(now).map_or(0.0, |last| {
            now.saturating_duration_since(last).as_secs_f64()
        });
        let used = len as f64 * 8.0 / (estimate.as_f64() * USE).max(1.0);
        self.account = (self.account + elapsed - used).clamp(-WINDOW, WINDOW);
        let level = self.account / WINDOW;
        if level > START {
            self.limited = true;
        } else if level < STOP {
            self.limited = false;
        }
    }

    /// True while well below the estimate.
    pub(super) fn is_limited(&self) -> bool {
        self.limited
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_sender_far_below_its_estimate_is_limited_until_it_is_not() {
        let mut now = Instant::now();
        let mut limit = ApplicationLimit::default();
        let mut run = |kbps: u64| {
            for _ in 0..300 {
                now += Duration::from_millis(10);
                limit.handle_sent((kbps * 10 / 8) as usize, Bitrate::from_kbps(1_000), now);
            }
            limit.is_limited()
        };
        assert!(!run(900));
        assert!(run(300));
        assert!(!run(800));
    }
}
