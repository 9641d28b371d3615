//! Entrances for fuzz targets to parsers that are private otherwise. Not part of the crate's face:
//! only with the feature `fuzzing`.

use std::time::Instant;

use crate::dtls::{Certificate, Dtls};
use crate::sctp::{Sctp, SctpConfig};
use crate::srtp::Side;
use crate::stun::Message;

/// Reads a STUN message.
pub fn stun(datagram: &[u8]) {
    let _ = Message::read(datagram);
}

/// One side of DTLS without ICE under it.
pub struct DtlsSession(Dtls);

impl DtlsSession {
    /// A side that takes the certificate that it has itself.
    pub fn new(certificate: &Certificate, side: Side) -> Self {
        let fingerprints = vec![certificate.fingerprint().clone()];
        Self(Dtls::new(certificate, side, fingerprints))
    }

    /// Takes a datagram of the peer.
    pub fn handle_packet(&mut self, packet: &[u8], now: Instant) {
        let _ = self.0.handle_packet(packet, now);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }

    /// The next datagram to the peer.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.0.poll_transmit()
    }

    /// Throws away all datagrams and events.
    pub fn drain(&mut self) {
        while self.0.poll_transmit().is_some() || self.0.poll_event().is_some() {}
    }
}

/// One side of SCTP without DTLS under it.
pub struct SctpSession(Sctp);

impl SctpSession {
    /// A client opens a data channel; a server waits.
    pub fn new(client: bool, now: Instant) -> Self {
        let config = SctpConfig {
            open: client.then(Default::default),
            ..SctpConfig::default()
        };
        Self(Sctp::new(config, client, now))
    }

    /// Takes a packet of the peer.
    pub fn handle_packet(&mut self, packet: Vec<u8>, now: Instant) {
        self.0.handle_packet(packet, now);
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.0.handle_timeout(now);
    }

    /// The next packet to the peer.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.0.poll_transmit().map(|packet| packet.to_vec())
    }

    /// Throws away all packets and events.
    pub fn drain(&mut self) {
        while self.0.poll_transmit().is_some() || self.0.poll_event().is_some() {}
    }
}
