//! One 5-tuple with a server: a browser's peer connection, without the browser.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Instant;

use anyhow::Context;
use media::dtls::{Certificate, Fingerprint};
use media::ice::{IceCredentials, RemoteCandidate};
use media::rtcp::{Compound, RtcpPacket};
use media::sctp::SctpConfig;
use media::srtp::{KeyMaterial, MAX_OVERHEAD, Protector, Side, Unprotector};
use media::transport::{
    DEFAULT_MAX_SSRCS, Event, Received, RemoteTransport, Setup, Transport, TransportConfig,
};

use crate::incoming::{Counts, Incoming};
use crate::outgoing::{Outgoing, nanoseconds};

/// A socket, what protects its packets, and what flows.
pub(crate) struct Connection {
    pub(crate) socket: UdpSocket,
    local: SocketAddr,
    security: Security,
    pub(crate) outgoing: Option<Outgoing>,
    incoming: Incoming,
    /// Said on the bridge channel when it opens.
    greeting: Option<String>,
    report_due: Option<Instant>,
}

enum Security {
    /// ICE and DTLS, once the server's side is known.
    Negotiated(Box<Transport>),
    /// Keys that were agreed on beforehand: the floor.
    Fixed {
        to: SocketAddr,
        protector: Box<Protector>,
        unprotector: Box<Unprotector>,
    },
}

/// Our side of a connection that is to be negotiated.
pub(crate) struct Local {
    pub(crate) socket: UdpSocket,
    pub(crate) address: SocketAddr,
    pub(crate) credentials: IceCredentials,
    pub(crate) certificate: Certificate,
}

impl Local {
    pub(crate) fn new(certificate: &Certificate, address: IpAddr) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind((address, 0)).context("binding a client's socket")?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            address: socket.local_addr()?,
            socket,
            credentials: IceCredentials::generate(&mut rand::rng()),
            certificate: certificate.clone(),
        })
    }

    /// Begins to connect. `greeting` asks for a bridge channel and is its first message.
    pub(crate) fn connect(
        self,
        remote: RemoteSide,
        setup: Setup,
        outgoing: Option<Outgoing>,
        incoming: Incoming,
        greeting: Option<String>,
    ) -> anyhow::Result<Connection> {
        let now = Instant::now();
        let channel = ("bench".to_owned(), media::sctp::BRIDGE_CHANNEL.to_owned());
        let config = TransportConfig {
            local: self.credentials,
            ice_controlling: remote.we_control,
            certificate: self.certificate,
            local_candidates: vec![self.address],
            setup,
            sctp: greeting.is_some().then(|| SctpConfig {
                open: Some(channel),
                ..SctpConfig::default()
            }),
            max_ssrcs: DEFAULT_MAX_SSRCS,
        };
        let mut transport = Transport::new(config, rand::random(), now);
        let theirs = RemoteTransport {
            credentials: remote.credentials,
            candidates: remote
                .candidates
                .into_iter()
                .map(RemoteCandidate::host)
                .collect(),
            fingerprints: vec![remote.fingerprint],
            setup: remote.setup,
        };
        transport
            .set_remote(theirs, now)
            .context("the server's transport")?;
        let report_due = outgoing.as_ref().map(|_| now);
        Ok(Connection {
            socket: self.socket,
            local: self.address,
            security: Security::Negotiated(Box::new(transport)),
            outgoing,
            incoming,
            greeting,
            report_due,
        })
    }
}

/// A server's side, as its signalling tells it.
pub(crate) struct RemoteSide {
    pub(crate) credentials: IceCredentials,
    pub(crate) candidates: Vec<SocketAddr>,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) setup: Setup,
    /// Whether the server leaves the controlling role to us.
    pub(crate) we_control: bool,
}

impl Connection {
    /// A connection with keys from elsewhere.
    pub(crate) fn fixed(
        socket: UdpSocket,
        to: SocketAddr,
        keys: KeyMaterial,
        outgoing: Option<Outgoing>,
    ) -> anyhow::Result<Self> {
        let (protector, unprotector) = keys.into_contexts(Side::Client, DEFAULT_MAX_SSRCS);
        Ok(Self {
            local: socket.local_addr()?,
            socket,
            security: Security::Fixed {
                to,
                protector: Box::new(protector),
                unprotector: Box::new(unprotector),
            },
            outgoing,
            incoming: Incoming::new(Vec::new(), None),
            greeting: None,
            report_due: None,
        })
    }

    pub(crate) fn is_connected(&self) -> bool {
        match &self.security {
            Security::Negotiated(transport) => transport.is_connected() && self.greeting.is_none(),
            Security::Fixed { .. } => true,
        }
    }

    /// A datagram that arrived at `stamp` (nanoseconds of the wall clock). `from` is its sender.
    pub(crate) fn datagram(
        &mut self,
        bytes: &[u8],
        from: SocketAddr,
        stamp: Option<u64>,
        scratch: &mut [u8],
        now: Instant,
        counts: &mut Counts,
    ) {
        let is_rtp =
            bytes.len() > 12 && (128..192).contains(&bytes[0]) && !(192..224).contains(&bytes[1]);
        if is_rtp && !self.incoming.packet(bytes, now, counts) {
            return;
        }
        let Some(buf) = scratch.get_mut(..bytes.len()) else {
            return;
        };
        buf.copy_from_slice(bytes);
        let opened = match &mut self.security {
            Security::Negotiated(transport) => {
                transport.handle_datagram(buf, from, self.local, now).ok()
            }
            Security::Fixed { unprotector, .. } => {
                unprotector.unprotect_rtp(buf).ok().map(Received::Rtp)
            }
        };
        match opened {
            Some(Received::Rtp(len)) if len > 20 => {
                let sent = buf[len - 8..len].try_into().map_or(0, u64::from_be_bytes);
                let arrived = stamp.unwrap_or_else(nanoseconds);
                // What has another tail was not written by us: padding of a server that probes on the stream itself.
                if let Some(passed) = arrived
                    .checked_sub(sent)
                    .filter(|&passed| passed < 10_000_000_000)
                {
                    counts.latencies.push((passed / 1_000) as u32);
                }
            }
            Some(Received::Rtcp(len)) => self.asked(&buf[..len]),
            _ => {}
        }
        self.settle(now);
    }

    fn asked(&mut self, rtcp: &[u8]) {
        for packet in Compound::new(rtcp).flatten() {
            if matches!(packet, RtcpPacket::Pli(_) | RtcpPacket::Fir(_))
                && let Some(outgoing) = &mut self.outgoing
            {
                outgoing.refresh();
            }
        }
    }

    /// Sends the burst that is due, once connected.
    pub(crate) fn send_burst(&mut self, now: Instant, buf: &mut [u8]) {
        let Some(outgoing) = &mut self.outgoing else {
            return;
        };
        let (socket, security) = (&self.socket, &mut self.security);
        outgoing.burst(now, buf, |buf, len| {
            let (sealed, to) = match security {
                Security::Negotiated(transport) => {
                    let Some((_, to)) = transport.route() else {
                        return;
                    };
                    (transport.protect_rtp(buf, len), to)
                }
                Security::Fixed { to, protector, .. } => (protector.protect_rtp(buf, len), *to),
            };
            if let Ok(len) = sealed {
                send(socket, &buf[..len], to);
            }
        });
    }

    /// Checks, handshakes, feedback and reports that are due.
    pub(crate) fn tick(&mut self, now: Instant) {
        let Security::Negotiated(transport) = &mut self.security else {
            return;
        };
        if transport.poll_timeout().is_some_and(|due| due <= now) {
            transport.handle_timeout(now);
        }
        self.settle(now);
        let Security::Negotiated(transport) = &mut self.security else {
            return;
        };
        let Some((_, to)) = transport.route().filter(|_| transport.is_connected()) else {
            return;
        };
        let mut rtcp = Vec::new();
        if let (Some(due), Some(outgoing)) = (self.report_due, &self.outgoing)
            && due <= now
        {
            outgoing.report(&mut rtcp);
            self.report_due = Some(now + std::time::Duration::from_secs(1));
        }
        while self.incoming.feedback(now, &mut rtcp) {}
        if rtcp.is_empty() {
            return;
        }
        let len = rtcp.len();
        rtcp.resize(len + MAX_OVERHEAD, 0);
        if let Ok(len) = transport.protect_rtcp(&mut rtcp, len) {
            send(&self.socket, &rtcp[..len], to);
        }
    }

    pub(crate) fn take_lost(&mut self) -> u64 {
        self.incoming.take_lost()
    }

    fn settle(&mut self, now: Instant) {
        let Security::Negotiated(transport) = &mut self.security else {
            return;
        };
        while let Some(event) = transport.poll_event() {
            if let Event::ChannelOpen { .. } = event
                && let Some(text) = self.greeting.take()
            {
                // The channel has just opened, so its queue has room.
                let _ = transport.send_channel_text(&text, now);
            }
        }
        while let Some(transmit) = transport.poll_transmit() {
            send(&self.socket, &transmit.payload, transmit.to);
        }
    }
}

/// A full buffer loses the packet, which the receivers' counts show.
fn send(socket: &UdpSocket, bytes: &[u8], to: SocketAddr) {
    if let Err(error) = socket.send_to(bytes, to) {
        debug_assert!(
            matches!(
                error.kind(),
                ErrorKind::WouldBlock | ErrorKind::ConnectionRefused
            ),
            "{error}"
        );
    }
}
