//! A client's media side: the project's own transport on a UDP socket of its own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::dtls::{Certificate, Fingerprint};
use media::ice::{IceCredentials, RemoteCandidate};
use media::sctp::SctpConfig;
use media::srtp::MAX_OVERHEAD;
use media::transport::{
    DEFAULT_MAX_SSRCS, Event, Received, RemoteTransport, Setup, Transport, TransportConfig,
};
use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// What a peer sees.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    Connected,
    Rtp(Vec<u8>),
    ChannelOpen,
    ChannelText(String),
}

enum Order {
    Rtp(Vec<u8>),
    Text(String),
}

/// A peer that has not heard of the bridge's side yet.
pub(crate) struct Peer {
    socket: UdpSocket,
    certificate: Certificate,
    local: IceCredentials,
}

/// A peer that is at it.
pub(crate) struct Running {
    orders: mpsc::UnboundedSender<Order>,
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl Peer {
    pub(crate) async fn new() -> Self {
        Self {
            socket: UdpSocket::bind("127.0.0.1:0").await.unwrap(),
            certificate: Certificate::generate().unwrap(),
            local: IceCredentials::generate(&mut rand::rng()),
        }
    }

    /// Its end of the transport, as JSON of Colibri2.
    pub(crate) fn transport(&self) -> Value {
        json!({"transport": {
            "ufrag": self.local.ufrag, "pwd": self.local.pwd, "rtcp-mux": true,
            "fingerprints": [{
                "fingerprint": self.certificate.fingerprint().value, "hash": "sha-256", "setup": "active"
            }],
        }})
    }

    /// Connects to the bridge's end, as JSON of Colibri2.
    pub(crate) fn start(self, bridge: &Value, sctp: bool) -> Running {
        let ice = &bridge["transport"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let candidate = &ice["candidates"][0];
        let to = SocketAddr::new(
            text(&candidate["ip"]).parse().unwrap(),
            candidate["port"].as_u64().unwrap() as u16,
        );
        let address = self.socket.local_addr().unwrap();
        let open = (
            "JVB data channel".to_owned(),
            "http://jitsi.org/protocols/colibri".to_owned(),
        );
        let config = TransportConfig {
            local: self.local,
            ice_controlling: false,
            certificate: self.certificate,
            local_candidates: vec![address],
            setup: Setup::Active,
            sctp: sctp.then(|| SctpConfig {
                open: Some(open),
                ..SctpConfig::default()
            }),
            max_ssrcs: DEFAULT_MAX_SSRCS,
        };
        let remote = RemoteTransport {
            credentials: IceCredentials {
                ufrag: text(&ice["ufrag"]),
                pwd: text(&ice["pwd"]),
            },
            candidates: vec![RemoteCandidate::host(to)],
            fingerprints: vec![Fingerprint {
                hash: text(&ice["fingerprints"][0]["hash"]),
                value: text(&ice["fingerprints"][0]["fingerprint"]),
            }],
            setup: Setup::Passive,
        };
        let now = Instant::now();
        let mut transport = Transport::new(config, rand::random(), now);
        transport.set_remote(remote, now).unwrap();
        let (orders, order_queue) = mpsc::unbounded_channel();
        let (seen, seen_queue) = mpsc::unbounded_channel();
        tokio::spawn(live(self.socket, transport, order_queue, seen));
        Running {
            orders,
            seen: seen_queue,
        }
    }
}

async fn live(
    socket: UdpSocket,
    mut transport: Transport,
    mut orders: mpsc::UnboundedReceiver<Order>,
    seen: mpsc::UnboundedSender<Seen>,
) {
    let address = socket.local_addr().unwrap();
    let mut buf = [0; 2048];
    loop {
        while let Some(out) = transport.poll_transmit() {
            let _ = socket.send_to(&out.payload, out.to).await;
        }
        while let Some(event) = transport.poll_event() {
            let _ = match event {
                Event::DtlsConnected { .. } => seen.send(Seen::Connected),
                Event::ChannelOpen { .. } => seen.send(Seen::ChannelOpen),
                Event::ChannelText(text) => seen.send(Seen::ChannelText(text)),
                _ => Ok(()),
            };
        }
        let at = transport
            .poll_timeout()
            .unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
        tokio::select! {
            received = socket.recv_from(&mut buf) => {
                let (len, from) = received.unwrap();
                if let Ok(Received::Rtp(len)) = transport.handle_datagram(&mut buf[..len], from, address, Instant::now()) {
                    let _ = seen.send(Seen::Rtp(buf[..len].to_vec()));
                }
            }
            order = orders.recv() => match order {
                None => return,
                Some(Order::Text(text)) => transport.send_channel_text(&text, Instant::now()).unwrap(),
                Some(Order::Rtp(packet)) => {
                    let len = packet.len();
                    let mut out = packet;
                    out.resize(len + MAX_OVERHEAD, 0);
                    let len = transport.protect_rtp(&mut out, len).unwrap();
                    let (_, to) = transport.route().unwrap();
                    socket.send_to(&out[..len], to).await.unwrap();
                }
            },
            () = tokio::time::sleep_until(at.into()) => transport.handle_timeout(Instant::now()),
        }
    }
}

/// An Opus packet with its payload.
pub(crate) fn audio(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 111];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 960).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

impl Running {
    pub(crate) fn send_rtp(&self, packet: Vec<u8>) {
        self.orders.send(Order::Rtp(packet)).unwrap();
    }

    pub(crate) fn send_text(&self, text: &str) {
        self.orders.send(Order::Text(text.to_owned())).unwrap();
    }

    /// Waits for something that `wanted` turns into a value; skips the rest.
    pub(crate) async fn see<T>(&mut self, what: &str, wanted: impl Fn(Seen) -> Option<T>) -> T {
        let found = self.see_within(Duration::from_secs(10), wanted).await;
        found.unwrap_or_else(|| panic!("no {what} within 10 s"))
    }

    /// The same, if it comes in time.
    pub(crate) async fn see_within<T>(
        &mut self,
        time: Duration,
        wanted: impl Fn(Seen) -> Option<T>,
    ) -> Option<T> {
        let found = timeout(time, async {
            loop {
                let seen = self.seen.recv().await.expect("the peer's task has ended");
                if let Some(value) = wanted(seen) {
                    return value;
                }
            }
        });
        found.await.ok()
    }

    pub(crate) async fn connected(&mut self) {
        self.see("connection", |seen| (seen == Seen::Connected).then_some(()))
            .await;
    }

    /// The payload of the next RTP packet with this SSRC.
    pub(crate) async fn rtp(&mut self, ssrc: u32) -> Vec<u8> {
        self.see("RTP", |seen| match seen {
            Seen::Rtp(packet) if packet[8..12] == ssrc.to_be_bytes() => {
                Some(payload(&packet).to_vec())
            }
            _ => None,
        })
        .await
    }
}

/// What follows the header and its extension (RFC 3550 section 5.1).
fn payload(packet: &[u8]) -> &[u8] {
    let mut start = 12 + 4 * usize::from(packet[0] & 15);
    if packet[0] & 16 != 0 {
        start += 4 + 4 * usize::from(u16::from_be_bytes([packet[start + 2], packet[start + 3]]));
    }
    &packet[start..]
}
