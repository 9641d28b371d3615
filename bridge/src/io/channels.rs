//! The open bridge channels over WebSocket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, oneshot};

use crate::ids::EndpointKey;

/// Why a channel is closed by this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// Another socket of the same endpoint took its place.
    Replaced,
    /// The endpoint is gone.
    EndpointClosed,
    /// The client reads too slowly; it connects again and gets the state anew.
    TooSlow,
    /// The bridge leaves.
    GoingAway,
}

impl Close {
    /// Code and reason of the close frame (RFC 6455 section 7.4), as Jitsi's bridge gives them where it has the case.
    pub(crate) fn frame(self) -> (u16, &'static str) {
        match self {
            Self::Replaced => (1000, "replaced"),
            Self::EndpointClosed => (1001, "endpoint closed"),
            Self::TooSlow => (1008, "too slow"),
            Self::GoingAway => (1001, "bridge leaves"),
        }
    }
}

/// The ends of a channel that its socket's task holds.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: u64,
    pub(crate) texts: mpsc::Receiver<Arc<str>>,
    pub(crate) close: oneshot::Receiver<Close>,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    texts: mpsc::Sender<Arc<str>>,
    close: oneshot::Sender<Close>,
}

/// All open channels, one for an endpoint at most.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    open: Mutex<FxHashMap<EndpointKey, Entry>>,
    next: AtomicU64,
    /// Messages received.
    pub(crate) received: AtomicU64,
    /// Messages sent.
    pub(crate) sent: AtomicU64,
    /// Channels closed as too slow.
    pub(crate) too_slow: AtomicU64,
}

impl Channels {
    /// Opens a channel with room for `queue` messages; the endpoint's former one is closed as replaced.
    pub(crate) fn open(&self, endpoint: EndpointKey, queue: usize) -> Channel {
        let (texts, text_queue) = mpsc::channel(queue.max(1));
        let (close, closed) = oneshot::channel();
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let former = self
            .open
            .lock()
            .insert(endpoint, Entry { id, texts, close });
        if let Some(former) = former {
            let _ = former.close.send(Close::Replaced);
        }
        Channel {
            id,
            texts: text_queue,
            close: closed,
        }
    }

    /// Queues a message. A channel whose queue is full is closed: a gap in the messages would leave the client with a wrong
    /// picture for good.
    pub(crate) fn send(&self, endpoint: EndpointKey, text: Arc<str>) {
        let mut open = self.open.lock();
        let Some(entry) = open.get(&endpoint) else {
            return;
        };
        if let Err(mpsc::error::TrySendError::Full(_)) = entry.texts.try_send(text)
            && let Some(entry) = open.remove(&endpoint)
        {
            self.too_slow.fetch_add(1, Ordering::Relaxed);
            let _ = entry.close.send(Close::TooSlow);
        }
    }

    /// Closes an endpoint's channel, if it has one.
    pub(crate) fn close(&self, endpoint: EndpointKey, why: Close) {
        if let Some(entry) = self.open.lock().remove(&endpoint) {
            let _ = entry.close.send(why);
        }
    }

    pub(crate) fn close_all(&self, why: Close) {
        #[expect(
            clippy::iter_over_hash_type,
            reason = "each channel is closed for itself"
        )]
        for (_, entry) in self.open.lock().drain() {
            let _ = entry.close.send(why);
        }
    }

    /// The socket of channel `id` is gone. `true`: no other has taken its place.
    pub(crate) fn forget(&self, endpoint: EndpointKey, id: u64) -> bool {
        let mut open = self.open.lock();
        match open.get(&endpoint) {
            Some(entry) if entry.id == id => open.remove(&endpoint).is_some(),
            Some(_) => false,
            None => true,
        }
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.open.lock().len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_second_socket_replaces_the_first_and_the_firsts_end_changes_nothing() {
        let channels = Channels::default();
        let mut first = channels.open(EndpointKey(1), 4);
        let mut second = channels.open(EndpointKey(1), 4);
        assert_eq!(first.close.try_recv().unwrap(), Close::Replaced);
        assert!(!channels.forget(EndpointKey(1), first.id));
        channels.send(EndpointKey(1), "x".into());
        assert_eq!(&*second.texts.try_recv().unwrap(), "x");
        assert!(channels.forget(EndpointKey(1), second.id));
        assert_eq!(channels.count(), 0);
    }

    #[test]
    fn a_slow_reader_is_closed_and_costs_no_more_than_its_queue() {
        let channels = Channels::default();
        let mut slow = channels.open(EndpointKey(1), 2);
        for _ in 0..5 {
            channels.send(EndpointKey(1), "x".into());
        }
        assert_eq!(slow.close.try_recv().unwrap(), Close::TooSlow);
        assert_eq!(channels.too_slow.load(Ordering::Relaxed), 1);
        assert_eq!(channels.count(), 0);
    }

    #[test]
    fn closing_reaches_only_the_endpoint_meant() {
        let channels = Channels::default();
        let mut one = channels.open(EndpointKey(1), 2);
        let mut two = channels.open(EndpointKey(2), 2);
        channels.close(EndpointKey(1), Close::EndpointClosed);
        assert_eq!(
            one.close.try_recv().unwrap().frame(),
            (1001, "endpoint closed")
        );
        assert!(two.close.try_recv().is_err());
    }
}
