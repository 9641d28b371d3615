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
//! `to` of a datagram is the local candidate that it arrived at: a driver of a socket that is
//! bound to a wildcard learns it from the socket, or passes its only candidate.
//!
//! After [`Transport::handle_datagram`] returned `Ok` for a STUN datagram, its sender is
//! authenticated: a driver may from then on route that address to this transport.

mod config;
mod drop_reason;
mod event;
mod restart;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

pub use config::{DEFAULT_MAX_SSRCS, RemoteError, RemoteTransport, Setup, TransportConfig};
pub use drop_reason::DropReason;
pub use event::{Event, Received, Transmit};

use crate::demux::{PacketKind, demux};
use crate::dtls::{Certificate, Dtls, DtlsEvent, Fingerprint};
use crate::ice::{IceCredentials, RemoteCandidate};
use crate::sctp::{ChannelError, Sctp, SctpConfig, SctpEvent};
use crate::srtp::{ProtectError, Protector, Side, UnprotectError, Unprotector};
use crate::stun::Message;
use restart::{Ice, IceEvent};

/// ICE, DTLS, SRTP and the data channel of one peer.
pub struct Transport {
    certificate: Certificate,
    setup: Setup,
    sctp_config: Option<SctpConfig>,
    max_ssrcs: usize,
    ice: Ice,
    dtls: Option<Dtls>,
    /// Where the peer's DTLS comes from: the way back until ICE nominated a pair.
    dtls_peer: Option<(SocketAddr, SocketAddr)>,
    srtp: Option<(Protector, Unprotector)>,
    sctp: Option<Sctp>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    closed: bool,
}

impl Transport {
    /// A transport that knows its own side only. `seed` feeds every random choice that is no
    /// key material.
    pub fn new(config: TransportConfig, seed: u64, now: Instant) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let candidates = config.local_candidates.into_iter().map(canonical).collect();
        Self {
            ice: Ice::new(
                config.local,
                config.ice_controlling,
                rng.random(),
                candidates,
                now,
            ),
            certificate: config.certificate,
            setup: config.setup,
            sctp_config: config.sctp,
            max_ssrcs: config.max_ssrcs,
            dtls: None,
            dtls_peer: None,
            srtp: None,
            sctp: None,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            closed: false,
        }
    }

    /// Sets the peer's side; checks and the handshake start. Repeated calls with the same
    /// credentials only add candidates and replace the fingerprints; with other credentials
    /// they are the peer's side of an ICE restart begun by [`Self::restart_ice`].
    ///
    /// # Errors
    /// See [`RemoteError`]; nothing is changed then.
    pub fn set_remote(&mut self, remote: RemoteTransport, now: Instant) -> Result<(), RemoteError> {
        remote.credentials.check()?;
        let fingerprints: Vec<_> = remote
            .fingerprints
            .into_iter()
            .filter(Fingerprint::is_known)
            .collect();
        if fingerprints.is_empty() {
            return Err(RemoteError::Fingerprints);
        }
        let ice = &mut self.ice;
        if !ice.set_remote(remote.credentials, &remote.candidates, now) {
            return Err(RemoteError::Unexpected);
        }
        match &mut self.dtls {
            Some(dtls) => dtls.set_fingerprints(fingerprints),
            None => {
                let side = self.setup.side(remote.setup);
                self.dtls = Some(Dtls::new(&self.certificate, side, fingerprints));
            }
        }
        self.settle(now);
        Ok(())
    }

    /// Adds trickled candidates of the generation that the peer signalled last. The number kept
    /// is bounded.
    pub fn add_remote_candidates(&mut self, candidates: &[RemoteCandidate], now: Instant) {
        self.ice.add_candidates(candidates);
        self.settle(now);
    }

    /// Changes the addresses at which the peer's datagrams arrive here, for the next restart of ICE:
    /// an agent keeps those that it was made with.
    pub fn set_local_candidates(&mut self, local_candidates: Vec<SocketAddr>) {
        self.ice.set_local_candidates(local_candidates);
    }

    /// Restarts ICE with new local credentials (RFC 8445 §9). The old route carries media until
    /// the new agent found its own; the peer's new credentials follow by [`Self::set_remote`].
    /// A restart begun before and not finished is given up.
    pub fn restart_ice(&mut self, local: IceCredentials, now: Instant) {
        self.ice.restart(local, now);
    }

    /// Our ICE credentials that the next `set_remote` belongs to.
    pub fn local_credentials(&self) -> &IceCredentials {
        self.ice.local()
    }

    /// Whether ICE is in the controlling role, which a role conflict may change.
    pub fn ice_controlling(&self) -> bool {
        self.ice.controlling()
    }

    /// Our DTLS role, once the peer's is known.
    pub fn dtls_side(&self) -> Option<Side> {
        self.dtls.as_ref().map(Dtls::side)
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
        if self.closed {
            return Err(DropReason::Closed);
        }
        match demux(buf).ok_or(DropReason::UnknownProtocol)? {
            PacketKind::Rtp => {
                let (_, unprotector) = self.srtp.as_mut().ok_or(DropReason::BeforeDtls)?;
                Ok(Received::Rtp(unprotector.unprotect_rtp(buf)?))
            }
            PacketKind::Rtcp => {
                let (_, unprotector) = self.srtp.as_mut().ok_or(DropReason::BeforeDtls)?;
                Ok(Received::Rtcp(unprotector.unprotect_rtcp(buf)?))
            }
            PacketKind::Stun => {
                let message = Message::read(buf).ok_or(DropReason::UnknownStun)?;
                self.ice
                    .handle(&message, buf, canonical(from), canonical(to), now)?;
                self.settle(now);
                Ok(Received::Handled)
            }
            PacketKind::Dtls => {
                let (from, to) = (canonical(from), canonical(to));
                if !self.ice.knows(from) {
                    return Err(DropReason::UnexpectedDtls);
                }
                let dtls = self.dtls.as_mut().ok_or(DropReason::UnexpectedDtls)?;
                dtls.handle_packet(buf, now)?;
                self.dtls_peer = Some((to, from));
                self.settle(now);
                Ok(Received::Handled)
            }
        }
    }

    /// Encrypts the RTP packet in `buf[..len]` in place, deriving the rollover counter from the
    /// sequence numbers sent before, and returns the new length. `buf` has
    /// [`MAX_OVERHEAD`](crate::srtp::MAX_OVERHEAD) bytes of room behind the packet.
    ///
    /// # Errors
    /// See [`ProtectError`]; the packet must not be sent then.
    pub fn protect_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        self.protector()?.protect_rtp(buf, len)
    }

    /// Like [`Self::protect_rtp`] for a caller that keeps the 48 bit extended sequence number
    /// (`rollover counter << 16 | sequence number`) itself. The first of an SSRC is below
    /// 2^16: the receiver takes the rollover counter of the first packet that it sees for 0
    /// (RFC 3711 §3.3.1).
    ///
    /// # Errors
    /// See [`ProtectError`]; the packet must not be sent then.
    pub fn protect_rtp_at(
        &mut self,
        buf: &mut [u8],
        len: usize,
        extended: u64,
    ) -> Result<usize, ProtectError> {
        self.protector()?.protect_rtp_at(buf, len, extended)
    }

    /// Encrypts `payload`, which stays as it is, behind the RTP header in `buf[..header_len]`,
    /// and returns the length of the packet in `buf`. For one payload that goes to many peers:
    /// it spares a copy.
    ///
    /// # Errors
    /// See [`ProtectError`]; the packet must not be sent then.
    pub fn protect_rtp_from(
        &mut self,
        buf: &mut [u8],
        header_len: usize,
        payload: &[u8],
        extended: u64,
    ) -> Result<usize, ProtectError> {
        self.protector()?
            .protect_rtp_from(buf, header_len, payload, extended)
    }

    /// Encrypts the compound RTCP packet in `buf[..len]` in place and returns the new length.
    ///
    /// # Errors
    /// See [`ProtectError`]; the packet must not be sent then.
    pub fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        self.protector()?.protect_rtcp(buf, len)
    }

    fn protector(&mut self) -> Result<&mut Protector, ProtectError> {
        self.srtp
            .as_mut()
            .map(|(protector, _)| protector)
            .ok_or(ProtectError::BeforeDtls)
    }

    /// Where media goes: `(from, to)`; `None` until ICE connected and after consent ran out.
    pub fn route(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.ice.route()
    }

    /// Whether media can be sent and received: a route and keys.
    pub fn is_connected(&self) -> bool {
        !self.closed && self.srtp.is_some() && self.route().is_some()
    }

    /// Queues a text message on the data channel.
    ///
    /// # Errors
    /// See [`ChannelError`]; the message is not queued then.
    pub fn send_channel_text(&mut self, text: &str, now: Instant) -> Result<(), ChannelError> {
        let sctp = self.sctp.as_mut().ok_or(ChannelError::NotOpen)?;
        sctp.send_text(text, now)?;
        self.settle(now);
        Ok(())
    }

    /// Bytes of the peer's messages on the data channel that are kept until the rest of them is here.
    pub fn channel_kept(&self) -> usize {
        self.sctp.as_ref().map_or(0, Sctp::kept)
    }

    /// Ends the data channel with what is kept of it, and begins anew.
    pub fn give_up_channel(&mut self, now: Instant) {
        if let Some(sctp) = &mut self.sctp {
            sctp.give_up(now);
        }
        self.settle(now);
    }

    /// Says goodbye: closes the data channel and the DTLS association, with the datagrams for it
    /// in [`Self::poll_transmit`]. Nothing is received from here on.
    pub fn close(&mut self, now: Instant) {
        if self.closed {
            return;
        }
        if let Some(sctp) = &mut self.sctp {
            sctp.close(now);
        }
        self.settle(now);
        if let Some(dtls) = &mut self.dtls {
            dtls.close();
        }
        self.queue_dtls_packets();
        self.srtp = None;
        self.closed = true;
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is due; `None` while nothing is to be waited for but a
    /// datagram or a call.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        if self.closed {
            return None;
        }
        let dtls = self.dtls.as_ref().and_then(Dtls::poll_timeout);
        let sctp = self.sctp.as_ref().and_then(Sctp::poll_timeout);
        [self.ice.poll_timeout(), dtls, sctp]
            .into_iter()
            .flatten()
            .min()
    }

    /// Moves time on. Harmless when it is early.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.closed {
            return;
        }
        self.ice.handle_timeout(now);
        if let Some(dtls) = &mut self.dtls
            && dtls.poll_timeout().is_some_and(|due| due <= now)
        {
            dtls.handle_timeout(now);
        }
        if let Some(sctp) = &mut self.sctp
            && sctp.poll_timeout().is_some_and(|due| due <= now)
        {
            sctp.handle_timeout(now);
        }
        self.settle(now);
    }

    /// Moves what one layer gave to the next until nothing moves.
    fn settle(&mut self, now: Instant) {
        self.settle_ice(now);
        self.settle_dtls(now);
        self.settle_sctp();
        self.queue_dtls_packets();
        while let Some(transmit) = self.ice.poll_transmit() {
            self.transmits.push_back(transmit);
        }
    }

    fn settle_ice(&mut self, now: Instant) {
        while let Some(event) = self.ice.poll_event() {
            self.events.push_back(match event {
                IceEvent::Connected { remote } => Event::IceConnected { remote },
                IceEvent::Route { local, remote } => Event::RouteChanged { remote, local },
                IceEvent::Failed => Event::IceFailed,
                IceEvent::RestartFailed => Event::RestartFailed,
            });
        }
        if self.ice.route().is_some()
            && let Some(dtls) = &mut self.dtls
            && dtls.poll_timeout().is_none()
        {
            dtls.handle_timeout(now);
        }
    }

    fn settle_dtls(&mut self, now: Instant) {
        let Some(dtls) = &mut self.dtls else {
            return;
        };
        while let Some(event) = dtls.poll_event() {
            match event {
                DtlsEvent::Connected(profile, keys) => {
                    self.srtp = Some(keys.into_contexts(dtls.side(), self.max_ssrcs));
                    self.events.push_back(Event::DtlsConnected { profile });
                    let client = dtls.side() == Side::Client;
                    self.sctp = self
                        .sctp_config
                        .clone()
                        .map(|config| Sctp::new(config, client, now));
                }
                DtlsEvent::Failed(reason) => self.events.push_back(Event::DtlsFailed(reason)),
                DtlsEvent::Data(data) => {
                    if let Some(sctp) = &mut self.sctp {
                        sctp.handle_packet(data, now);
                    }
                }
                DtlsEvent::Closed => {
                    self.srtp = None;
                    if let Some(mut sctp) = self.sctp.take() {
                        sctp.close(now);
                        while let Some(event) = sctp.poll_event() {
                            self.events.push_back(channel_event(event));
                        }
                    }
                    self.events.push_back(Event::Closed);
                }
            }
        }
    }

    fn settle_sctp(&mut self) {
        let (Some(sctp), Some(dtls)) = (&mut self.sctp, &mut self.dtls) else {
            return;
        };
        while let Some(packet) = sctp.poll_transmit() {
            dtls.send(&packet);
        }
        while let Some(event) = sctp.poll_event() {
            self.events.push_back(channel_event(event));
        }
    }

    fn queue_dtls_packets(&mut self) {
        let Some(dtls) = &mut self.dtls else {
            return;
        };
        let way = self.ice.route().or(self.dtls_peer);
        while let Some(payload) = dtls.poll_transmit() {
            // Without a way the packet is lost, as on any network; the handshake repeats it.
            if let Some((from, to)) = way {
                self.transmits.push_back(Transmit { to, from, payload });
            }
        }
    }
}

fn channel_event(event: SctpEvent) -> Event {
    match event {
        SctpEvent::Open { label, protocol } => Event::ChannelOpen { label, protocol },
        SctpEvent::Text(text) => Event::ChannelText(text),
        SctpEvent::Binary(data) => Event::ChannelBinary(data),
        SctpEvent::Closed => Event::ChannelClosed,
    }
}

fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

impl From<UnprotectError> for DropReason {
    fn from(error: UnprotectError) -> Self {
        match error {
            UnprotectError::Malformed => Self::MalformedMedia,
            UnprotectError::Auth => Self::SrtpAuth,
            UnprotectError::Replay => Self::SrtpReplay,
            UnprotectError::TooManySsrcs => Self::TooManySsrcs,
        }
    }
}
