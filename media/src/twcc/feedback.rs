//! The receiver: arrival times in, feedback packets out.

use std::time::Instant;

use crate::rtp::SeqNum;
use crate::units::Ssrc;

/// Collects arrivals of one transport.
#[derive(Debug, Default)]
pub struct FeedbackGenerator {}

impl FeedbackGenerator {
    /// Before the first packet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a packet that carries the transport-wide sequence number.
    pub fn handle_packet(&mut self, _seq: SeqNum, _media: Ssrc, _len: usize, _now: Instant) {
        todo!()
    }

    /// Appends an RTCP feedback packet when it is time for one; returns whether it did.
    pub fn poll(&mut self, _sender: Ssrc, _now: Instant, _out: &mut Vec<u8>) -> bool {
        todo!()
    }

    /// When to poll next; `None` when nothing is waiting.
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }
}
