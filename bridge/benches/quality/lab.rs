//! Whole calls in virtual time: the bridge's worker, browsers, links between them.

#![allow(
    dead_code,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a laboratory, used by a benchmark and by a test, panics when its premises do not hold"
)]

#[path = "../../tests/common/ends.rs"]
mod ends;

pub mod camera;
pub mod decoder;
pub mod figures;
pub mod peer;
pub mod rival;
pub mod rows;
pub mod uplink;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bridge::command::{
    Codec, Command, CreateConference, EndpointUpdate, Extension, Feedback, HeaderExtension,
    MediaCapabilities, MediaKind, PayloadType, Semantics, SourceDescription, SsrcGroup,
};
use bridge::event::Event;
use bridge::ids::{ConferenceKey, EndpointKey, WorkerId};
use bridge::send_batch::SendBatch;
use bridge::settings::WorkerSettings;
use bridge::worker::Worker;
use media::dtls::Certificate;
use media::ice::IceCredentials;
use media::simnet::{Fate, Link, SimNet};
use media::units::Ssrc;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use ends::Ends;
use peer::{ABS_ID, LEVEL_ID, OPUS, Peer, RTX, TCC_ID, Traits, VP8};
use rival::Rival;

static CERTIFICATES: LazyLock<[Certificate; 2]> = LazyLock::new(|| {
    [
        Certificate::generate().unwrap(),
        Certificate::generate().unwrap(),
    ]
});

const CONFERENCE: ConferenceKey = ConferenceKey(1);
const HEADERS: usize = 28;

/// A datagram on its way to a receiver.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub at: Instant,
    pub len: usize,
    pub fate: Fate,
}

pub struct Lab {
    pub now: Instant,
    pub worker: Worker,
    pub peers: Vec<Peer>,
    pub net: SimNet,
    pub rivals: Vec<Rival>,
    /// What the bridge sent to each peer.
    pub sent: Vec<Vec<Sent>>,
    pub events: Vec<Event>,
    bridge: SocketAddr,
    batch: SendBatch,
    rng: SmallRng,
}

impl Lab {
    pub fn new(seed: u64) -> Self {
        let bridge = SocketAddr::from(([192, 0, 2, 1], 10_000));
        let settings = WorkerSettings::new(CERTIFICATES[0].clone(), vec![bridge]);
        let mut lab = Self {
            now: Instant::now(),
            worker: Worker::new(WorkerId(0), 1, Arc::new(settings), seed),
            peers: Vec::new(),
            net: SimNet::new(seed, Link::new(Duration::from_millis(20), 0.0)),
            rivals: Vec::new(),
            sent: Vec::new(),
            events: Vec::new(),
            bridge,
            batch: SendBatch::new(128 * 1024),
            rng: SmallRng::seed_from_u64(seed),
        };
        lab.command(Command::CreateConference(CreateConference {
            conference: CONFERENCE,
            meeting_id: "m".into(),
            name: None,
        }));
        lab
    }

    fn command(&mut self, command: Command) {
        self.worker.handle_command(command, self.now);
        self.drain();
    }

    /// The link from the bridge to a peer.
    pub fn set_downlink(&mut self, peer: usize, link: Link) {
        let to = self.peers[peer].addr.ip();
        self.net.set_link(self.bridge.ip(), to, link);
    }

    /// The link from a peer to the bridge.
    pub fn set_uplink(&mut self, peer: usize, link: Link) {
        let from = self.peers[peer].addr.ip();
        self.net.set_link(from, self.bridge.ip(), link);
    }

    /// A peer's packets go through the bottleneck of another one's.
    pub fn share_downlink(&mut self, peer: usize, with: usize) {
        let (to, with) = (self.peers[peer].addr.ip(), self.peers[with].addr.ip());
        self.net
            .share(self.bridge.ip(), to, (self.bridge.ip(), with));
    }

    /// A TCP-like flow through a peer's downlink.
    pub fn add_rival(&mut self, peer: usize, after: f64, seconds: f64) {
        let n = self.rivals.len() as u8;
        let from = SocketAddr::from(([203, 0, 113, n], 443));
        let to = SocketAddr::from((self.peers[peer].addr.ip(), 50_000));
        self.net
            .share(from.ip(), to.ip(), (self.bridge.ip(), to.ip()));
        let start = self.now + Duration::from_secs_f64(after);
        let end = start + Duration::from_secs_f64(seconds);
        self.rivals
            .push(Rival::new(from, to, Duration::from_millis(20), start, end));
    }

    /// Creates an endpoint; its links are as set by address before.
    pub fn join(&mut self, traits: Traits, downlink: Option<Link>) -> usize {
        let index = self.peers.len();
        let tag = index as u8 + 1;
        let key = EndpointKey(u64::from(tag));
        let addr = SocketAddr::from(([198, 51, 100, tag], 40_000 + u16::from(tag)));
        let mut client = IceCredentials::generate(&mut self.rng);
        client.ufrag = format!("cl{tag:02}");
        let worker = IceCredentials {
            ufrag: WorkerId(0).in_ufrag(u64::from(tag) * 977),
            ..IceCredentials::generate(&mut self.rng)
        };
        let ends = Ends {
            address: addr,
            client,
            worker,
            certificates: &CERTIFICATES,
        };
        let transport = ends.transport(self.bridge, u64::from(tag), self.now);
        let id = format!("peer{tag}");
        let rng = SmallRng::seed_from_u64(u64::from(tag) * 31);
        let peer = Peer::new(&id, tag, key, addr, transport, traits, rng, self.now);
        let update = EndpointUpdate {
            transport: Some(ends.told(vec![])),
            media: Some(capabilities(&traits)),
            sources: Some(sources(&peer)),
            force_mute: None,
            initial_last_n: None,
        };
        self.peers.push(peer);
        self.sent.push(Vec::new());
        if let Some(link) = downlink {
            self.set_downlink(index, link);
        }
        let create = ends.create(CONFERENCE, WorkerId(0), key, &id, update);
        self.command(Command::CreateEndpoint(Box::new(create)));
        self.command(Command::ChannelOpened(key));
        index
    }

    /// Whom a peer looks at, and how large.
    pub fn watch(&mut self, peer: usize, source: &str, lines: i32) {
        let wants = serde_json::json!({
            "colibriClass": "ReceiverVideoConstraints",
            "lastN": -1,
            "onStageSources": [source],
            "defaultConstraints": {"maxHeight": 180},
            "constraints": {source: {"maxHeight": lines}},
        });
        self.say(peer, &wants);
    }

    /// Everyone in tiles.
    pub fn watch_tiles(&mut self, peer: usize, lines: i32) {
        let wants = serde_json::json!({
            "colibriClass": "ReceiverVideoConstraints",
            "lastN": -1,
            "defaultConstraints": {"maxHeight": lines},
        });
        self.say(peer, &wants);
    }

    pub fn say(&mut self, peer: usize, text: &serde_json::Value) {
        let key = self.peers[peer].key;
        self.command(Command::ChannelText(key, text.to_string()));
    }

    pub fn run_until(&mut self, seconds: f64, condition: impl Fn(&Self) -> bool) {
        let end = self.now + Duration::from_secs_f64(seconds);
        while !condition(self) {
            assert!(self.step(end), "not within {seconds} s");
        }
    }

    pub fn run_for(&mut self, seconds: f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        while self.step(end) {}
        self.now = end;
    }

    fn step(&mut self, end: Instant) -> bool {
        let next = (self.worker.poll_timeout().into_iter())
            .chain(self.peers.iter_mut().map(Peer::poll_timeout))
            .chain(self.rivals.iter().map(Rival::poll_timeout))
            .chain(self.net.poll_timeout())
            .min();
        let Some(next) = next.filter(|next| *next < end) else {
            return false;
        };
        self.now = self.now.max(next);
        let now = self.now;
        while let Some(datagram) = self.net.poll_receive(now) {
            if datagram.to == self.bridge {
                let mut buf = datagram.payload;
                self.worker
                    .handle_datagram(&mut buf, datagram.from, datagram.to, now);
            } else if let Some(peer) = self.peers.iter_mut().find(|p| p.addr == datagram.to) {
                peer.handle_datagram(&datagram.payload, datagram.from, now);
            } else if let Some(rival) = self.rivals.iter_mut().find(|r| r.from == datagram.from) {
                rival.handle_segment(&datagram.payload, now);
            }
        }
        if self.worker.poll_timeout().is_some_and(|at| at <= now) {
            self.worker.handle_timeout(now);
        }
        for peer in &mut self.peers {
            if peer.poll_timeout() <= now {
                peer.handle_timeout(now);
            }
        }
        for rival in &mut self.rivals {
            if rival.poll_timeout() <= now {
                for segment in rival.handle_timeout(now) {
                    self.net.send(now, rival.from, rival.to, &segment);
                }
            }
        }
        self.rivals.retain(|r| now < r.end);
        self.drain();
        true
    }

    fn drain(&mut self) {
        while self.worker.poll_transmit(&mut self.batch, self.now) {
            for run in self.batch.runs() {
                let peer = self.peers.iter().position(|p| p.addr == run.to);
                for datagram in self.batch.bytes()[run.range.clone()].chunks(run.segment) {
                    let fate = self.net.send(self.now, run.from, run.to, datagram);
                    if let Some(peer) = peer {
                        self.sent[peer].push(Sent {
                            at: self.now,
                            len: datagram.len() + HEADERS,
                            fate,
                        });
                    }
                }
            }
            self.batch.clear();
        }
        while let Some(event) = self.worker.poll_event() {
            match event {
                Event::ChannelText(key, text) => {
                    if let Some(peer) = self.peers.iter_mut().find(|p| p.key == key) {
                        peer.hear(serde_json::from_str(&text).unwrap());
                    }
                }
                event => self.events.push(event),
            }
        }
        for peer in &mut self.peers {
            while let Some(transmit) = peer.transport.poll_transmit() {
                self.net
                    .send(self.now, transmit.from, transmit.to, &transmit.payload);
            }
            while peer.transport.poll_event().is_some() {}
            let Some((from, to)) = peer.transport.route() else {
                continue;
            };
            for packet in peer.outgoing.drain(..) {
                self.net.send(self.now, from, to, &packet);
            }
        }
    }

    /// Says what a peer had since then.
    #[expect(clippy::print_stderr, reason = "for whoever looks on")]
    pub fn trace(&mut self, peer: usize, from: Instant) {
        self.command(Command::CollectStatistics { endpoints: true });
        let key = self.peers[peer].key;
        let mut estimate = 0;
        for event in self.events.drain(..) {
            if let Event::Statistics(statistics) = event {
                let mut all = statistics.by_endpoint.iter();
                let found = all.find(|e| e.endpoint == key);
                estimate = found
                    .and_then(|e| e.bandwidth_estimate)
                    .map_or(0, |estimate| estimate.as_kbps());
            }
        }
        let f = self.figures(peer, 1, from);
        eprintln!(
            "peer {peer} {:>6.1} s: estimate {estimate:>5}, sent {:>5.0}, queue {:>3.0} ms, {:.1?}, {:.0} fps, audio lost {:.1} %",
            (self.now - self.peers[peer].connected.unwrap_or(self.now)).as_secs_f64(),
            f.sent_kbps,
            f.queue_p95,
            f.layers,
            f.fps,
            f.audio_lost,
        );
    }

    /// The bridge's address.
    pub fn bridge(&self) -> IpAddr {
        self.bridge.ip()
    }
}

fn capabilities(traits: &Traits) -> MediaCapabilities {
    let payload = |id, kind, codec, associated: Option<u8>| PayloadType {
        id,
        kind,
        codec,
        clock_rate: 90_000,
        associated,
        feedback: Feedback {
            nack: kind == MediaKind::Video && codec != Codec::Rtx && traits.nack,
            pli: kind == MediaKind::Video,
            transport_cc: traits.transport_cc,
            remb: !traits.transport_cc,
            ..Feedback::default()
        },
    };
    let mut payload_types = vec![
        payload(OPUS, MediaKind::Audio, Codec::Opus, None),
        payload(VP8, MediaKind::Video, Codec::Vp8, None),
    ];
    if traits.rtx {
        payload_types.push(payload(RTX, MediaKind::Video, Codec::Rtx, Some(VP8)));
    }
    let control = if traits.transport_cc {
        HeaderExtension {
            id: TCC_ID,
            extension: Extension::TransportCc,
        }
    } else {
        HeaderExtension {
            id: ABS_ID,
            extension: Extension::AbsSendTime,
        }
    };
    MediaCapabilities {
        payload_types,
        extensions: vec![
            HeaderExtension {
                id: LEVEL_ID,
                extension: Extension::AudioLevel,
            },
            control,
        ],
    }
}

fn sources(peer: &Peer) -> Vec<SourceDescription> {
    let mut sources = vec![SourceDescription {
        name: format!("{}-a0", peer.id).as_str().into(),
        kind: MediaKind::Audio,
        ssrcs: vec![Ssrc(peer.audio_ssrc)],
        groups: vec![],
        video_type: None,
    }];
    if let Some(camera) = &peer.camera {
        let primaries: Vec<_> = camera.encodings.iter().map(|e| Ssrc(e.ssrc)).collect();
        let fids = camera.encodings.iter().map(|e| SsrcGroup {
            semantics: Semantics::Fid,
            ssrcs: vec![Ssrc(e.ssrc), Ssrc(e.rtx)],
        });
        let mut groups: Vec<_> = fids.collect();
        if primaries.len() > 1 {
            groups.push(SsrcGroup {
                semantics: Semantics::Sim,
                ssrcs: primaries,
            });
        }
        let ssrcs = camera
            .encodings
            .iter()
            .flat_map(|e| [Ssrc(e.ssrc), Ssrc(e.rtx)]);
        sources.push(SourceDescription {
            name: format!("{}-v0", peer.id).as_str().into(),
            kind: MediaKind::Video,
            ssrcs: ssrcs.collect(),
            groups,
            video_type: None,
        });
    }
    sources
}
