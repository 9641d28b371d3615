//! Packets forwarded per CPU-second by one worker, beside the floor: a loop on the same core that
//! only opens, seals and sends, with the same AEAD and the same GSO calls.
//!
//! Each row is senders × receivers × packets that arrive together (a frame of video, or one packet
//! of each microphone). What is timed is the worker alone: from `handle_datagram` to the kernel's
//! send. Making the packets is not.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and panics when its premises do not hold"
)]

#[path = "../tests/common/ends.rs"]
mod ends;
#[path = "common/offered.rs"]
mod offered;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bridge::command::{
    Command, CreateConference, EndpointUpdate, Extension, HeaderExtension, MediaKind, Semantics,
    SourceDescription, SsrcGroup,
};
use bridge::ids::{ConferenceKey, EndpointKey, WorkerId};
use bridge::io::socket::{Sender, Train, UdpSocket};
use bridge::send_batch::SendBatch;
use bridge::settings::WorkerSettings;
use bridge::worker::Worker;
use media::dtls::Certificate;
use media::ice::{IceCredentials, RemoteCandidate};
use media::srtp::{KeyMaterial, MAX_OVERHEAD, Protector, Side, SrtpProfile, Unprotector};
use media::transport::Transport;
use media::units::{Bitrate, Ssrc};
use rand::SeedableRng;
use rand::rngs::SmallRng;

use ends::Ends;

/// One row of the table.
struct Shape {
    name: &'static str,
    senders: usize,
    receivers: usize,
    /// Packets of one sender that arrive together.
    burst: usize,
    kind: MediaKind,
    len: usize,
}

const SHAPES: [Shape; 5] = [
    shape(
        "4 senders x 16 receivers, frames of 3",
        4,
        16,
        3,
        MediaKind::Video,
        1_100,
    ),
    shape(
        "10 senders x 10 receivers, frames of 3",
        10,
        10,
        3,
        MediaKind::Video,
        1_100,
    ),
    shape(
        "1 sender x 100 receivers, frames of 3",
        1,
        100,
        3,
        MediaKind::Video,
        1_100,
    ),
    shape(
        "audio: 3 senders x 100 receivers",
        3,
        100,
        1,
        MediaKind::Audio,
        120,
    ),
    shape(
        "2 senders x 12 receivers, frames of 10",
        2,
        12,
        10,
        MediaKind::Video,
        1_100,
    ),
];

const fn shape(
    name: &'static str,
    senders: usize,
    receivers: usize,
    burst: usize,
    kind: MediaKind,
    len: usize,
) -> Shape {
    Shape {
        name,
        senders,
        receivers,
        burst,
        kind,
        len,
    }
}

/// How long each side of a row is measured.
const MEASURE: Duration = Duration::from_millis(1_500);
/// Rounds between two looks at the clock.
const ROUNDS: usize = 64;
const CONFERENCE: ConferenceKey = ConferenceKey(1);

struct Peer {
    transport: Transport,
    /// Its socket: nobody reads it, the kernel drops what does not fit.
    address: SocketAddr,
    _socket: std::net::UdpSocket,
    ssrc: u32,
    seq: u16,
    timestamp: u32,
    picture: u16,
    transport_cc: u16,
}

struct Bench {
    worker: Worker,
    socket: UdpSocket,
    bridge: SocketAddr,
    peers: Vec<Peer>,
    batch: SendBatch,
    sender: Sender,
    now: Instant,
    worker_forwarded: u64,
    checks: Vec<(SocketAddr, Vec<u8>)>,
}

fn main() {
    println!("packets forwarded per CPU-second of one core (AEAD_AES_128_GCM, loopback, GSO)");
    println!(
        "{:<42} {:>12} {:>12} {:>8} {:>9}",
        "", "worker", "floor", "ratio", "us/packet"
    );
    let only = std::env::args().nth(1).filter(|a| !a.starts_with('-'));
    let worker_only = std::env::args().any(|a| a == "--worker-only");
    for shape in SHAPES
        .iter()
        .filter(|s| only.as_ref().is_none_or(|o| s.name.contains(o.as_str())))
    {
        // By turns, so that a noisy machine disturbs both alike; the best of each counts.
        let (mut worker, mut floor) = (0.0_f64, 0.0_f64);
        let mut bench = Bench::new(shape);
        for _ in 0..3 {
            if !worker_only {
                floor = floor.max(measure_floor(shape));
            }
            worker = worker.max(bench.measure(shape));
        }
        println!(
            "{:<42} {worker:>12.0} {floor:>12.0} {:>7.2}x {:>9.2}",
            shape.name,
            floor / worker,
            1e6 / worker
        );
    }
}

impl Bench {
    fn new(shape: &Shape) -> Self {
        let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let bridge = socket.local_addr();
        let certificates = [
            Certificate::generate().unwrap(),
            Certificate::generate().unwrap(),
        ];
        let mut settings = WorkerSettings::new(certificates[0].clone(), vec![bridge]);
        settings.initial_bandwidth = Bitrate::from_kbps(10_000_000);
        settings.max_bandwidth = Bitrate::from_kbps(10_000_000);
        let mut bench = Self {
            worker: Worker::new(WorkerId(0), 1, Arc::new(settings), 1),
            socket,
            bridge,
            peers: Vec::new(),
            batch: SendBatch::new(256 * 1024),
            sender: Sender::new(),
            now: Instant::now(),
            worker_forwarded: 0,
            checks: Vec::new(),
        };
        let create = CreateConference {
            conference: CONFERENCE,
            meeting_id: "bench".into(),
            name: None,
        };
        bench
            .worker
            .handle_command(Command::CreateConference(create), bench.now);
        for index in 0..shape.senders + shape.receivers {
            bench.join(index, index < shape.senders, shape.kind, &certificates);
        }
        for _ in 0..20_000 {
            if bench.peers.iter().all(|p| p.transport.is_connected()) {
                break;
            }
            bench.handshake();
        }
        assert!(
            bench.peers.iter().all(|p| p.transport.is_connected()),
            "everyone connects"
        );
        for index in shape.senders..bench.peers.len() {
            let key = EndpointKey(index as u64);
            bench
                .worker
                .handle_command(Command::ChannelOpened(key), bench.now);
            let wants = r#"{"colibriClass":"ReceiverVideoConstraints","lastN":-1,"defaultConstraints":{"maxHeight":720}}"#;
            bench
                .worker
                .handle_command(Command::ChannelText(key, wants.to_owned()), bench.now);
        }
        bench.settle();
        bench
    }

    fn join(
        &mut self,
        index: usize,
        sends: bool,
        kind: MediaKind,
        certificates: &[Certificate; 2],
    ) {
        let mut rng = SmallRng::seed_from_u64(index as u64);
        let socket = sink();
        let address = socket.local_addr().unwrap();
        let client = IceCredentials::generate(&mut rng);
        let worker = IceCredentials {
            ufrag: WorkerId(0).in_ufrag(index as u64),
            ..IceCredentials::generate(&mut rng)
        };
        let ends = Ends {
            address,
            client,
            worker,
            certificates,
        };
        let transport = ends.transport(self.bridge, index as u64, self.now);
        let ssrc = 1_000 + index as u32 * 10;
        let source = SourceDescription {
            name: format!(
                "e{index}-{}0",
                if kind == MediaKind::Audio { 'a' } else { 'v' }
            )
            .as_str()
            .into(),
            kind,
            ssrcs: vec![Ssrc(ssrc), Ssrc(ssrc + 1)],
            groups: vec![SsrcGroup {
                semantics: Semantics::Fid,
                ssrcs: vec![Ssrc(ssrc), Ssrc(ssrc + 1)],
            }],
            video_type: None,
        };
        let update = EndpointUpdate {
            transport: Some(ends.told(vec![RemoteCandidate::host(address)])),
            media: Some(offered::capabilities(extensions())),
            sources: Some(if sends { vec![source] } else { vec![] }),
            ..EndpointUpdate::default()
        };
        let key = EndpointKey(index as u64);
        let create = ends.create(CONFERENCE, WorkerId(0), key, &format!("e{index}"), update);
        self.worker
            .handle_command(Command::CreateEndpoint(Box::new(create)), self.now);
        self.peers.push(Peer {
            transport,
            address,
            _socket: socket,
            ssrc,
            seq: 0,
            timestamp: 0,
            picture: 0,
            transport_cc: 0,
        });
    }

    /// One round of the connecting, in memory, in virtual time.
    fn handshake(&mut self) {
        let mut to_bridge = VecDeque::new();
        for peer in &mut self.peers {
            while let Some(transmit) = peer.transport.poll_transmit() {
                to_bridge.push_back((peer.address, transmit.payload));
            }
        }
        for (from, mut payload) in to_bridge {
            self.worker
                .handle_datagram(&mut payload, from, self.bridge, self.now);
        }
        if self.worker.poll_timeout().is_some_and(|at| at <= self.now) {
            self.worker.handle_timeout(self.now);
        }
        while self.worker.poll_transmit(&mut self.batch, self.now) {
            for run in self.batch.runs() {
                let peer = self.peers.iter_mut().find(|p| p.address == run.to).unwrap();
                for datagram in self.batch.bytes()[run.range.clone()].chunks(run.segment) {
                    let mut buf = datagram.to_vec();
                    let _ = peer.transport.handle_datagram(
                        &mut buf,
                        self.bridge,
                        peer.address,
                        self.now,
                    );
                }
            }
            self.batch.clear();
        }
        self.now += Duration::from_millis(5);
        for peer in &mut self.peers {
            if peer
                .transport
                .poll_timeout()
                .is_some_and(|at| at <= self.now)
            {
                peer.transport.handle_timeout(self.now);
            }
            while peer.transport.poll_event().is_some() {}
        }
    }

    /// Lets go of what the worker has to say.
    fn settle(&mut self) {
        self.worker.handle_timeout(self.now);
        while self.worker.poll_event().is_some() {}
        while self.worker.poll_transmit(&mut self.batch, self.now) {
            self.batch.clear();
        }
    }

    /// Packets forwarded per second of the worker's time.
    fn measure(&mut self, shape: &Shape) -> f64 {
        let mut spent = Duration::ZERO;
        let mut forwarded = 0;
        let mut warm = 2;
        while spent < MEASURE {
            let mut rounds: Vec<Vec<_>> = (0..ROUNDS).map(|_| Vec::new()).collect();
            for input in &mut rounds {
                for peer in &mut self.peers[..shape.senders] {
                    peer.packets(shape, input);
                }
            }
            let before = self.worker_forwarded;
            let begun = cpu_time();
            for input in &mut rounds {
                self.round(input);
            }
            let passed = cpu_time() - begun;
            self.answer_checks();
            while self.worker.poll_event().is_some() {}
            if warm > 0 {
                warm -= 1;
                continue;
            }
            spent += passed;
            forwarded += self.worker_forwarded - before;
        }
        forwarded as f64 / spent.as_secs_f64()
    }

    /// What arrives within 30 ms: as the driver does it.
    fn round(&mut self, input: &mut [(SocketAddr, Vec<u8>)]) {
        self.now += Duration::from_millis(30);
        for (from, packet) in input.iter_mut() {
            self.worker
                .handle_datagram(packet, *from, self.bridge, self.now);
        }
        if self.worker.poll_timeout().is_some_and(|at| at <= self.now) {
            self.worker.handle_timeout(self.now);
        }
        while self.worker.poll_transmit(&mut self.batch, self.now) {
            let bytes = self.batch.bytes();
            for run in self.batch.runs() {
                // Consent is asked for now and then (RFC 7675), and must be given.
                if bytes[run.range.start] < 4 {
                    self.checks
                        .push((run.to, bytes[run.range.clone()].to_vec()));
                } else if bytes[run.range.start + 1] & 0x7f < 64
                    || bytes[run.range.start + 1] & 0x7f > 95
                {
                    self.worker_forwarded += run.datagrams() as u64;
                }
            }
            let trains = self.batch.runs().iter().map(|run| Train {
                destination: run.to,
                payload: &bytes[run.range.clone()],
                segment: run.segment,
            });
            self.sender.send(&mut self.socket, trains);
            self.batch.clear();
        }
    }

    fn answer_checks(&mut self) {
        for (to, mut check) in std::mem::take(&mut self.checks) {
            let peer = self.peers.iter_mut().find(|p| p.address == to).unwrap();
            let _ = peer
                .transport
                .handle_datagram(&mut check, self.bridge, to, self.now);
        }
        for peer in &mut self.peers {
            peer.transport.handle_timeout(self.now);
            while let Some(transmit) = peer.transport.poll_transmit() {
                let mut payload = transmit.payload;
                self.worker
                    .handle_datagram(&mut payload, peer.address, self.bridge, self.now);
            }
            while peer.transport.poll_event().is_some() {}
        }
    }
}

impl Peer {
    /// One burst, encrypted.
    fn packets(&mut self, shape: &Shape, packets: &mut Vec<(SocketAddr, Vec<u8>)>) {
        self.timestamp = self
            .timestamp
            .wrapping_add(if shape.kind == MediaKind::Audio {
                960
            } else {
                3_000
            });
        self.picture = (self.picture + 1) & 0x7fff;
        for part in 0..shape.burst {
            self.seq = self.seq.wrapping_add(1);
            let last = part + 1 == shape.burst;
            let payload_type = if shape.kind == MediaKind::Audio {
                111
            } else {
                100
            };
            let mut packet = vec![0x90, payload_type | u8::from(last) << 7];
            packet.extend(self.seq.to_be_bytes());
            packet.extend(self.timestamp.to_be_bytes());
            packet.extend(self.ssrc.to_be_bytes());
            packet.extend([0xbe, 0xde, 0, 2, 0x51]);
            packet.extend(self.transport_cc.to_be_bytes());
            packet.extend([0x10, 30, 0, 0, 0]);
            self.transport_cc = self.transport_cc.wrapping_add(1);
            if shape.kind == MediaKind::Video {
                let keyframe = self.picture == 1;
                packet.extend([if part == 0 { 0x90 } else { 0x80 }, 0xe0]);
                packet.extend((0x8000 | self.picture).to_be_bytes());
                packet.extend([self.picture as u8, 0]);
                packet.extend([u8::from(!keyframe), 0, 0, 0x9d, 0x01, 0x2a, 0, 5, 0xd0, 2]);
            }
            packet.resize(shape.len.max(packet.len()), 0x55);
            let len = packet.len();
            packet.resize(len + MAX_OVERHEAD, 0);
            let len = self.transport.protect_rtp(&mut packet, len).unwrap();
            packet.truncate(len);
            packets.push((self.address, packet));
        }
    }
}

fn extensions() -> Vec<HeaderExtension> {
    vec![
        HeaderExtension {
            id: 1,
            extension: Extension::AudioLevel,
        },
        HeaderExtension {
            id: 5,
            extension: Extension::TransportCc,
        },
    ]
}

/// Packets per second of a loop that opens each packet once, seals it for each receiver, and sends.
fn measure_floor(shape: &Shape) -> f64 {
    let mut socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let from = socket.local_addr();
    let contexts = |seed: u8| -> (Protector, Unprotector) {
        let profile = SrtpProfile::AeadAes128Gcm;
        let exported = vec![seed; 2 * (profile.key_len() + profile.salt_len())];
        let material = KeyMaterial::split(profile, &exported).unwrap();
        let (protector, _) = material.clone().into_contexts(Side::Client, 64);
        (protector, material.into_contexts(Side::Server, 64).1)
    };
    let mut senders: Vec<_> = (0..shape.senders).map(|i| contexts(i as u8)).collect();
    let mut receivers: Vec<_> = (0..shape.receivers)
        .map(|i| {
            let sink = sink();
            let address = sink.local_addr().unwrap();
            (contexts(100 + i as u8).0, address, sink)
        })
        .collect();
    let mut batch = SendBatch::new(256 * 1024);
    let mut sender = Sender::new();
    let (mut spent, mut sent) = (Duration::ZERO, 0);
    let mut seq = 0_u16;
    let mut warm = 2;
    while spent < MEASURE {
        let mut rounds: Vec<Vec<(usize, Vec<u8>)>> = Vec::new();
        for _ in 0..ROUNDS {
            let mut input = Vec::new();
            for _ in 0..shape.burst {
                seq = seq.wrapping_add(1);
                for (ssrc, (protector, _)) in senders.iter_mut().enumerate() {
                    let mut packet = vec![0x80, 100];
                    packet.extend(seq.to_be_bytes());
                    packet.extend([0; 4]);
                    packet.extend((ssrc as u32 + 1).to_be_bytes());
                    packet.resize(shape.len, 0x55);
                    packet.resize(shape.len + MAX_OVERHEAD, 0);
                    let len = protector.protect_rtp(&mut packet, shape.len).unwrap();
                    packet.truncate(len);
                    input.push((ssrc, packet));
                }
            }
            rounds.push(input);
        }
        let begun = cpu_time();
        let mut packets = 0;
        for input in &mut rounds {
            for (ssrc, packet) in input.iter_mut() {
                let len = senders[*ssrc].1.unprotect_rtp(packet).unwrap();
                packet.truncate(len);
            }
            for (protector, to, _) in &mut receivers {
                for (_, packet) in input.iter() {
                    if !batch.has_room() {
                        packets += flush(&mut batch, &mut sender, &mut socket);
                    }
                    let out = batch.slot().unwrap();
                    out[..packet.len()].copy_from_slice(packet);
                    let len = protector.protect_rtp(out, packet.len()).unwrap();
                    batch.commit(from, *to, len);
                }
            }
            packets += flush(&mut batch, &mut sender, &mut socket);
        }
        if warm > 0 {
            warm -= 1;
            continue;
        }
        spent += cpu_time() - begun;
        sent += packets;
    }
    sent as f64 / spent.as_secs_f64()
}

/// A receiver's socket. Nobody reads it and it has no GRO: the kernel does all of a delivery but the
/// last copy, and takes the segments apart.
fn sink() -> std::net::UdpSocket {
    std::net::UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap()
}

/// Time that this thread spent on a processor: what others on the machine take does not count.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanos = text.split_ascii_whitespace().next().unwrap();
    Duration::from_nanos(nanos.parse().unwrap())
}

fn flush(batch: &mut SendBatch, sender: &mut Sender, socket: &mut UdpSocket) -> u64 {
    let bytes = batch.bytes();
    let trains = batch.runs().iter().map(|run| Train {
        destination: run.to,
        payload: &bytes[run.range.clone()],
        segment: run.segment,
    });
    let sent = sender.send(socket, trains).packets;
    batch.clear();
    sent
}
