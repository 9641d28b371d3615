//! Memory that several may hold at once and that is used again and again.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;

/// Free items kept beyond this many are returned to the system.
const MAX_FREE: usize = 4_096;
/// Items that another worker holds and for which we wait, at most.
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
    /// Given back here while another worker still held them.
    lent: VecDeque<Arc<T>>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { free: Vec::new(), lent: VecDeque::new() }
    }
}

impl<T: Default> Pool<T> {
    /// An item, written by `fill`.
    pub fn take(&mut self, fill: impl FnOnce(&mut T)) -> Pooled<T> {
        let mut item = self.unused();
        fill(Arc::get_mut(&mut item).expect("invariant: an unused item is held by the pool alone"));
        Pooled(item)
    }

    /// Gives an item back. Its memory is used again once nobody holds it.
    pub fn release(&mut self, item: Pooled<T>) {
        let Pooled(mut item) = item;
        if Arc::get_mut(&mut item).is_some() {
            if self.free.len() < MAX_FREE {
                self.free.push(item);
            }
        } else if self.lent.len() < MAX_LENT {
            self.lent.push_back(item);
        }
    }

    fn unused(&mut self) -> Arc<T> {
        if let Some(item) = self.free.pop() {
            return item;
        }
        for _ in 0..self.lent.len().min(4) {
            let Some(mut item) = self.lent.pop_front() else { break };
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

    #[test]
    fn memory_is_used_again_once_nobody_holds_it() {
        let mut pool = Pool::<Vec<u8>>::default();
        let first = pool.take(|v| v.push(9));
        assert_eq!(*first, [9]);
        let address = Arc::as_ptr(&first.0);
        let other_holder = first.clone();
        pool.release(first);
        let second = pool.take(Vec::clear);
        assert_ne!(Arc::as_ptr(&second.0), address, "still held");
        drop(other_holder);
        let third = pool.take(Vec::clear);
        assert_eq!(Arc::as_ptr(&third.0), address);
        pool.release(third);
        assert_eq!(Arc::as_ptr(&pool.take(Vec::clear).0), address);
    }
}
