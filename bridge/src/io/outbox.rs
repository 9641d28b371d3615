//! A worker's way to another worker, when that one cannot keep up: media is dropped, what all must know waits.

use std::collections::VecDeque;

use super::mailbox::{Postbox, Refused};
use crate::message::{ConferenceMessage, WorkerMessage};

/// Messages that may wait; a worker so far behind hangs, and the health check says so.
const MAX_WAITING: usize = 65_536;

/// See the module.
#[derive(Debug)]
pub(super) struct Outbox {
    postbox: Postbox<WorkerMessage>,
    waiting: VecDeque<WorkerMessage>,
    used: bool,
}

impl Outbox {
    pub(super) fn new(postbox: Postbox<WorkerMessage>) -> Self {
        Self {
            postbox,
            waiting: VecDeque::new(),
            used: false,
        }
    }

    /// Queues a message, or lets it wait if it must not be lost. `false`: it is dropped.
    pub(super) fn put(&mut self, message: WorkerMessage) -> bool {
        self.used = true;
        // What waits goes first, or a worker would hear of changes in the wrong order.
        let refused = if self.waiting.is_empty() {
            match self.postbox.put(message) {
                Ok(()) => return true,
                Err(Refused::Gone(_)) => return true,
                Err(Refused::Full(message)) => message,
            }
        } else {
            message
        };
        if may_be_lost(&refused) || self.waiting.len() >= MAX_WAITING {
            return false;
        }
        self.waiting.push_back(refused);
        true
    }

    /// Sends what waits, as far as there is room, and wakes the other worker if there is anything for it.
    pub(super) fn flush(&mut self) {
        while let Some(message) = self.waiting.pop_front() {
            self.used = true;
            if let Err(Refused::Full(message)) = self.postbox.put(message) {
                self.waiting.push_front(message);
                break;
            }
        }
        if std::mem::take(&mut self.used) {
            self.postbox.ring();
        }
    }

    /// Whether something waits for room.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

/// Media and measurements of it are repaired or repeated by their own protocols.
fn may_be_lost(message: &WorkerMessage) -> bool {
    use ConferenceMessage::{AudioLevel, KeyframeWanted, Media, SenderReport};
    match message {
        WorkerMessage::Datagram(_) => true,
        WorkerMessage::Conference(_, message) => {
            matches!(
                message,
                Media(_) | AudioLevel(..) | KeyframeWanted(..) | SenderReport(..)
            )
        }
        WorkerMessage::AddressOwned(..)
        | WorkerMessage::AddressGone(..)
        | WorkerMessage::UfragOwned(..)
        | WorkerMessage::UfragGone(..) => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::mailbox::{Bell, mailbox};
    use super::*;
    use crate::ids::{ConferenceKey, EndpointKey, WorkerId};

    fn level(n: u8) -> WorkerMessage {
        WorkerMessage::Conference(
            ConferenceKey(1),
            ConferenceMessage::AudioLevel(EndpointKey(1), n),
        )
    }

    fn enter(n: u16) -> WorkerMessage {
        WorkerMessage::Conference(ConferenceKey(1), ConferenceMessage::Enter(WorkerId(n)))
    }

    #[test]
    fn a_worker_that_is_behind_loses_media_but_no_change_and_no_order() {
        let bell = Bell::new().unwrap();
        let (postbox, receiver) = mailbox(2, &bell);
        let mut outbox = Outbox::new(postbox);
        assert!(outbox.put(enter(0)) && outbox.put(level(1)));
        assert!(!outbox.put(level(2)));
        assert!(outbox.put(enter(1)) && outbox.put(enter(2)));
        assert!(!outbox.put(level(3)));
        assert!(outbox.is_waiting());
        let mut entered = Vec::new();
        for _ in 0..4 {
            while let Ok(message) = receiver.try_recv() {
                if let WorkerMessage::Conference(_, ConferenceMessage::Enter(worker)) = message {
                    entered.push(worker.0);
                }
            }
            outbox.flush();
        }
        assert_eq!(entered, [0, 1, 2]);
        assert!(!outbox.is_waiting());
    }
}
