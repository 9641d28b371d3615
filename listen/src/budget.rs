//! Bytes of what has begun and is not finished: request bodies, WebSocket messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What each may hold beside the budget, bytes. Whoever asks for a conference or logs in needs less, so that a budget that
/// strangers have used up stops nobody.
const FREE: usize = 4 * 1024;

/// A bounded number of bytes.
#[derive(Debug)]
pub struct Budget {
    most: usize,
    taken: AtomicUsize,
}

/// What one has of a budget; given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    held: usize,
}

impl Budget {
    /// This many bytes in all.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: AtomicUsize::new(0),
        })
    }

    /// A share that holds nothing.
    #[must_use]
    pub fn share(self: &Arc<Self>) -> Share {
        Share {
            budget: Arc::clone(self),
            held: 0,
        }
    }
}

impl Share {
    /// Holds `bytes` from here on. `false`: there is no room for more, and the share holds what it held.
    pub fn set(&mut self, bytes: usize) -> bool {
        let wanted = bytes.saturating_sub(FREE);
        if wanted <= self.held {
            self.budget
                .taken
                .fetch_sub(self.held - wanted, Ordering::Relaxed);
        } else {
            let more = wanted - self.held;
            let most = self.budget.most;
            let take = |taken: usize| taken.checked_add(more).filter(|all| *all <= most);
            let taken = &self.budget.taken;
            if taken
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_err()
            {
                return false;
            }
        }
        self.held = wanted;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_are_free_and_the_rest_is_shared_by_all() {
        let budget = Budget::new(1_000);
        let (mut one, mut other) = (budget.share(), budget.share());
        assert!(one.set(FREE + 700) && !other.set(FREE + 700) && other.set(FREE));
        assert!(one.set(FREE + 100) && other.set(FREE + 900) && !one.set(FREE + 101));
        drop(other);
        assert!(one.set(FREE + 1_000));
        drop(one);
        assert_eq!(budget.taken.load(Ordering::Relaxed), 0);
    }
}
