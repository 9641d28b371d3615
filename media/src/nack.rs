//! The receiver's side of loss repair: which packets of one stream to ask for, and when
//! (RFC 4585 §6.2.1).

use std::time::{Duration, Instant};

use crate::rtp::SeqNum;

/// Most packets that are missed at once; beyond it a key frame is the cheaper repair.
pub const MAX_MISSING: usize = 100;

/// What a received packet was to the generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Newer than all before.
    New,
    /// One that was missing.
    Repaired,
    /// Seen before, or given up on: older than all that is tracked.
    Duplicate,
    /// So far from the others that tracking starts anew: ask for a key frame.
    Reset,
}

/// Tracks the holes of one SSRC.
#[derive(Debug)]
pub struct NackGenerator {
    rtt: Duration,
}

impl Default for NackGenerator {
    fn default() -> Self {
        Self {
            rtt: Duration::from_millis(100),
        }
    }
}

impl NackGenerator {
    /// Before the first packet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a packet, by original sequence number for one that came by RTX.
    pub fn handle_packet(&mut self, _seq: SeqNum, _now: Instant) -> Received {
        todo!()
    }

    /// Takes in the round trip to the sender, which paces repeats.
    pub fn handle_rtt(&mut self, rtt: Duration) {
        self.rtt = rtt;
    }

    /// Forgets every hole: a key frame repaired them.
    pub fn handle_keyframe(&mut self, _seq: SeqNum) {
        todo!()
    }

    /// Appends what to ask for now, in ascending order, for [`crate::rtcp::Nack::write`].
    pub fn poll(&mut self, _now: Instant, _missing: &mut Vec<SeqNum>) {
        todo!()
    }

    /// When to poll next; `None` when nothing is missing.
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }

    /// How many packets are missing.
    pub fn missing(&self) -> usize {
        0
    }
}
