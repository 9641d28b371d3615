//! Packets to send, laid out for UDP generic segmentation offload.
//!
//! A worker encrypts straight into one contiguous buffer. Packets that follow one another to one
//! destination with one length (the last may be shorter) are one [`Run`], which a driver hands to
//! the kernel in one `sendmsg` with `UDP_SEGMENT`.

use std::net::SocketAddr;
use std::ops::Range;

/// Most segments that the kernel takes in one call (`UDP_MAX_SEGMENTS`).
pub const MAX_SEGMENTS: usize = 64;
/// Most bytes in one call: a UDP payload over IPv4.
pub const MAX_RUN_BYTES: usize = 65_507;
/// Most bytes of a single outgoing datagram: Ethernet's 1,500 less IPv6 and UDP headers.
pub const MAX_DATAGRAM: usize = 1_452;

/// Datagrams to one destination, back to back in the batch's buffer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Local address to send from.
    pub from: SocketAddr,
    /// Destination.
    pub to: SocketAddr,
    /// Length of each datagram but the last, which may be shorter.
    pub segment: usize,
    /// Where they are in [`SendBatch::bytes`].
    pub range: Range<usize>,
}

impl Run {
    /// How many datagrams these are.
    pub fn datagrams(&self) -> usize {
        self.range.len().div_ceil(self.segment.max(1))
    }
}

/// Reusable buffer of outgoing datagrams.
#[derive(Debug)]
pub struct SendBatch {
    buffer: Box<[u8]>,
    used: usize,
    runs: Vec<Run>,
    open: bool,
}

impl SendBatch {
    /// A batch of so many bytes, at least one datagram's worth. 128 KiB stays in a core's cache.
    pub fn new(capacity: usize) -> Self {
        Self {
            buffer: vec![0; capacity.max(2 * MAX_DATAGRAM)].into_boxed_slice(),
            used: 0,
            runs: Vec::with_capacity(256),
            open: false,
        }
    }

    /// Forgets what was sent.
    pub fn clear(&mut self) {
        self.used = 0;
        self.runs.clear();
        self.open = false;
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// What to send, in order.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The datagrams' bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.used]
    }

    /// How many datagrams there are.
    pub fn datagrams(&self) -> usize {
        self.runs.iter().map(Run::datagrams).sum()
    }

    /// Whether a datagram of the largest size still fits.
    pub fn has_room(&self) -> bool {
        self.buffer.len() - self.used >= MAX_DATAGRAM && self.runs.len() < self.runs.capacity()
    }

    /// Room for one datagram, to be written from its start and then [`Self::commit`]ted.
    /// `None` when the batch is full.
    pub fn slot(&mut self) -> Option<&mut [u8]> {
        let (start, room) = (self.used, self.has_room());
        room.then(|| &mut self.buffer[start..start + MAX_DATAGRAM])
    }

    /// The first `len` bytes of the slot are a datagram.
    pub fn commit(&mut self, from: SocketAddr, to: SocketAddr, len: usize) {
        debug_assert!(len <= MAX_DATAGRAM && len > 0);
        let end = self.used + len;
        if self.open
            && let Some(run) = self.runs.last_mut()
            && run.to == to
            && run.from == from
            && len <= run.segment
            && run.range.len() / run.segment < MAX_SEGMENTS
            && end - run.range.start <= MAX_RUN_BYTES
        {
            run.range.end = end;
            self.open = len == run.segment;
        } else {
            self.runs.push(Run {
                from,
                to,
                segment: len,
                range: self.used..end,
            });
            self.open = true;
        }
        self.used = end;
    }

    /// Copies a datagram in. `false` when the batch is full or the datagram too large.
    pub fn push(&mut self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) -> bool {
        match self.slot() {
            Some(slot) if !datagram.is_empty() && datagram.len() <= slot.len() => {
                slot[..datagram.len()].copy_from_slice(datagram);
                self.commit(from, to, datagram.len());
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    fn batch_of(lens: &[(u16, usize)]) -> SendBatch {
        let mut batch = SendBatch::new(128 * 1024);
        for (port, len) in lens {
            assert!(batch.push(address(1), address(*port), &vec![7; *len]));
        }
        batch
    }

    fn shape(batch: &SendBatch) -> Vec<(u16, usize, usize)> {
        let runs = batch.runs().iter();
        runs.map(|r| (r.to.port(), r.segment, r.datagrams()))
            .collect()
    }

    #[test]
    fn equal_datagrams_to_one_destination_are_one_run_and_the_last_may_be_shorter() {
        let batch = batch_of(&[(5, 1100), (5, 1100), (5, 900), (5, 900), (6, 900), (6, 901)]);
        assert_eq!(
            shape(&batch),
            [(5, 1100, 3), (5, 900, 1), (6, 900, 1), (6, 901, 1)]
        );
        assert_eq!(batch.datagrams(), 6);
    }

    #[test]
    fn a_run_never_exceeds_what_one_call_takes() {
        let batch = batch_of(&[(5, 100); 130]);
        assert_eq!(shape(&batch), [(5, 100, 64), (5, 100, 64), (5, 100, 2)]);
        let batch = batch_of(&[(5, 1400); 50]);
        assert_eq!(shape(&batch), [(5, 1400, 46), (5, 1400, 4)]);
    }

    #[test]
    fn a_full_batch_refuses_and_is_reusable() {
        let mut batch = SendBatch::new(0);
        while batch.push(address(1), address(2), &[0; 1000]) {}
        assert!(!batch.is_empty() && !batch.has_room());
        batch.clear();
        assert!(batch.push(address(1), address(2), &[0; 1000]));
        assert!(!batch.push(address(1), address(2), &[0; MAX_DATAGRAM + 1]));
    }
}
