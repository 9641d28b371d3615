//! Peers, the network between them, and the clock.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use media::dtls::Certificate;
use media::ice::{IceCredentials, RemoteCandidate};
use media::sctp::SctpConfig;
use media::simnet::{Link, SimNet};
use media::srtp::MAX_OVERHEAD;
use media::transport::{
    DEFAULT_MAX_SSRCS, DropReason, Event, Received, RemoteTransport, Setup, Transport,
    TransportConfig,
};
use rand::SeedableRng;
use rand::rngs::SmallRng;

static CERTIFICATES: LazyLock<[Certificate; 2]> = LazyLock::new(|| {
    [
        Certificate::generate().unwrap(),
        Certificate::generate().unwrap(),
    ]
});

pub(crate) const PROTOCOL: &str = "http://jitsi.org/protocols/colibri";

/// Index of the peer that stands for the bridge.
pub(crate) const BRIDGE: usize = 0;
/// Index of the peer that stands for a client.
pub(crate) const CLIENT: usize = 1;

/// What a peer is like.
#[derive(Clone)]
pub(crate) struct Traits {
    pub addr: SocketAddr,
    pub controlling: bool,
    pub setup: Setup,
    /// Whether its candidates are signalled.
    pub signals_candidates: bool,
    pub sctp: Option<SctpConfig>,
}

impl Traits {
    pub(crate) fn bridge() -> Self {
        Self {
            addr: SocketAddr::from(([192, 0, 2, 1], 10_000)),
            controlling: true,
            setup: Setup::Actpass,
            signals_candidates: true,
            sctp: Some(SctpConfig::default()),
        }
    }

    pub(crate) fn client() -> Self {
        Self {
            addr: SocketAddr::from(([198, 51, 100, 7], 50_000)),
            controlling: false,
            setup: Setup::Active,
            signals_candidates: true,
            sctp: Some(SctpConfig {
                open: Some(("JVB data channel".into(), PROTOCOL.into())),
                ..SctpConfig::default()
            }),
        }
    }
}

pub(crate) struct Peer {
    pub transport: Transport,
    pub traits: Traits,
    pub credentials: IceCredentials,
    pub events: Vec<Event>,
    pub rtp: Vec<Vec<u8>>,
    pub rtcp: Vec<Vec<u8>>,
    pub drops: Vec<DropReason>,
}

impl Peer {
    pub(crate) fn saw(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(wanted)
    }

    pub(crate) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(event)).count()
    }

    pub(crate) fn texts(&self) -> Vec<&str> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::ChannelText(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }
}

pub(crate) struct World {
    pub net: SimNet,
    pub now: Instant,
    pub start: Instant,
    pub peers: [Peer; 2],
    pub rng: SmallRng,
    /// How often a timer of a peer fired.
    pub wakes: usize,
    /// The address by which the world knows the client, when a NAT is between.
    pub nat: Option<SocketAddr>,
}

impl World {
    /// Two peers that know nothing of each other.
    pub(crate) fn new(seed: u64, link: Link, bridge: Traits, client: Traits) -> Self {
        let start = Instant::now();
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut which = 0;
        let peers = [bridge, client].map(|traits| {
            let credentials = IceCredentials::generate(&mut rng);
            let config = TransportConfig {
                local: credentials.clone(),
                ice_controlling: traits.controlling,
                certificate: CERTIFICATES[which].clone(),
                local_candidates: vec![traits.addr],
                setup: traits.setup,
                sctp: traits.sctp.clone(),
                max_ssrcs: DEFAULT_MAX_SSRCS,
            };
            which += 1;
            Peer {
                transport: Transport::new(config, seed + which as u64, start),
                traits,
                credentials,
                events: Vec::new(),
                rtp: Vec::new(),
                rtcp: Vec::new(),
                drops: Vec::new(),
            }
        });
        Self {
            net: SimNet::new(seed, link),
            now: start,
            start,
            peers,
            rng,
            wakes: 0,
            nat: None,
        }
    }

    /// What signalling would say of a peer.
    pub(crate) fn signalled(&self, peer: usize) -> RemoteTransport {
        let traits = &self.peers[peer].traits;
        let candidates = if traits.signals_candidates {
            vec![RemoteCandidate::host(traits.addr)]
        } else {
            Vec::new()
        };
        RemoteTransport {
            credentials: self.peers[peer].credentials.clone(),
            candidates,
            fingerprints: vec![CERTIFICATES[peer].fingerprint().clone()],
            setup: traits.setup,
        }
    }

    pub(crate) fn introduce(&mut self) {
        for (to, of) in [(BRIDGE, CLIENT), (CLIENT, BRIDGE)] {
            let remote = self.signalled(of);
            self.peers[to]
                .transport
                .set_remote(remote, self.now)
                .unwrap();
        }
    }

    pub(crate) fn connected(seed: u64, link: Link) -> Self {
        let mut world = Self::new(seed, link, Traits::bridge(), Traits::client());
        world.introduce();
        world.run_until(30.0, World::both_open);
        world
    }

    pub(crate) fn both_connected(&self) -> bool {
        self.peers.iter().all(|peer| peer.transport.is_connected())
    }

    /// Connected, and the data channel open.
    pub(crate) fn both_open(&self) -> bool {
        self.both_connected()
            && self
                .peers
                .iter()
                .all(|peer| peer.saw(|event| matches!(event, Event::ChannelOpen { .. })))
    }

    /// Runs until a condition holds; panics when it does not within so many seconds.
    pub(crate) fn run_until(&mut self, seconds: f64, condition: impl Fn(&World) -> bool) {
        let end = self.now + Duration::from_secs_f64(seconds);
        while !condition(self) {
            assert!(
                self.step(end),
                "not within {seconds} s: bridge {:?} {:?}, client {:?} {:?}",
                self.peers[BRIDGE].events,
                self.peers[BRIDGE].drops,
                self.peers[CLIENT].events,
                self.peers[CLIENT].drops,
            );
        }
    }

    /// Runs for so many seconds.
    pub(crate) fn run_for(&mut self, seconds: f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        while self.step(end) {}
        self.now = end;
    }

    /// Moves to the next thing that happens before `end`; `false` when nothing does.
    fn step(&mut self, end: Instant) -> bool {
        self.drain();
        let next = self
            .peers
            .iter_mut()
            .filter_map(|peer| peer.transport.poll_timeout())
            .chain(self.net.poll_timeout())
            .min();
        let Some(next) = next.filter(|next| *next <= end) else {
            return false;
        };
        self.now = self.now.max(next);
        while let Some(datagram) = self.net.poll_receive(self.now) {
            let to = if self.nat == Some(datagram.to) {
                Some(CLIENT)
            } else {
                self.peers.iter().position(|p| p.traits.addr == datagram.to)
            };
            // Behind a NAT the client's own address leads nowhere.
            if let Some(to) = to
                && (to != CLIENT || self.nat.is_none_or(|outside| outside == datagram.to))
            {
                let _ = self.deliver(to, datagram.from, &datagram.payload);
            }
        }
        for peer in &mut self.peers {
            if peer
                .transport
                .poll_timeout()
                .is_some_and(|due| due <= self.now)
            {
                self.wakes += 1;
                peer.transport.handle_timeout(self.now);
            }
        }
        self.drain();
        true
    }

    /// Hands a datagram to a peer, past the network.
    pub(crate) fn deliver(
        &mut self,
        to: usize,
        from: SocketAddr,
        payload: &[u8],
    ) -> Result<Received, DropReason> {
        let peer = &mut self.peers[to];
        let mut buf = payload.to_vec();
        let result = peer
            .transport
            .handle_datagram(&mut buf, from, peer.traits.addr, self.now);
        match result {
            Ok(Received::Rtp(len)) => peer.rtp.push(buf[..len].to_vec()),
            Ok(Received::Rtcp(len)) => peer.rtcp.push(buf[..len].to_vec()),
            Ok(Received::Handled) => {}
            Err(reason) => peer.drops.push(reason),
        }
        self.drain();
        result
    }

    fn drain(&mut self) {
        for (index, peer) in self.peers.iter_mut().enumerate() {
            let outside = self.nat.filter(|_| index == CLIENT);
            while let Some(transmit) = peer.transport.poll_transmit() {
                // What the smallest link that IPv6 may use carries.
                assert!(transmit.payload.len() <= 1280 - 48);
                assert_eq!(transmit.from, peer.traits.addr);
                let from = outside.unwrap_or(transmit.from);
                self.net
                    .send(self.now, from, transmit.to, &transmit.payload);
            }
            while let Some(event) = peer.transport.poll_event() {
                peer.events.push(event);
            }
        }
    }

    /// An RTP packet as it would be on the wire.
    pub(crate) fn sealed(
        &mut self,
        from: usize,
        ssrc: u32,
        sequence: u16,
        payload: &[u8],
    ) -> Vec<u8> {
        let mut packet = rtp(ssrc, sequence, payload);
        let len = packet.len();
        packet.resize(len + MAX_OVERHEAD, 0);
        let len = self.peers[from]
            .transport
            .protect_rtp(&mut packet, len)
            .unwrap();
        packet.truncate(len);
        packet
    }

    /// Sends an RTP packet along the peer's route.
    pub(crate) fn send_rtp(&mut self, from: usize, ssrc: u32, sequence: u16, payload: &[u8]) {
        let packet = self.sealed(from, ssrc, sequence, payload);
        let (local, remote) = self.peers[from].transport.route().unwrap();
        self.net.send(self.now, local, remote, &packet);
    }

    pub(crate) fn send_rtcp(&mut self, from: usize, packet: &[u8]) {
        let mut buf = packet.to_vec();
        buf.resize(packet.len() + MAX_OVERHEAD, 0);
        let len = self.peers[from]
            .transport
            .protect_rtcp(&mut buf, packet.len())
            .unwrap();
        let (local, remote) = self.peers[from].transport.route().unwrap();
        self.net.send(self.now, local, remote, &buf[..len]);
    }
}

pub(crate) fn rtp(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend(0u32.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

pub(crate) fn good() -> Link {
    Link::new(Duration::from_millis(20), 0.0)
}

/// One in ten lost, one in ten overtaken, some twice.
pub(crate) fn bad() -> Link {
    Link {
        latency: Duration::from_millis(40),
        jitter: Duration::from_millis(10),
        loss: 0.1,
        reorder: 0.1,
        duplicate: 0.05,
        ..Link::default()
    }
}
