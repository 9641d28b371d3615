//! Packets that were sent, kept for retransmission.

use std::time::{Duration, Instant};

use crate::rtp::SeqNum;

/// Bounds of a [`PacketCache`].
#[derive(Clone, Copy, Debug)]
pub struct CacheConfig {
    /// Most packets kept.
    pub packets: usize,
    /// Most bytes kept.
    pub bytes: usize,
    /// Age at which a packet is no longer sent again.
    pub max_age: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            packets: 500,
            bytes: 256 * 1024,
            max_age: Duration::from_secs(15),
        }
    }
}

/// The answer to a request for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend<'a> {
    /// Send these bytes again.
    Packet(&'a [u8]),
    /// Sent again less than a round trip ago: the request crossed the answer.
    TooSoon,
    /// Not kept, or too old.
    Missing,
}

/// The latest packets of one outgoing SSRC.
#[derive(Debug)]
pub struct PacketCache {
    config: CacheConfig,
}

impl PacketCache {
    /// Empty; memory is taken as packets come.
    pub fn new(config: CacheConfig) -> Self {
        Self { config }
    }

    /// Keeps a packet as it was sent, before encryption.
    pub fn insert(&mut self, _seq: SeqNum, _packet: &[u8], _now: Instant) {
        let _ = self.config;
        todo!()
    }

    /// Looks a packet up to send it again, and marks it as sent at `now`.
    pub fn resend(&mut self, _seq: SeqNum, _rtt: Duration, _now: Instant) -> Resend<'_> {
        todo!()
    }

    /// The newest packet of at most `max_len` bytes, to probe with.
    pub fn probe(&mut self, _max_len: usize, _now: Instant) -> Option<&[u8]> {
        todo!()
    }
}
