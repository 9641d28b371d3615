//! Bounded queues into a worker thread, and the bell that wakes it.
//!
//! A sender rings only when the worker says that it is about to sleep, so that a busy worker costs its senders no system
//! call.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::time::Duration;

use super::socket::{Poller, UdpSocket, WakeUp};

/// Wakes one worker thread.
#[derive(Debug)]
pub struct Bell {
    wake_up: WakeUp,
    drowsy: AtomicBool,
}

impl Bell {
    /// A bell for one thread.
    ///
    /// # Errors
    /// When the process has no file descriptors left.
    pub fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            wake_up: WakeUp::new()?,
            drowsy: AtomicBool::new(false),
        }))
    }

    /// Wakes the thread if it sleeps or is about to.
    pub fn ring(&self) {
        if self.drowsy.swap(false, Ordering::SeqCst) {
            self.wake_up.signal();
        }
    }

    /// To be called before the queues are looked at for the last time before a wait: whatever is queued from here on rings.
    pub fn doze(&self) {
        self.drowsy.store(true, Ordering::SeqCst);
    }

    /// Waits for a socket, a ring or the time; see [`Poller::wait`].
    pub fn wait(&self, poller: &mut Poller, timeout: Option<Duration>) {
        poller.wait(&self.wake_up, timeout);
        self.drowsy.store(false, Ordering::SeqCst);
    }

    /// A poller for this bell and `sockets`.
    #[must_use]
    pub fn poller(&self, sockets: &[UdpSocket]) -> Poller {
        Poller::new(sockets, &self.wake_up)
    }
}

/// The sending end of a queue into a worker.
#[derive(Debug)]
pub struct Postbox<T> {
    sender: SyncSender<T>,
    bell: Arc<Bell>,
}

impl<T> Clone for Postbox<T> {
    fn clone(&self) -> Self {
        Self {
            sender: self.sender.clone(),
            bell: Arc::clone(&self.bell),
        }
    }
}

/// A queue did not take an item; it is given back.
#[derive(Debug)]
pub enum Refused<T> {
    /// It is full: the worker cannot keep up.
    Full(T),
    /// The worker is gone.
    Gone(T),
}

impl<T> Postbox<T> {
    /// Queues without ringing; for several items in a row, followed by one [`Postbox::ring`].
    ///
    /// # Errors
    /// [`Refused`] with the item.
    pub fn put(&self, item: T) -> Result<(), Refused<T>> {
        self.sender.try_send(item).map_err(|error| match error {
            TrySendError::Full(item) => Refused::Full(item),
            TrySendError::Disconnected(item) => Refused::Gone(item),
        })
    }

    /// Wakes the worker.
    pub fn ring(&self) {
        self.bell.ring();
    }
}

/// A queue of at most `capacity` items into the thread that `bell` wakes.
#[must_use]
pub fn mailbox<T>(capacity: usize, bell: &Arc<Bell>) -> (Postbox<T>, Receiver<T>) {
    let (sender, receiver) = sync_channel(capacity);
    let postbox = Postbox {
        sender,
        bell: Arc::clone(bell),
    };
    (postbox, receiver)
}

/// Hands at most `budget` items to `handle`. `true`: the budget was used up, more may wait.
pub fn drain<T>(receiver: &Receiver<T>, budget: usize, mut handle: impl FnMut(T)) -> bool {
    for _ in 0..budget {
        match receiver.try_recv() {
            Ok(item) => handle(item),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::time::Instant;

    #[test]
    fn an_item_queued_after_the_last_look_ends_the_wait() {
        let bell = Bell::new().unwrap();
        let (postbox, receiver) = mailbox(4, &bell);
        let mut poller = bell.poller(&[]);
        bell.doze();
        assert!(!drain(&receiver, 8, |_: u8| {}));
        postbox.put(1).unwrap();
        postbox.ring();
        let start = Instant::now();
        bell.wait(&mut poller, Some(Duration::from_secs(5)));
        assert!(start.elapsed() < Duration::from_secs(1));
        let mut got = Vec::new();
        drain(&receiver, 8, |item| got.push(item));
        assert_eq!(got, [1]);
    }

    #[test]
    fn a_full_queue_gives_the_item_back_and_the_budget_bounds_a_turn() {
        let bell = Bell::new().unwrap();
        let (postbox, receiver) = mailbox(4, &bell);
        for item in 0..4 {
            postbox.put(item).unwrap();
        }
        assert!(matches!(postbox.put(9), Err(Refused::Full(9))));
        let mut count = 0;
        assert!(drain(&receiver, 3, |_| count += 1));
        assert_eq!(count, 3);
        drop(receiver);
        assert!(matches!(postbox.put(9), Err(Refused::Gone(9))));
    }
}
