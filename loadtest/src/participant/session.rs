//! One media session with a bridge: transport, microphone, camera, and what is heard.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::dtls::Certificate;
use media::ice::IceCredentials;
use media::rtcp::{Compound, RtcpPacket};
use media::sctp::SctpConfig;
use media::srtp::MAX_OVERHEAD;
use media::transport::{DEFAULT_MAX_SSRCS, Event, Received, Transport, TransportConfig};
use rand::Rng;
use rand::rngs::SmallRng;
use xmpp::FullJid;
use xmpp::bridge_channel::{self, DATA_CHANNEL_PROTOCOL, Message};
use xmpp::jingle::IceUdpTransport;

use super::heard::Heard;
use super::offer::{self, Offer};
use super::receiver::Receiver;
use super::sender::Sender;
use crate::journal::Arrival;

/// Media goes out in this step: a microphone's packet, and a camera's frame when it is due.
const TICK: Duration = Duration::from_millis(20);

/// Names a session within a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaId(pub u64);

/// A datagram to send.
#[derive(Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The session whose sockets it goes out of.
    pub media: MediaId,
    /// The local address to send from.
    pub from: SocketAddr,
    /// Where to.
    pub to: SocketAddr,
    /// The UDP payload.
    pub payload: Vec<u8>,
}

/// Who the participant is while it answers an offer.
#[derive(Clone, Copy)]
pub(super) struct Identity<'a> {
    pub endpoint: &'a str,
    pub jid: &'a FullJid,
    pub sends: bool,
    /// Height of the pictures that it asks for, in pixels.
    pub height: u16,
}

/// What a session tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SessionEvent {
    /// Media can flow.
    Connected,
    /// It cannot any more.
    Failed,
}

pub(super) struct Session {
    pub id: MediaId,
    pub offer: Offer,
    transport: Transport,
    connected: bool,
    sender: Option<Sender>,
    receiver: Receiver,
    heard: Heard,
    channel_open: bool,
    video_name: String,
    height: u16,
    next_tick: Instant,
    datagrams: VecDeque<Datagram>,
    events: VecDeque<SessionEvent>,
}

impl Session {
    /// Begins with the answer to `offer`; `locals` are the addresses of its sockets.
    pub(super) fn start(
        id: MediaId,
        offer: Offer,
        locals: Vec<SocketAddr>,
        certificate: &Certificate,
        who: Identity<'_>,
        rng: &mut SmallRng,
        now: Instant,
    ) -> Result<Self, media::transport::RemoteError> {
        let open = (
            "JVB data channel".to_owned(),
            DATA_CHANNEL_PROTOCOL.to_owned(),
        );
        let config = TransportConfig {
            local: IceCredentials::generate(rng),
            // The bridge is asked to control.
            ice_controlling: false,
            certificate: certificate.clone(),
            local_candidates: locals,
            setup: offer.setup(),
            sctp: offer.sctp_port.map(|port| SctpConfig {
                port,
                open: Some(open),
            }),
            max_ssrcs: DEFAULT_MAX_SSRCS,
        };
        let mut transport = Transport::new(config, rng.random(), now);
        transport.set_remote(offer.remote.clone(), now)?;
        let sender = who.sends.then(|| Sender::new(who.endpoint, &offer, rng));
        let mut heard = Heard::default();
        heard.add(&offer.sources);
        Ok(Self {
            id,
            receiver: Receiver::new(rng.random(), &offer),
            offer,
            transport,
            connected: false,
            sender,
            heard,
            channel_open: false,
            video_name: format!("{}-v0", who.endpoint),
            height: who.height,
            next_tick: now,
            datagrams: VecDeque::new(),
            events: VecDeque::new(),
        })
    }

    pub(super) fn is_connected(&self) -> bool {
        self.transport.is_connected()
    }

    pub(super) fn local_credentials(&self) -> &IceCredentials {
        self.transport.local_credentials()
    }

    pub(super) fn sources(&self) -> xmpp::source::EndpointSources {
        self.sender
            .as_ref()
            .map(Sender::sources)
            .unwrap_or_default()
    }

    pub(super) fn heard(&mut self) -> &mut Heard {
        &mut self.heard
    }

    /// Takes candidates, or the bridge's half of a restart of ICE; for the latter gives our half.
    pub(super) fn handle_transport_info(
        &mut self,
        transport: &IceUdpTransport,
        rng: &mut SmallRng,
        now: Instant,
    ) -> Option<IceCredentials> {
        let candidates = offer::candidates(transport);
        if transport.ice_generation.is_none() {
            self.transport.add_remote_candidates(&candidates, now);
            self.drain(now);
            return None;
        }
        let mut remote = self.offer.remote.clone();
        remote.credentials = offer::credentials(transport)?;
        if !candidates.is_empty() {
            remote.candidates = candidates;
        }
        let local = IceCredentials::generate(rng);
        self.transport.restart_ice(local.clone(), now);
        let taken = self.transport.set_remote(remote, now).is_ok();
        self.drain(now);
        taken.then_some(local)
    }

    /// Takes a datagram; tells the packet in it if it is one of a source.
    pub(super) fn handle_datagram(
        &mut self,
        buf: &mut [u8],
        from: SocketAddr,
        to: SocketAddr,
        now: Instant,
    ) -> Option<Arrival> {
        let mut arrival = None;
        match self.transport.handle_datagram(buf, from, to, now) {
            Ok(Received::Rtp(len)) => {
                let packet = &buf[..len];
                arrival = self.receiver.handle_rtp(packet, &self.heard, now);
            }
            Ok(Received::Rtcp(len)) => self.handle_rtcp(&buf[..len]),
            // What fails to authenticate is none of ours.
            Ok(Received::Handled) | Err(_) => {}
        }
        self.drain(now);
        arrival
    }

    fn handle_rtcp(&mut self, bytes: &[u8]) {
        let Some(sender) = &mut self.sender else {
            return;
        };
        for packet in Compound::new(bytes).flatten() {
            match packet {
                RtcpPacket::Pli(pli) => sender.handle_key_frame_request(pli.media),
                RtcpPacket::Fir(fir) => {
                    for (ssrc, _) in fir.entries() {
                        sender.handle_key_frame_request(ssrc);
                    }
                }
                RtcpPacket::Nack(nack) => {
                    for sequence in nack.sequence_numbers() {
                        if let Some(packet) = sender.retransmission(nack.media, sequence) {
                            protect_rtp(self.id, &mut self.transport, &mut self.datagrams, packet);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn handle_channel_text(&mut self, text: &str) {
        // A newer bridge may say more than is understood here.
        let Ok(message) = bridge_channel::parse(text) else {
            return;
        };
        self.heard.handle_message(&message);
        if let (Message::SenderSourceConstraints(wish), Some(sender)) = (&message, &mut self.sender)
            && wish.source_name == self.video_name
        {
            sender.handle_wanted_height(wish.max_height);
        }
    }

    fn greet(&mut self, now: Instant) {
        let shows = if self.sender.is_some() {
            bridge_channel::ChannelVideoType::Camera
        } else {
            bridge_channel::ChannelVideoType::None
        };
        let messages = [
            Message::SourceVideoTypeMessage(bridge_channel::SourceVideoTypeMessage {
                source_name: self.video_name.clone(),
                video_type: shows,
                endpoint_id: None,
            }),
            Message::ReceiverVideoConstraints(bridge_channel::ReceiverVideoConstraints {
                last_n: Some(-1),
                default_constraints: Some(bridge_channel::VideoConstraints::height(
                    self.height.into(),
                )),
                ..Default::default()
            }),
        ];
        for message in messages {
            // The channel has just opened: there is room for two messages.
            let _ = self.transport.send_channel_text(&message.to_json(), now);
        }
    }

    pub(super) fn poll_timeout(&mut self) -> Option<Instant> {
        let transport = self.transport.poll_timeout();
        let tick = self.connected.then_some(self.next_tick);
        transport.into_iter().chain(tick).min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.transport.poll_timeout().is_some_and(|due| due <= now) {
            self.transport.handle_timeout(now);
            self.drain(now);
        }
        if self.connected && self.next_tick <= now {
            self.next_tick += TICK;
            // After a stall of this machine there is nothing to catch up with.
            if self.next_tick <= now {
                self.next_tick = now + TICK;
            }
            self.tick(now);
        }
    }

    fn tick(&mut self, now: Instant) {
        let (id, transport, datagrams) = (self.id, &mut self.transport, &mut self.datagrams);
        let mut report = Vec::new();
        if let Some(sender) = &mut self.sender {
            while let Some(packet) = sender.poll_packet(now) {
                protect_rtp(id, transport, datagrams, packet);
            }
            sender.poll_report(now, &mut report);
        }
        self.receiver.poll_report(now, &mut report);
        if !report.is_empty() {
            protect_rtcp(id, transport, datagrams, report);
        }
    }

    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.transport.poll_event() {
            match event {
                Event::IceFailed | Event::RestartFailed | Event::DtlsFailed(_) | Event::Closed => {
                    self.events.push_back(SessionEvent::Failed)
                }
                Event::ChannelOpen { .. } if !self.channel_open => {
                    self.channel_open = true;
                    self.greet(now);
                }
                Event::ChannelText(text) => self.handle_channel_text(&text),
                _ => {}
            }
        }
        let connected = self.transport.is_connected();
        if connected && !self.connected {
            self.next_tick = now;
            self.events.push_back(SessionEvent::Connected);
        }
        self.connected = connected;
        while let Some(out) = self.transport.poll_transmit() {
            self.datagrams.push_back(Datagram {
                media: self.id,
                from: out.from,
                to: out.to,
                payload: out.payload,
            });
        }
    }

    /// Says goodbye to the bridge.
    pub(super) fn close(&mut self, now: Instant) {
        self.transport.close(now);
        self.drain(now);
    }

    pub(super) fn poll_datagram(&mut self) -> Option<Datagram> {
        self.datagrams.pop_front()
    }

    pub(super) fn poll_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }
}

fn protect_rtp(
    media: MediaId,
    transport: &mut Transport,
    datagrams: &mut VecDeque<Datagram>,
    mut packet: Vec<u8>,
) {
    let len = packet.len();
    packet.resize(len + MAX_OVERHEAD, 0);
    // Without keys or a route there is nobody to send to.
    let sealed = transport.protect_rtp(&mut packet, len);
    if let (Ok(len), Some((from, to))) = (sealed, transport.route()) {
        packet.truncate(len);
        datagrams.push_back(Datagram {
            media,
            from,
            to,
            payload: packet,
        });
    }
}

fn protect_rtcp(
    media: MediaId,
    transport: &mut Transport,
    datagrams: &mut VecDeque<Datagram>,
    mut packet: Vec<u8>,
) {
    let len = packet.len();
    packet.resize(len + MAX_OVERHEAD, 0);
    let sealed = transport.protect_rtcp(&mut packet, len);
    if let (Ok(len), Some((from, to))) = (sealed, transport.route()) {
        packet.truncate(len);
        datagrams.push_back(Datagram {
            media,
            from,
            to,
            payload: packet,
        });
    }
}

#[cfg(test)]
pub(super) mod tests;
