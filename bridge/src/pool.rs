//! Memory that several may hold at once and that is used again and again.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;

/// Free items kept beyond this many are returned to the system.
const MAX_FREE: usize = 4_096;
/// Items shared with other workers whose return is watched, at most.
const MAX_LENT: usize = 4_096;

/// An item of a [`Pool`]: immutable, shared, and given back with [`Pool::release`].
#[derive(Debug)]
pub struct Pooled<T>(Arc<T>);

impl<T> Clone for Pooled<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Pooled<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Items that are made when there is none to use again.
#[derive(Debug)]
pub struct Pool<T> {
    free: Vec<Arc<T>>,
    /// Shared with other workers, which cannot give them back.
    lent: VecDeque<Arc<T>>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self {
            free: Vec::new(),
            lent: VecDeque::new(),
        }
    }
}

impl<T: Default> Pool<T> {
    /// An item, written by `fill`.
    pub fn take(&mut self, fill: impl FnOnce(&mut T)) -> Pooled<T> {
        let mut item = self.unused();
        fill(Arc::get_mut(&mut item).expect("invariant: an unused item is held by the pool alone"));
        Pooled(item)
    }

    /// Gives an item back: whoever does so last returns its memory.
    pub fn release(&mut self, item: Pooled<T>) {
        let Pooled(mut item) = item;
        if Arc::get_mut(&mut item).is_some() && self.free.len() < MAX_FREE {
            self.free.push(item);
        }
    }

    /// Another worker is about to get the item: its memory is used again when all have let go.
    pub fn lend(&mut self, item: &Pooled<T>) {
        if self.lent.len() < MAX_LENT {
            self.lent.push_back(item.0.clone());
        }
    }

    fn unused(&mut self) -> Arc<T> {
        if let Some(item) = self.free.pop() {
            return item;
        }
        for _ in 0..self.lent.len().min(4) {
            let Some(mut item) = self.lent.pop_front() else {
                break;
            };
            if Arc::get_mut(&mut item).is_some() {
                return item;
            }
            self.lent.push_back(item);
        }
        Arc::new(T::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address<T>(item: &Pooled<T>) -> *const T {
        Arc::as_ptr(&item.0)
    }

    #[test]
    fn memory_is_used_again_once_the_last_holder_gave_it_back() {
        let mut pool = Pool::<Vec<u8>>::default();
        let first = pool.take(|v| v.push(9));
        assert_eq!(*first, [9]);
        let known = address(&first);
        let kept = first.clone();
        pool.release(first);
        assert_ne!(address(&pool.take(Vec::clear)), known, "still held");
        pool.release(kept);
        assert_eq!(address(&pool.take(Vec::clear)), known);
    }

    #[test]
    fn what_another_worker_lets_go_of_comes_back() {
        let mut pool = Pool::<Vec<u8>>::default();
        let item = pool.take(Vec::clear);
        let known = address(&item);
        pool.lend(&item);
        let elsewhere = item.clone();
        pool.release(item);
        assert_ne!(address(&pool.take(Vec::clear)), known, "still held");
        drop(elsewhere);
        assert_eq!(address(&pool.take(Vec::clear)), known);
    }
}
