//! Waiting times of repeated attempts.

use std::time::Duration;

use rand::Rng;
use rand::rngs::SmallRng;

/// Doubling waits, each shortened by up to half at random, so that a whole room does not come
/// back in the same moment.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            attempts: 0,
        }
    }

    /// How long to wait before the next attempt.
    pub(super) fn next(&mut self, rng: &mut SmallRng) -> Duration {
        let full = self
            .longest
            .min(self.first * 2u32.pow(self.attempts.min(16)));
        self.attempts += 1;
        full.mul_f64(rng.random_range(0.5..=1.0))
    }

    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew() {
        let mut rng = SmallRng::seed_from_u64(1);
        let second = Duration::from_secs(1);
        let mut backoff = Backoff::new(second, 8 * second);
        for full in [1, 2, 4, 8, 8].map(|n| n * second) {
            let wait = backoff.next(&mut rng);
            assert!(full / 2 <= wait && wait <= full, "{wait:?} of {full:?}");
        }
        backoff.reset();
        assert!(backoff.next(&mut rng) <= second);
    }
}
