//! Connections in all.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use crate::descriptors;

/// A bounded number of places for connections.
#[derive(Debug)]
pub struct Places {
    most: usize,
    taken: AtomicUsize,
}

/// One or more places, given back when dropped.
#[derive(Debug)]
pub struct Place(Arc<Places>, usize);

static OF_PROCESS: LazyLock<Arc<Places>> =
    LazyLock::new(|| Places::new(descriptors::most_connections()));

impl Places {
    /// This many.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: AtomicUsize::new(0),
        })
    }

    /// As many as the process's descriptors allow. Listeners for the public share them, for the descriptors are shared too.
    #[must_use]
    pub fn of_process() -> Arc<Self> {
        Arc::clone(&OF_PROCESS)
    }

    /// How many there are.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most
    }

    /// Takes `count` places, if there are that many.
    #[must_use]
    pub fn take(self: &Arc<Self>, count: usize) -> Option<Place> {
        let take = |taken: usize| Some(taken + count).filter(|all| *all <= self.most);
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .ok()?;
        Some(Place(Arc::clone(self), count))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(self.1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back() {
        let places = Places::new(3);
        let two = places.take(2);
        assert!(two.is_some() && places.take(2).is_none() && places.take(1).is_some());
        drop(two);
        assert!(places.take(3).is_some());
    }
}
