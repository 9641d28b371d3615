//! What one worker tells another. Opaque to the driver, which only carries it.

use std::net::SocketAddr;

/// One message between workers of this bridge.
#[derive(Debug)]
pub enum WorkerMessage {
    /// A datagram that arrived at the socket of a worker that does not own its sender.
    Datagram(Box<StrayDatagram>),
}

/// A datagram on its way to its owner.
#[derive(Debug)]
pub struct StrayDatagram {
    /// Sender.
    pub from: SocketAddr,
    /// Where it arrived.
    pub to: SocketAddr,
    /// UDP payload.
    pub payload: Vec<u8>,
}
