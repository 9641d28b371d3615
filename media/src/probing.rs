//! How much to send on top of media, to find out whether the path carries more.

use std::time::{Duration, Instant};

use crate::units::Bitrate;

/// How often to ask [`Prober::poll`].
pub const TICK: Duration = Duration::from_millis(15);

/// A burst at a set rate whose arrival shows whether the path carries that rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeCluster {
    /// Carried in [`crate::twcc::PacketResult::cluster`].
    pub id: u32,
    /// The rate to send at, media included.
    pub rate: Bitrate,
    /// For how long.
    pub duration: Duration,
}

/// What allocation has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The rate of the layers that are forwarded.
    pub target: Bitrate,
    /// The rate of the layers that would be, had the path room.
    pub ideal: Bitrate,
    /// Some source is below its ideal layer.
    pub wanting: bool,
}

/// Decides on padding, in bytes per tick.
#[derive(Debug, Default)]
pub struct Prober {}

/// What to send now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Bytes of RTX or padding to send; 0 for none.
    pub bytes: usize,
    /// The cluster to mark the packets with.
    pub cluster: Option<u32>,
}

impl Prober {
    /// Idle.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a cluster.
    pub fn handle_cluster(&mut self, _cluster: ProbeCluster, _now: Instant) {
        todo!()
    }

    /// Takes in a media packet of `len` bytes that was sent; the cluster to mark it with.
    pub fn handle_sent(&mut self, _len: usize, _now: Instant) -> Option<u32> {
        todo!()
    }

    /// How much to send now.
    pub fn poll(&mut self, _need: Need, _estimate: Bitrate, _now: Instant) -> Padding {
        todo!()
    }
}
