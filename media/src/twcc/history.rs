//! The sender: what was sent when, joined with what feedback says.

use std::time::{Duration, Instant};

use crate::rtcp::TransportCc;
use crate::rtp::SeqNum;

/// What became of one sent packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketResult {
    /// Transport-wide sequence number.
    pub seq: SeqNum,
    /// When it was sent.
    pub sent: Instant,
    /// Bytes on the wire.
    pub len: usize,
    /// Arrival on the receiver's clock, since an arbitrary origin; `None` when lost.
    pub arrived: Option<Duration>,
    /// The probe cluster it was sent for.
    pub cluster: Option<u32>,
}

/// Remembers the packets of one transport until feedback comes.
#[derive(Debug, Default)]
pub struct SendHistory {}

impl SendHistory {
    /// Before the first packet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The sequence number that the next packet will get.
    pub fn next(&self) -> SeqNum {
        todo!()
    }

    /// Records a packet of `len` bytes as sent; returns the sequence number it must carry.
    pub fn handle_sent(&mut self, _len: usize, _cluster: Option<u32>, _now: Instant) -> SeqNum {
        todo!()
    }

    /// Joins feedback with what was sent; appends one result per packet, in send order.
    pub fn handle_feedback(
        &mut self,
        _feedback: &TransportCc<'_>,
        _now: Instant,
        _results: &mut Vec<PacketResult>,
    ) {
        todo!()
    }

    /// Bytes sent and not yet reported on.
    pub fn in_flight(&self) -> usize {
        0
    }
}
