//! Which resource is reconciled when: each at most once at a time, failures ever more rarely.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well; it is to be looked at again after this long.
    Again(Duration),
    /// With an error; it is tried again after a pause that doubles with each failure, from 1 s to 5 min.
    Failed,
    /// There is no such resource any more.
    Gone,
}

/// The work that waits and runs.
#[derive(Debug)]
pub struct Queue<K> {
    due: BTreeSet<(Instant, K)>,
    waiting: HashMap<K, Instant>,
    /// What runs, and when it was asked for again meanwhile.
    running: HashMap<K, Option<Instant>>,
    failures: HashMap<K, u32>,
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        Self {
            due: BTreeSet::new(),
            waiting: HashMap::new(),
            running: HashMap::new(),
            failures: HashMap::new(),
        }
    }
}

impl<K: Clone + Ord + Hash> Queue<K> {
    /// `key` is to be reconciled at `at`, or before, if it was due sooner.
    pub fn handle_request(&mut self, key: K, at: Instant) {
        if let Some(again) = self.running.get_mut(&key) {
            *again = Some(again.map_or(at, |earlier| earlier.min(at)));
            return;
        }
        match self.waiting.get(&key) {
            Some(earlier) if *earlier <= at => return,
            Some(later) => {
                self.due.remove(&(*later, key.clone()));
            }
            None => {}
        }
        self.waiting.insert(key.clone(), at);
        self.due.insert((at, key));
    }

    /// The next that is due; it counts as running until [`Self::handle_done`].
    pub fn poll_next(&mut self, now: Instant) -> Option<K> {
        if self.poll_timeout()? > now {
            return None;
        }
        let (_, key) = self.due.pop_first()?;
        self.waiting.remove(&key);
        self.running.insert(key.clone(), None);
        Some(key)
    }

    /// When the next is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// A reconcile ended. `jitter` is between 0 and 1 and shortens a pause by up to a quarter, so that what failed
    /// together does not come back together.
    pub fn handle_done(&mut self, key: K, outcome: Outcome, jitter: f64, now: Instant) {
        let asked = self.running.remove(&key).flatten();
        let pause = match outcome {
            Outcome::Again(pause) => {
                self.failures.remove(&key);
                Some(pause)
            }
            Outcome::Failed => {
                let failures = self.failures.entry(key.clone()).or_default();
                let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(*failures));
                *failures = failures.saturating_add(1);
                Some(pause.min(LONGEST_PAUSE).mul_f64(1.0 - jitter / 4.0))
            }
            Outcome::Gone => {
                self.failures.remove(&key);
                None
            }
        };
        if let Some(pause) = pause {
            self.handle_request(key.clone(), now + pause);
        }
        if let Some(asked) = asked {
            self.handle_request(key, asked);
        }
    }

    /// How many are due.
    pub fn due(&self, now: Instant) -> usize {
        self.due.iter().take_while(|(at, _)| *at <= now).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_asked_for_twice_is_done_once() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.handle_request("a", now + SECOND);
        queue.handle_request("a", now);
        queue.handle_request("a", now + SECOND * 2);
        assert_eq!(queue.poll_next(now), Some("a"));
        assert_eq!(queue.poll_next(now + SECOND * 9), None);
    }

    #[test]
    fn what_changes_while_it_runs_is_done_once_more_after() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.handle_request("a", now);
        queue.poll_next(now);
        queue.handle_request("a", now);
        assert_eq!(queue.poll_next(now), None, "never twice at a time");
        queue.handle_done("a", Outcome::Again(SECOND * 600), 0.0, now);
        assert_eq!(queue.poll_next(now), Some("a"));
    }

    #[test]
    fn failures_come_back_ever_more_rarely_and_one_success_forgets_them() {
        let mut now = Instant::now();
        let mut queue = Queue::default();
        queue.handle_request("a", now);
        let mut pauses = Vec::new();
        for _ in 0..10 {
            assert_eq!(queue.poll_next(now), Some("a"));
            queue.handle_done("a", Outcome::Failed, 0.0, now);
            let next = queue.poll_timeout().unwrap_or(now);
            pauses.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        queue.poll_next(now);
        queue.handle_done("a", Outcome::Again(SECOND), 0.0, now);
        queue.poll_next(now + SECOND);
        queue.handle_done("a", Outcome::Failed, 1.0, now);
        assert_eq!(queue.poll_timeout(), Some(now + SECOND.mul_f64(0.75)));
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.handle_request("a", now);
        queue.poll_next(now);
        queue.handle_done("a", Outcome::Gone, 0.0, now);
        assert_eq!(queue.poll_timeout(), None);
    }
}
