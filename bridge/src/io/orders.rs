//! Control's orders for one worker, in order, none of them lost: what its queue has no room for
//! waits here.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::mailbox::{Postbox, Refused};
use crate::command::Command;

/// See the module.
#[derive(Debug)]
pub(super) struct Orders {
    postbox: Postbox<Command>,
    /// Grows by what is asked of endpoints that are there: while anything waits, none is created.
    backlog: Mutex<VecDeque<Command>>,
}

impl Orders {
    pub(super) fn new(postbox: Postbox<Command>) -> Self {
        Self {
            postbox,
            backlog: Mutex::default(),
        }
    }

    /// Gives an order, after all that were given before.
    pub(super) fn give(&self, order: Command) {
        self.backlog.lock().push_back(order);
        self.catch_up();
    }

    /// Queues of what waits as much as there is room for.
    pub(super) fn catch_up(&self) {
        let mut backlog = self.backlog.lock();
        while let Some(order) = backlog.pop_front() {
            match self.postbox.put(order) {
                Ok(()) => {}
                Err(Refused::Full(order)) => {
                    backlog.push_front(order);
                    break;
                }
                // The bridge is ending.
                Err(Refused::Gone(_)) => {}
            }
        }
        drop(backlog);
        self.postbox.ring();
    }

    /// Whether the worker has not taken all that was given.
    pub(super) fn is_behind(&self) -> bool {
        !self.backlog.lock().is_empty()
    }

    /// The queue itself, for what may be dropped.
    pub(super) fn postbox(&self) -> &Postbox<Command> {
        &self.postbox
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::mailbox::{Bell, drain, mailbox};
    use super::*;
    use crate::ids::EndpointKey;

    #[test]
    fn orders_that_a_slow_worker_has_no_room_for_arrive_later_and_in_order() {
        let bell = Bell::new().unwrap();
        let (postbox, receiver) = mailbox(4, &bell);
        let orders = Orders::new(postbox);
        let mut taken = Vec::new();
        for n in 0..10 {
            orders.give(Command::ExpireEndpoint(EndpointKey(n)));
        }
        assert!(orders.is_behind());
        while taken.len() < 10 {
            drain(&receiver, 3, |order| match order {
                Command::ExpireEndpoint(key) => taken.push(key.0),
                other => panic!("{other:?}"),
            });
            orders.catch_up();
        }
        assert!(taken.into_iter().eq(0..10));
        assert!(!orders.is_behind());
    }
}
