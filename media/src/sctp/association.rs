//! The association and its channel.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sctp_proto::{
    Association, AssociationHandle, ClientConfig, DatagramEvent, Endpoint, EndpointConfig,
    EndpointEvent, Event, Payload, PayloadProtocolIdentifier as Ppi, ServerConfig, StreamEvent,
    StreamId, TransportConfig,
};

use super::abort::abort_of;
use super::dcep::Dcep;
use super::{BRIDGE_CHANNEL, ChannelError, SctpConfig};

/// Longest message in either direction, in bytes: what pages and stock clients signal
/// (`a=max-message-size`, RFC 8841 §6.1), and room for what a bridge writes into a message that it
/// passes on. Browsers take more than they signal.
pub const MAX_MESSAGE: usize = 262_144 + 1_024;
/// Longest part of a message in one packet, in bytes: with the headers of SCTP and DTLS (28 and
/// 37) it fits a UDP payload of 1,200, which every path takes.
const MAX_CHUNK: u32 = 1132;
/// Bytes of a peer's messages that wait for their missing parts: the longest message, and what is
/// in flight behind it.
pub(super) const RECEIVE_WINDOW: u32 = 320 * 1024;
/// A peer that does not begin within this is begun with (RFC 8841 §9.3); most have by then.
const OTHERS_FIRST: Duration = Duration::from_millis(400);
/// After an association is lost we wait so long before we begin anew.
const BEGIN_ANEW: Duration = Duration::from_secs(1);
/// Bytes of ours that wait for the peer.
const SEND_QUEUE: usize = 1024 * 1024;
/// Streams in each direction; a browser uses the first or second.
const STREAMS: u16 = 1024;
/// Associations that shake hands at the same time: an INIT that comes twice begins two.
pub(super) const MAX_PENDING: usize = 4;

/// What happened on the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SctpEvent {
    Open { label: String, protocol: String },
    Text(String),
    Binary(Vec<u8>),
    Closed,
}

struct Channel {
    stream: StreamId,
    label: String,
    protocol: String,
    open: bool,
}

pub(crate) struct Sctp {
    config: SctpConfig,
    transport: Arc<TransportConfig>,
    endpoint: Endpoint,
    /// Whether we sent the ClientHello: when both sides begin, the client's beginning counts.
    dtls_client: bool,
    /// The association that finished its handshake.
    current: Option<(AssociationHandle, Association)>,
    /// Those that the peer begins.
    pub(super) pending: Vec<(AssociationHandle, Association)>,
    /// The one that we begin.
    own: Option<(AssociationHandle, Association)>,
    /// When we begin, if the peer does not.
    begin: Option<Instant>,
    /// The header of the latest packet to the peer of the current association.
    latest: Option<[u8; 12]>,
    /// Bytes of the peer's that the current association keeps, as its latest SACK said.
    kept: usize,
    channel: Option<Channel>,
    /// The stream of a channel that we open: even for the DTLS client, odd for the server
    /// (RFC 8832 §6).
    own_stream: StreamId,
    packets: VecDeque<Bytes>,
    events: VecDeque<SctpEvent>,
}

/// SCTP over DTLS has no addresses; the crate wants one.
fn no_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 5000))
}

impl Sctp {
    /// `dtls_client`: whether we sent the ClientHello.
    pub(crate) fn new(config: SctpConfig, dtls_client: bool, now: Instant) -> Self {
        let transport = Arc::new(
            TransportConfig::default()
                .with_local_port(config.port)
                .with_remote_port(config.port)
                .with_max_receive_buffer_size(RECEIVE_WINDOW)
                .with_max_send_message_size(MAX_MESSAGE as u32)
                .with_max_receive_message_size(MAX_MESSAGE as u32)
                .with_max_num_inbound_streams(STREAMS)
                .with_max_num_outbound_streams(STREAMS)
                .with_rto_initial_ms(500)
                .with_rto_min_ms(300)
                .with_rto_max_ms(10_000),
        );
        let mut server = ServerConfig::new();
        server.transport = transport.clone();
        let mut endpoint_config = EndpointConfig::new();
        endpoint_config.max_payload_size(MAX_CHUNK);
        let patience = if config.open.is_some() {
            Duration::ZERO
        } else {
            OTHERS_FIRST
        };
        let mut sctp = Self {
            config,
            transport,
            endpoint: Endpoint::new(Arc::new(endpoint_config), Some(Arc::new(server))),
            dtls_client,
            current: None,
            pending: Vec::new(),
            own: None,
            begin: Some(now + patience),
            latest: None,
            kept: 0,
            channel: None,
            own_stream: if dtls_client { 0 } else { 1 },
            packets: VecDeque::new(),
            events: VecDeque::new(),
        };
        sctp.handle_timeout(now);
        sctp
    }

    /// Bytes of the peer's messages that are kept until the rest of them is here.
    pub(crate) fn kept(&self) -> usize {
        self.kept
    }

    /// Gives the association up, and tells the peer so that it can begin anew.
    pub(crate) fn give_up(&mut self, now: Instant) {
        if let Some(lost) = self.current.take() {
            self.lose(lost, now);
        }
    }

    #[cfg(test)]
    pub(super) fn is_established(&self) -> bool {
        self.current.is_some()
    }

    /// Opens or uses any stream.
    #[cfg(test)]
    pub(super) fn send_on(&mut self, stream: StreamId, message: &Dcep, now: Instant) {
        if let Some((_, association)) = &mut self.current {
            let mut stream = association
                .open_stream(stream, Ppi::String)
                .expect("a stream that is not open");
            stream
                .write_with_ppi(&message.write(), Ppi::Dcep)
                .expect("room");
        }
        self.drain(now);
    }

    /// As a sender that knows no limits.
    #[cfg(test)]
    pub(super) fn send_beyond_limits(&mut self, message: &[u8], now: Instant) {
        if let (Some((_, association)), Some(channel)) = (&mut self.current, &self.channel) {
            association.set_max_send_message_size(u32::MAX);
            let mut stream = association.stream(channel.stream).expect("an open channel");
            stream
                .write_with_ppi(message, Ppi::String)
                .expect("no limit");
        }
        self.drain(now);
    }

    fn begin(&mut self) {
        let mut client = ClientConfig::new();
        client.transport = self.transport.clone();
        match self.endpoint.connect(client, no_address()) {
            Ok(association) => self.own = Some(association),
            Err(error) => tracing::warn!(%error, "cannot begin an SCTP association"),
        }
    }

    /// Whether the peer's INIT is to be heard. When both begin at once, one has to yield: each
    /// would wait for an answer to what the other has forgotten.
    fn admits_init(&mut self) -> bool {
        if self.own.is_some() && self.dtls_client {
            return false;
        }
        if let Some((own, _)) = self.own.take() {
            self.endpoint.handle_event(own, EndpointEvent::drained());
        }
        self.begin = None;
        true
    }

    pub(crate) fn handle_packet(&mut self, packet: Vec<u8>, now: Instant) {
        // The first chunk's type is behind the header of the packet.
        if packet.get(12) == Some(&INIT) && !self.admits_init() {
            return;
        }
        let handled = self
            .endpoint
            .handle(now, no_address(), None, None, Bytes::from(packet));
        match handled {
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                if self.pending.len() >= MAX_PENDING {
                    let (oldest, _) = self.pending.remove(0);
                    self.endpoint.handle_event(oldest, EndpointEvent::drained());
                }
                self.pending.push((handle, association));
            }
            Some((handle, DatagramEvent::AssociationEvent(event))) => {
                if let Some((_, association)) = self
                    .current
                    .iter_mut()
                    .chain(&mut self.pending)
                    .chain(&mut self.own)
                    .find(|(own, _)| *own == handle)
                {
                    association.handle_event(event);
                }
            }
            _ => {}
        }
        self.drain(now);
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.begin.is_some_and(|begin| begin <= now) {
            self.begin = None;
            self.begin();
        }
        let all = self.current.iter_mut().chain(&mut self.pending);
        for (_, association) in all.chain(&mut self.own) {
            association.handle_timeout(now);
        }
        self.drain(now);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let all = self.current.iter().chain(&self.pending).chain(&self.own);
        all.filter_map(|(_, association)| association.poll_timeout())
            .chain(self.begin)
            .min()
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Bytes> {
        self.packets.pop_front()
    }

    pub(crate) fn poll_event(&mut self) -> Option<SctpEvent> {
        self.events.pop_front()
    }

    pub(crate) fn send_text(&mut self, text: &str, now: Instant) -> Result<(), ChannelError> {
        if text.len() > MAX_MESSAGE {
            return Err(ChannelError::TooLong);
        }
        let (Some((_, association)), Some(channel)) = (&mut self.current, &self.channel) else {
            return Err(ChannelError::NotOpen);
        };
        if !channel.open {
            return Err(ChannelError::NotOpen);
        }
        let mut stream = association
            .stream(channel.stream)
            .map_err(|_| ChannelError::NotOpen)?;
        if stream.buffered_amount().unwrap_or(0) + text.len() > SEND_QUEUE {
            return Err(ChannelError::Full);
        }
        // RFC 8831 §6.6: SCTP has no empty messages.
        let (payload, kind): (&[u8], _) = if text.is_empty() {
            (&[0], Ppi::StringEmpty)
        } else {
            (text.as_bytes(), Ppi::String)
        };
        stream
            .write_with_ppi(payload, kind)
            .map_err(|_| ChannelError::NotOpen)?;
        self.drain(now);
        Ok(())
    }

    /// Ends the association; the packet for it is in [`Self::poll_transmit`].
    pub(crate) fn close(&mut self, now: Instant) {
        if let Some((_, association)) = &mut self.current {
            // Fails on an association that is closed already, which is what is wanted.
            let _ = association.shutdown();
            collect_packets(association, &mut self.packets, now);
        }
        self.current = None;
        self.pending.clear();
        self.own = None;
        self.begin = None;
        self.lose_channel();
    }

    fn drain(&mut self, now: Instant) {
        self.promote(now);
        let Some((handle, mut association)) = self.current.take() else {
            return;
        };
        let mut lost = self.drain_events(&mut association);
        let sent = self.packets.len();
        collect_packets(&mut association, &mut self.packets, now);
        for packet in self.packets.range(sent..) {
            self.latest = packet.first_chunk().copied().or(self.latest);
            if let Some(room) = advertised_window(packet) {
                self.kept = RECEIVE_WINDOW.saturating_sub(room) as usize;
            }
        }
        // Sending can find that the peer is gone.
        lost |= association.is_closed();
        if lost {
            self.lose((handle, association), now);
        } else {
            self.current = Some((handle, association));
        }
    }

    /// An association ended that nobody closed. The crate is silent about what it cannot go on
    /// with, and a peer that is not told sends for ever.
    fn lose(&mut self, (handle, _): (AssociationHandle, Association), now: Instant) {
        tracing::debug!("SCTP association lost");
        self.endpoint.handle_event(handle, EndpointEvent::drained());
        if let Some(header) = self.latest.take() {
            self.packets.push_back(abort_of(&header));
        }
        self.kept = 0;
        self.begin = Some(now + BEGIN_ANEW);
        self.lose_channel();
    }

    /// Makes the first association that connected the current one.
    fn promote(&mut self, now: Instant) {
        let own = self.own.take();
        let mut shaking: Vec<_> = own.into_iter().collect();
        let own = shaking.first().map(|(handle, _)| *handle);
        shaking.append(&mut self.pending);
        let mut connected = None;
        for (handle, mut association) in shaking {
            let mut failed = connected.is_some();
            while connected.is_none()
                && let Some(event) = association.poll()
            {
                match event {
                    Event::Connected => connected = Some(handle),
                    Event::HandshakeFailed { reason } => {
                        tracing::debug!(%reason, "SCTP handshake failed");
                        failed = true;
                    }
                    _ => {}
                }
            }
            if connected == Some(handle) {
                self.lose_channel();
                self.replace((handle, association));
                continue;
            }
            collect_packets(&mut association, &mut self.packets, now);
            // The server's side is in the CLOSED state until the cookie comes back (RFC 9260 §4).
            if failed {
                self.endpoint.handle_event(handle, EndpointEvent::drained());
            } else if own == Some(handle) {
                self.own = Some((handle, association));
            } else {
                self.pending.push((handle, association));
            }
        }
        if connected.is_some() {
            for (handle, _) in self.own.take().into_iter().chain(self.pending.drain(..)) {
                self.endpoint.handle_event(handle, EndpointEvent::drained());
            }
            self.begin = None;
            self.open_own_channel();
        }
    }

    fn replace(&mut self, association: (AssociationHandle, Association)) {
        if let Some((old, _)) = self.current.replace(association) {
            self.endpoint.handle_event(old, EndpointEvent::drained());
        }
        self.latest = None;
        self.kept = 0;
    }

    fn open_own_channel(&mut self) {
        let (Some((label, protocol)), Some((_, association))) =
            (self.config.open.clone(), &mut self.current)
        else {
            return;
        };
        let message = Dcep::Open {
            label: label.clone(),
            protocol: protocol.clone(),
        }
        .write();
        let sent = association
            .open_stream(self.own_stream, Ppi::String)
            .and_then(|mut stream| stream.write_with_ppi(&message, Ppi::Dcep));
        match sent {
            Ok(_) => {
                self.channel = Some(Channel {
                    stream: self.own_stream,
                    label,
                    protocol,
                    open: false,
                });
            }
            Err(error) => tracing::warn!(%error, "cannot open the data channel"),
        }
    }

    /// Whether the association is lost.
    fn drain_events(&mut self, association: &mut Association) -> bool {
        let mut lost = false;
        while let Some(event) = association.poll() {
            match event {
                Event::HandshakeFailed { .. } | Event::AssociationLost { .. } => lost = true,
                Event::Stream(StreamEvent::Readable { id }) => self.read(association, id),
                Event::Stream(StreamEvent::Finished { id } | StreamEvent::Stopped { id, .. })
                    if self.channel.as_ref().is_some_and(|own| own.stream == id) =>
                {
                    self.lose_channel();
                }
                _ => {}
            }
        }
        while association.accept_stream().is_some() {}
        lost
    }

    fn read(&mut self, association: &mut Association, id: StreamId) {
        while let Ok(mut stream) = association.stream(id) {
            let message = match stream.read_sctp() {
                Ok(Some(message)) => message,
                Ok(None) | Err(_) => return,
            };
            let mut payload = vec![0; message.len().min(MAX_MESSAGE)];
            if message.read(&mut payload).is_err() {
                continue;
            }
            match message.ppi {
                Ppi::Dcep => match Dcep::read(&payload) {
                    Some(Dcep::Open { label, protocol }) => {
                        // Fails only when the stream is being reset, and the channel with it.
                        let _ = stream.write_with_ppi(&Dcep::Ack.write(), Ppi::Dcep);
                        self.accept(id, label, protocol);
                    }
                    Some(Dcep::Ack) => self.acknowledged(id),
                    None => tracing::debug!(stream = id, "malformed data channel message"),
                },
                kind => self.deliver(id, kind, &payload),
            }
        }
    }

    /// A page may open channels of its own. One of the bridge channel's protocol is the bridge
    /// channel, the latest of them; without any it is the first.
    fn accept(&mut self, stream: StreamId, label: String, protocol: String) {
        if let Some(channel) = &self.channel
            && channel.stream != stream
            && protocol != BRIDGE_CHANNEL
        {
            tracing::debug!(stream, label, protocol, "another data channel is ignored");
            return;
        }
        self.lose_channel();
        self.channel = Some(Channel {
            stream,
            label: label.clone(),
            protocol: protocol.clone(),
            open: true,
        });
        self.events.push_back(SctpEvent::Open { label, protocol });
    }

    fn acknowledged(&mut self, stream: StreamId) {
        if let Some(channel) = &mut self.channel
            && channel.stream == stream
            && !channel.open
        {
            channel.open = true;
            self.events.push_back(SctpEvent::Open {
                label: channel.label.clone(),
                protocol: channel.protocol.clone(),
            });
        }
    }

    fn deliver(&mut self, stream: StreamId, kind: Ppi, payload: &[u8]) {
        if self.channel.as_ref().is_none_or(|own| own.stream != stream) {
            return;
        }
        // RFC 8832 §6: data says as much as an acknowledgement that it overtook.
        self.acknowledged(stream);
        let event = match kind {
            Ppi::String => match std::str::from_utf8(payload) {
                Ok(text) => SctpEvent::Text(text.to_owned()),
                Err(_) => {
                    tracing::debug!(stream, "data channel text is not UTF-8, dropped");
                    return;
                }
            },
            Ppi::StringEmpty => SctpEvent::Text(String::new()),
            Ppi::Binary => SctpEvent::Binary(payload.to_vec()),
            Ppi::BinaryEmpty => SctpEvent::Binary(Vec::new()),
            _ => return,
        };
        self.events.push_back(event);
    }

    fn lose_channel(&mut self) {
        if self.channel.take().is_some_and(|channel| channel.open) {
            self.events.push_back(SctpEvent::Closed);
        }
    }
}

/// Type of an INIT chunk (RFC 9260 §3.2).
const INIT: u8 = 1;
/// Type of a SACK chunk.
const SACK: u8 = 3;

/// The receive window that a packet of ours advertises, if it begins with a SACK (RFC 9260 §3.3.4).
fn advertised_window(packet: &[u8]) -> Option<u32> {
    let chunk = packet.get(12..24).filter(|chunk| chunk[0] == SACK)?;
    Some(u32::from_be_bytes(*chunk.last_chunk()?))
}

fn collect_packets(association: &mut Association, packets: &mut VecDeque<Bytes>, now: Instant) {
    while let Some(message) = association.poll_transmit(now) {
        if let Payload::RawEncode(encoded) = message.payload {
            packets.extend(encoded);
        }
    }
}
