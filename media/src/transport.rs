//! The transport of one peer: ICE, DTLS, SRTP and the data channel on one UDP port.
//!
//! # Run loop
//! Feed every datagram to [`Transport::handle_datagram`] and the clock to
//! [`Transport::handle_timeout`]; after either (and after any other call) drain
//! [`Transport::poll_transmit`] and [`Transport::poll_event`], then sleep no longer than
//! [`Transport::poll_timeout`].
//!
//! Media does not come out of `poll_transmit`: [`Transport::protect_rtp`] encrypts in the
//! caller's buffer, and the caller sends it along [`Transport::route`].
//!
//! # Addresses
//! IPv4-mapped IPv6 addresses are taken for the IPv4 addresses that they are, and all
//! addresses that come out are in that canonical form.
//!
//! After [`Transport::handle_datagram`] returned `Ok` for a STUN datagram, its sender is
//! authenticated: a driver may from then on route that address to this transport.

mod drop_reason;

use std::net::SocketAddr;
use std::time::Instant;

pub use drop_reason::DropReason;

use crate::dtls::{Certificate, Fingerprint};
use crate::ice::{IceCredentials, RemoteCandidate};
use crate::sctp::{ChannelError, SctpConfig};
use crate::srtp::{ProtectError, SrtpProfile};

/// DTLS role as signalled (`setup` of RFC 4145 §4, RFC 5763 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// Sends the ClientHello.
    Active,
    /// Waits for the ClientHello.
    Passive,
    /// Leaves the choice to the other side.
    Actpass,
}

/// What a transport is made of.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// Our ICE credentials, chosen by the caller so that signalling can answer at once.
    pub local: IceCredentials,
    /// Whether we begin in the controlling role (Jitsi's focus always asks a bridge to).
    pub ice_controlling: bool,
    /// The process's certificate.
    pub certificate: Certificate,
    /// The addresses and ports at which the peer's datagrams arrive here, as
    /// `handle_datagram`'s `to` gives them; best first.
    pub local_candidates: Vec<SocketAddr>,
    /// The DTLS role that we signal. With `Actpass` the peer's choice decides, and when it
    /// leaves the choice too we are the server.
    pub setup: Setup,
    /// Whether there is SCTP for a data channel.
    pub sctp: Option<SctpConfig>,
}

/// The peer's side as signalled.
#[derive(Clone, Debug)]
pub struct RemoteTransport {
    /// The peer's ICE credentials.
    pub credentials: IceCredentials,
    /// The peer's candidates; may be empty, the peer is then learnt from its checks.
    pub candidates: Vec<RemoteCandidate>,
    /// Fingerprints of the peer's certificate; one that matches suffices.
    pub fingerprints: Vec<Fingerprint>,
    /// The peer's DTLS role.
    pub setup: Setup,
}

/// An ICE, DTLS or SCTP datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Destination.
    pub to: SocketAddr,
    /// The local candidate to send from.
    pub from: SocketAddr,
    /// The UDP payload.
    pub payload: Vec<u8>,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// An RTP packet; the plaintext is the first so many bytes of the buffer.
    Rtp(usize),
    /// A compound RTCP packet; the plaintext is the first so many bytes of the buffer.
    Rtcp(usize),
    /// STUN or DTLS, dealt with here.
    Handled,
}

/// What happened on a transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// ICE found a working pair for the first time.
    IceConnected {
        /// The peer's address.
        remote: SocketAddr,
    },
    /// Media goes another way from here on. Also follows `IceConnected`, and an ICE restart
    /// that cut over.
    RouteChanged {
        /// The peer's address.
        remote: SocketAddr,
        /// The local candidate to send from.
        local: SocketAddr,
    },
    /// No pair works, or consent ran out (RFC 7675). A restart may bring the transport back.
    IceFailed,
    /// The handshake finished and the peer's certificate is the signalled one; media can flow.
    DtlsConnected {
        /// The negotiated protection profile.
        profile: SrtpProfile,
    },
    /// The handshake failed for good; the text is for a log.
    DtlsFailed(String),
    /// The data channel is open.
    ChannelOpen {
        /// Its label.
        label: String,
        /// Its sub-protocol; `http://jitsi.org/protocols/colibri` from Jitsi's clients.
        protocol: String,
    },
    /// A text message arrived on the data channel.
    ChannelText(String),
    /// A binary message arrived on the data channel.
    ChannelBinary(Vec<u8>),
    /// The data channel is gone.
    ChannelClosed,
    /// The peer closed the DTLS association; nothing more will come.
    Closed,
}

/// ICE, DTLS, SRTP and the data channel of one peer.
pub struct Transport {}

impl Transport {
    /// A transport that knows its own side only. `seed` feeds every random choice that is no
    /// key material.
    pub fn new(config: TransportConfig, seed: u64, now: Instant) -> Self {
        let _ = (config, seed, now);
        todo!()
    }

    /// Sets the peer's side; checks and the handshake start. Repeated calls with the same
    /// credentials only add candidates and replace the fingerprints; with other credentials
    /// they are the peer's side of an ICE restart.
    pub fn set_remote(&mut self, remote: RemoteTransport, now: Instant) {
        let _ = (remote, now);
        todo!()
    }

    /// Adds trickled candidates. The number kept is bounded.
    pub fn add_remote_candidates(&mut self, candidates: &[RemoteCandidate], now: Instant) {
        let _ = (candidates, now);
        todo!()
    }

    /// Restarts ICE with new local credentials (RFC 8445 §9). The old route carries media until
    /// the new agent found its own; the peer's new credentials follow by [`Self::set_remote`].
    pub fn restart_ice(&mut self, local: IceCredentials, now: Instant) {
        let _ = (local, now);
        todo!()
    }

    /// Takes a datagram. Media is decrypted in place.
    ///
    /// # Errors
    /// The reason why the datagram was dropped; it had no effect and left nothing behind.
    pub fn handle_datagram(
        &mut self,
        buf: &mut [u8],
        from: SocketAddr,
        to: SocketAddr,
        now: Instant,
    ) -> Result<Received, DropReason> {
        let _ = (buf, from, to, now);
        todo!()
    }

    /// Encrypts the RTP packet in `buf[..len]` in place, deriving the rollover counter from the
    /// sequence numbers sent before, and returns the new length. `buf` has
    /// [`MAX_OVERHEAD`](crate::srtp::MAX_OVERHEAD) bytes of room behind the packet.
    ///
    /// # Errors
    /// See [`ProtectError`]; the packet must not be sent then.
    pub fn protect_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        let _ = (buf, len);
        todo!()
    }

    /// Like [`Self::protect_rtp`] for a caller that keeps the 48 bit extended sequence number
    /// (`rollover counter << 16 | sequence number`) itself. An index must never be used for two
    /// different packets of one SSRC.
    ///
    /// # Errors
    /// See [`ProtectError`]; the packet must not be sent then.
    pub fn protect_rtp_at(
        &mut self,
        buf: &mut [u8],
        len: usize,
        extended: u64,
    ) -> Result<usize, ProtectError> {
        let _ = (buf, len, extended);
        todo!()
    }

    /// Encrypts the compound RTCP packet in `buf[..len]` in place and returns the new length.
    ///
    /// # Errors
    /// See [`ProtectError`]; the packet must not be sent then.
    pub fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        let _ = (buf, len);
        todo!()
    }

    /// Where media goes: `(from, to)`; `None` until ICE connected and after consent ran out.
    pub fn route(&self) -> Option<(SocketAddr, SocketAddr)> {
        todo!()
    }

    /// Whether media can be sent and received: a route and keys.
    pub fn is_connected(&self) -> bool {
        todo!()
    }

    /// Queues a text message on the data channel.
    ///
    /// # Errors
    /// See [`ChannelError`]; the message is not queued then.
    pub fn send_channel_text(&mut self, text: &str, now: Instant) -> Result<(), ChannelError> {
        let _ = (text, now);
        todo!()
    }

    /// Says goodbye: closes the data channel and the DTLS association, with the datagrams for it
    /// in [`Self::poll_transmit`].
    pub fn close(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        todo!()
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<Event> {
        todo!()
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        todo!()
    }

    /// Moves time on.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
}
