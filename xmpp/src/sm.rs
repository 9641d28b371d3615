//! Stream management (XEP-0198): the elements, and the counters and queue of one session. Used by
//! server and client alike; nothing here knows of sockets or time.

mod elements;

pub use elements::Nonza;

use std::collections::VecDeque;

/// The peer acknowledged more than was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{acknowledged} stanzas are acknowledged, {sent} were sent")]
pub struct BadAck {
    /// The peer's count.
    pub acknowledged: u32,
    /// The count of stanzas that were sent.
    pub sent: u32,
}

/// Counts stanzas that come in. Counters wrap at 2³² (XEP-0198 §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inbound {
    handled: u32,
}

impl Inbound {
    /// Counts one stanza as handled.
    pub fn count(&mut self) {
        self.handled = self.handled.wrapping_add(1);
    }

    /// The `h` to acknowledge with.
    pub fn h(&self) -> u32 {
        self.handled
    }
}

/// Stanzas that were sent and are not acknowledged, in order. `S` is whatever is kept for sending
/// again: an element, or rendered bytes.
#[derive(Clone, Debug)]
pub struct Outbound<S> {
    /// Stanzas acknowledged so far.
    acknowledged: u32,
    unacknowledged: VecDeque<S>,
}

impl<S> Default for Outbound<S> {
    fn default() -> Self {
        Self {
            acknowledged: 0,
            unacknowledged: VecDeque::new(),
        }
    }
}

impl<S> Outbound<S> {
    /// Keeps a stanza that is sent.
    pub fn push(&mut self, stanza: S) {
        self.unacknowledged.push_back(stanza);
    }

    /// Number of stanzas that are not acknowledged. The caller bounds it.
    pub fn len(&self) -> usize {
        self.unacknowledged.len()
    }

    /// Whether all is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.unacknowledged.is_empty()
    }

    /// Takes the peer's count, from `<a/>`, `<resume/>` or `<resumed/>`; returns how many stanzas
    /// it newly acknowledges.
    ///
    /// # Errors
    /// [`BadAck`] if the peer counts more than was sent; the stream must end then (XEP-0198 §4).
    pub fn acknowledge(&mut self, h: u32) -> Result<usize, BadAck> {
        let newly = h.wrapping_sub(self.acknowledged) as usize;
        if newly > self.unacknowledged.len() {
            return Err(BadAck {
                acknowledged: h,
                sent: self.sent(),
            });
        }
        self.unacknowledged.drain(..newly);
        self.acknowledged = h;
        Ok(newly)
    }

    /// The stanzas to send again after resumption, oldest first.
    pub fn unacknowledged(&self) -> impl Iterator<Item = &S> {
        self.unacknowledged.iter()
    }

    /// Takes the stanzas out, oldest first: when the session is given up.
    pub fn take(&mut self) -> Vec<S> {
        self.acknowledged = self.sent();
        self.unacknowledged.drain(..).collect()
    }

    /// Number of stanzas sent so far.
    #[expect(clippy::cast_possible_truncation, reason = "counters wrap at 2^32")]
    fn sent(&self) -> u32 {
        self.acknowledged
            .wrapping_add(self.unacknowledged.len() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledged_stanzas_leave_the_queue_and_the_rest_is_sent_again_in_order() {
        let mut out = Outbound::default();
        (1..=5).for_each(|n| out.push(n));
        assert_eq!(out.acknowledge(2), Ok(2));
        assert_eq!(out.acknowledge(2), Ok(0));
        assert_eq!(out.unacknowledged().copied().collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(out.acknowledge(5), Ok(3));
        assert!(out.is_empty());
    }

    #[test]
    fn acknowledging_what_was_never_sent_is_refused_and_changes_nothing() {
        let mut out = Outbound::default();
        out.push("a");
        let error = BadAck {
            acknowledged: 2,
            sent: 1,
        };
        assert_eq!(out.acknowledge(2), Err(error));
        assert_eq!(out.len(), 1);
    }

    #[test]
    fn counters_wrap_at_two_to_the_thirty_second() {
        let mut out = Outbound {
            acknowledged: u32::MAX,
            unacknowledged: VecDeque::from([1, 2]),
        };
        assert_eq!(out.acknowledge(0), Ok(1));
        assert_eq!(out.acknowledge(1), Ok(1));
        let mut inbound = Inbound { handled: u32::MAX };
        inbound.count();
        assert_eq!(inbound.h(), 0);
    }
}
