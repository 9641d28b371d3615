//! How often one participant may ask for a new session or an ICE restart.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// At least `min_interval` apart, at most `per_minute` within a minute.
#[derive(Debug, Clone)]
pub struct RestartLimit {
    min_interval: Duration,
    per_minute: usize,
    granted: VecDeque<Instant>,
}

impl RestartLimit {
    /// Nothing asked for yet.
    pub fn new(min_interval: Duration, per_minute: usize) -> Self {
        Self {
            min_interval,
            per_minute,
            granted: VecDeque::new(),
        }
    }

    /// Whether a request at `now` is granted; a refused one does not count.
    pub fn handle_request(&mut self, now: Instant) -> bool {
        while self
            .granted
            .front()
            .is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(60))
        {
            self.granted.pop_front();
        }
        let too_soon = self
            .granted
            .back()
            .is_some_and(|at| now.duration_since(*at) < self.min_interval);
        if too_soon || self.granted.len() >= self.per_minute {
            return false;
        }
        self.granted.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_are_five_seconds_apart_and_five_a_minute() {
        let start = Instant::now();
        let mut limit = RestartLimit::new(Duration::from_secs(5), 5);
        let cases = [
            (0, true),
            (4, false),
            (5, true),
            (10, true),
            (15, true),
            (20, true),
            (25, false),
            (59, false),
            (60, true),
            (64, false),
            (65, true),
        ];
        for (second, granted) in cases {
            let now = start + Duration::from_secs(second);
            assert_eq!(limit.handle_request(now), granted, "second {second}");
        }
    }
}
