//! Records on their way out, several to a datagram.

use std::collections::VecDeque;

use super::inbox::Message;
use super::protection::{PROTECTION, Sealer};
use super::record::{APPLICATION_DATA, HANDSHAKE, HANDSHAKE_HEADER, RECORD_HEADER, header};

/// Largest UDP payload that the handshake sends, in bytes.
const MTU: usize = 1200;
/// The part of a handshake message that fits a record of a datagram of its own, in bytes.
const FRAGMENT: usize = MTU - RECORD_HEADER - HANDSHAKE_HEADER - PROTECTION;

#[derive(Default)]
pub(super) struct Outgoing {
    /// The next record's number in each epoch.
    sequence: [u64; 2],
    sealer: Option<Sealer>,
    open: Vec<u8>,
    datagrams: VecDeque<Vec<u8>>,
}

impl Outgoing {
    /// Records of epoch 1 can be sent from here on.
    pub(super) fn protect(&mut self, sealer: Sealer) {
        self.sealer = Some(sealer);
    }

    /// A handshake message, in as many fragments as it takes.
    pub(super) fn write_message(&mut self, epoch: u16, message: &Message) {
        let len = message.body.len();
        let mut at = 0;
        loop {
            let end = (at + FRAGMENT).min(len);
            self.write(HANDSHAKE, epoch, &message.fragment(at..end));
            at = end;
            if at == len {
                return;
            }
        }
    }

    /// A record. Application data has its datagram to itself.
    pub(super) fn write(&mut self, kind: u8, epoch: u16, body: &[u8]) {
        let sequence = &mut self.sequence[usize::from(epoch)];
        let mut header = header(kind, epoch, *sequence, body.len());
        *sequence += 1;
        let sealed = match (&self.sealer, epoch) {
            (_, 0) => None,
            (Some(sealer), _) => Some(sealer.seal(&header, body)),
            (None, _) => return,
        };
        let body = sealed.as_deref().unwrap_or(body);
        header[11..].copy_from_slice(&(body.len() as u16).to_be_bytes());
        if self.open.len() + header.len() + body.len() > MTU {
            self.flush();
        }
        self.open.extend(header);
        self.open.extend(body);
        if kind == APPLICATION_DATA {
            self.flush();
        }
    }

    /// Ends the datagram that is being filled.
    pub(super) fn flush(&mut self) {
        if !self.open.is_empty() {
            self.datagrams.push_back(std::mem::take(&mut self.open));
        }
    }

    pub(super) fn poll(&mut self) -> Option<Vec<u8>> {
        self.datagrams.pop_front()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::inbox::Inbox;
    use super::super::record::records;
    use super::*;

    #[test]
    fn a_long_message_goes_in_fragments_that_fit_their_datagrams() {
        let message = Message {
            kind: 11,
            sequence: 0,
            body: vec![7; 5000],
        };
        let mut outgoing = Outgoing::default();
        let mut inbox = Inbox::default();
        outgoing.write_message(0, &message);
        outgoing.flush();
        let mut numbers = Vec::new();
        while let Some(datagram) = outgoing.poll() {
            assert!(datagram.len() <= MTU);
            for record in records(&datagram) {
                numbers.push(record.sequence);
                inbox.take(record.body, |_| true);
            }
        }
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
        assert_eq!(inbox.pop(), Some(message));
    }
}
