//! How long endpoints took to connect: what a person who joins waits for.

use std::time::Duration;

/// Upper bounds of the buckets, in seconds.
const BOUNDS: [f64; 7] = [0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];
/// Who has waited this long without media counts as one who got none, also when somebody else gives up on them first.
const PATIENCE: Duration = Duration::from_secs(5);

/// Counts since the start, of endpoints from their creation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Connects {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    total: Duration,
    never: u64,
}

impl Connects {
    /// An endpoint's DTLS is up, this long after its creation.
    pub(super) fn connected(&mut self, after: Duration) {
        let within = |bound: &f64| after.as_secs_f64() <= *bound;
        if let Some(bucket) = BOUNDS.iter().position(within) {
            self.buckets[bucket] += 1;
        }
        self.count += 1;
        self.total += after;
    }

    /// An endpoint goes that never was connected. Who left at once, or only probed the media port, is not counted.
    pub(super) fn gone(&mut self, after: Duration) {
        self.never += u64::from(after >= PATIENCE);
    }

    /// Bounds in seconds with the endpoints in each bucket; those beyond the last bound are under infinity.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let beyond = self.count - self.buckets.iter().sum::<u64>();
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        bounds
            .zip(self.buckets.into_iter().chain([beyond]))
            .collect()
    }

    /// Seconds that they took together.
    pub fn seconds(&self) -> f64 {
        self.total.as_secs_f64()
    }

    /// How many waited 5 s or more for nothing.
    pub fn never(&self) -> u64 {
        self.never
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_is_in_the_first_bucket_that_holds_it() {
        let mut connects = Connects::default();
        for millis in [100, 250, 4_999, 60_000] {
            connects.connected(Duration::from_millis(millis));
        }
        let counts: Vec<u64> = connects.buckets().iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 0, 0, 0, 1, 0, 0, 1]);
    }

    #[test]
    fn who_leaves_at_once_did_not_wait_for_nothing() {
        let mut connects = Connects::default();
        connects.gone(Duration::from_secs(2));
        connects.gone(Duration::from_secs(5));
        assert_eq!(connects.never(), 1);
    }
}
