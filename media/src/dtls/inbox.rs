//! Handshake messages from their fragments, in order (RFC 6347 §4.2.2, §4.2.3).

use std::collections::BTreeMap;
use std::ops::Range;

use super::record::{HANDSHAKE_HEADER, MAX_MESSAGE};
use super::wire::{Reader, put_vector};

/// How far ahead of the next message one may be: the longest flight has five.
const AHEAD: u16 = 6;
/// Bytes of messages that are kept while parts of them are missing.
const MAX_KEPT: usize = MAX_MESSAGE;
/// Pieces of one message that do not touch each other.
const MAX_PIECES: usize = 64;

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub kind: u8,
    pub sequence: u16,
    pub body: Vec<u8>,
}

impl Message {
    /// As one fragment: so it is in the transcript.
    pub(super) fn write(&self) -> Vec<u8> {
        self.fragment(0..self.body.len())
    }

    pub(super) fn fragment(&self, part: Range<usize>) -> Vec<u8> {
        let number = |out: &mut Vec<u8>, n: usize| out.extend(&(n as u32).to_be_bytes()[1..]);
        let mut out = Vec::with_capacity(HANDSHAKE_HEADER + part.len());
        out.push(self.kind);
        number(&mut out, self.body.len());
        out.extend(self.sequence.to_be_bytes());
        number(&mut out, part.start);
        put_vector::<3>(&mut out, |out| out.extend(&self.body[part]));
        out
    }
}

struct Partial {
    kind: u8,
    body: Vec<u8>,
    /// What is there: in order, and apart from each other.
    pieces: Vec<Range<usize>>,
}

impl Partial {
    fn is_whole(&self) -> bool {
        let all = 0..self.body.len();
        self.body.is_empty() || self.pieces.first() == Some(&all)
    }

    fn add(&mut self, offset: usize, bytes: &[u8]) {
        let mut added = offset..offset + bytes.len();
        let touches = |piece: &Range<usize>| piece.start <= added.end && added.start <= piece.end;
        let touching: Vec<_> = self.pieces.extract_if(.., |p| touches(p)).collect();
        for piece in touching {
            added = added.start.min(piece.start)..added.end.max(piece.end);
        }
        if self.pieces.len() < MAX_PIECES {
            self.body[offset..offset + bytes.len()].copy_from_slice(bytes);
            let at = self.pieces.partition_point(|p| p.start < added.start);
            self.pieces.insert(at, added);
        }
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Inbox {
    next: u16,
    partial: BTreeMap<u16, Partial>,
}

impl Inbox {
    /// Takes the fragments of a record. Returns whether one belongs to a message that was taken
    /// out before: its sender has not heard the answer.
    pub(super) fn take(&mut self, body: &[u8], allowed: impl Fn(u8) -> bool) -> bool {
        let mut repeated = false;
        let mut rest = Reader(body);
        while let Some(fragment) = Fragment::read(&mut rest) {
            if fragment.sequence < self.next {
                repeated = true;
            } else if fragment.sequence - self.next < AHEAD && allowed(fragment.kind) {
                self.keep(&fragment);
            }
        }
        repeated
    }

    fn keep(&mut self, fragment: &Fragment) {
        let kept: usize = self.partial.values().map(|p| p.body.len()).sum();
        let room = kept + fragment.len <= MAX_KEPT;
        if !room && !self.partial.contains_key(&fragment.sequence) {
            return;
        }
        let partial = self
            .partial
            .entry(fragment.sequence)
            .or_insert_with(|| Partial {
                kind: fragment.kind,
                body: vec![0; fragment.len],
                pieces: Vec::new(),
            });
        // Whoever says something else of the same message is not heard.
        if partial.kind == fragment.kind && partial.body.len() == fragment.len {
            partial.add(fragment.offset, fragment.bytes);
        }
    }

    /// The next message, once it is whole.
    pub(super) fn pop(&mut self) -> Option<Message> {
        let entry = self.partial.first_entry()?;
        if *entry.key() != self.next || !entry.get().is_whole() {
            return None;
        }
        let (sequence, whole) = entry.remove_entry();
        self.next = self.next.wrapping_add(1);
        Some(Message {
            kind: whole.kind,
            sequence,
            body: whole.body,
        })
    }
}

struct Fragment<'a> {
    kind: u8,
    len: usize,
    sequence: u16,
    offset: usize,
    bytes: &'a [u8],
}

impl<'a> Fragment<'a> {
    fn read(rest: &mut Reader<'a>) -> Option<Self> {
        let fragment = Self {
            kind: rest.u8()?,
            len: rest.u24()?,
            sequence: rest.u16()?,
            offset: rest.u24()?,
            bytes: rest.vector::<3>()?.0,
        };
        let fits = fragment.offset + fragment.bytes.len() <= fragment.len;
        (fits && fragment.len <= MAX_MESSAGE).then_some(fragment)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn message(sequence: u16, len: usize) -> Message {
        Message {
            kind: 11,
            sequence,
            body: (0..len).map(|n| n as u8).collect(),
        }
    }

    #[test]
    fn fragments_in_any_order_and_overlapping_make_the_message() {
        let wanted = message(0, 100);
        let mut inbox = Inbox::default();
        for part in [40..60, 90..100, 0..10, 55..90, 40..60, 5..41] {
            assert_eq!(inbox.pop(), None);
            assert!(!inbox.take(&wanted.fragment(part), |_| true));
        }
        assert_eq!(inbox.pop(), Some(wanted.clone()));
        assert_eq!(inbox.pop(), None);
        assert!(inbox.take(&wanted.fragment(0..10), |_| true));
    }

    #[test]
    fn messages_come_out_in_their_order_and_empty_ones_too() {
        let mut inbox = Inbox::default();
        let done = message(1, 0);
        inbox.take(&done.write(), |_| true);
        assert_eq!(inbox.pop(), None);
        inbox.take(&message(0, 3).write(), |_| true);
        assert_eq!(inbox.pop(), Some(message(0, 3)));
        assert_eq!(inbox.pop(), Some(done));
    }

    #[test]
    fn what_is_kept_of_a_hostile_peer_is_bounded() {
        let mut inbox = Inbox::default();
        for sequence in 0..=u16::MAX {
            inbox.take(&message(sequence, 30_000).fragment(0..1), |_| true);
        }
        for at in (0..30_000).step_by(2) {
            inbox.take(&message(0, 30_000).fragment(at..at + 1), |_| true);
        }
        let kept: usize = inbox.partial.values().map(|p| p.body.len()).sum();
        assert_eq!(kept, 30_000);
        assert_eq!(inbox.partial[&0].pieces.len(), MAX_PIECES);
    }

    #[test]
    fn a_liar_about_a_message_that_has_begun_is_not_heard() {
        let mut inbox = Inbox::default();
        inbox.take(&message(0, 10).fragment(0..5), |_| true);
        let mut other = message(0, 12);
        inbox.take(&other.fragment(5..12), |_| true);
        other = message(0, 10);
        other.kind = 12;
        inbox.take(&other.fragment(5..10), |_| true);
        assert_eq!(inbox.pop(), None);
        inbox.take(&message(0, 10).fragment(5..10), |_| true);
        assert_eq!(inbox.pop(), Some(message(0, 10)));
    }
}
