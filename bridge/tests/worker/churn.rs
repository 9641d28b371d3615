//! An hour in which people come and go, mute, look at others, lose their channels and their paths:
//! what a worker holds does not grow, and every packet is accounted for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use bridge::command::{Command, CreateConference, EndpointUpdate, UpdateEndpoint};
use bridge::command::{MediaKind, Semantics, SourceDescription, SsrcGroup};
use bridge::event::Event;
use bridge::ids::{EndpointKey, WorkerId};
use bridge::send_batch::SendBatch;
use bridge::settings::WorkerSettings;
use bridge::statistics::{Counters, DropReason, Drops};
use bridge::worker::Worker;
use media::dtls::Certificate;
use media::ice::{IceCredentials, RemoteCandidate};
use media::srtp::MAX_OVERHEAD;
use media::transport::Transport;
use media::units::Ssrc;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::client::{LEVEL_ID, OPUS, VP8};
use crate::ends::Ends;
use crate::world::{CONFERENCE, capabilities};

const PEOPLE: usize = 8;
const STEP: Duration = Duration::from_millis(50);
const WORKER: WorkerId = WorkerId(0);

struct Peer {
    key: EndpointKey,
    place: usize,
    transport: Transport,
    address: SocketAddr,
    seq: u16,
    /// Its path is dead: nothing of it arrives, and nothing reaches it.
    lost: bool,
    camera: bool,
    loud: bool,
}

struct Churn {
    worker: Worker,
    certificates: [Certificate; 2],
    bridge: SocketAddr,
    peers: Vec<Peer>,
    batch: SendBatch,
    now: Instant,
    rng: SmallRng,
    next: u64,
    step: u64,
    /// Bytes that the worker holds more than at the start.
    held: i64,
    media_sent: u64,
    failed: usize,
    changes: HashMap<&'static str, usize>,
}

impl Churn {
    fn new() -> Self {
        let bridge = SocketAddr::from(([192, 0, 2, 1], 10_000));
        let certificates = [(); 2].map(|()| Certificate::generate().unwrap());
        let mut settings = WorkerSettings::new(certificates[0].clone(), vec![bridge]);
        settings.ssrc_slots = 5;
        let mut churn = Self {
            worker: Worker::new(WORKER, 1, Arc::new(settings), 1),
            certificates,
            bridge,
            peers: Vec::new(),
            batch: SendBatch::new(256 * 1_024),
            now: Instant::now(),
            rng: SmallRng::seed_from_u64(11),
            next: 0,
            step: 0,
            held: 0,
            media_sent: 0,
            failed: 0,
            changes: HashMap::new(),
        };
        churn.command(Command::CreateConference(CreateConference {
            conference: CONFERENCE,
            meeting_id: "m".into(),
            name: None,
        }));
        churn
    }

    /// Has the worker do something, and notes what it holds after.
    fn with_worker(&mut self, work: impl FnOnce(&mut Worker, &mut Vec<EndpointKey>, Instant)) {
        let mut failed = Vec::new();
        let (worker, now) = (&mut self.worker, self.now);
        let allocated = measure(|| {
            work(worker, &mut failed, now);
            while let Some(event) = worker.poll_event() {
                if let Event::EndpointFailed { endpoint, .. } = event {
                    failed.push(endpoint);
                }
            }
        });
        self.held += allocated.bytes_current;
        // The list itself lives here.
        self.held -= (failed.capacity() * size_of::<EndpointKey>()) as i64;
        for key in failed {
            self.failed += 1;
            self.expire(key);
        }
    }

    fn command(&mut self, command: Command) {
        // What an order brings along belongs to the worker from here on.
        let mut order = Some(command);
        self.with_worker(|worker, _, now| {
            let order = order.take().unwrap();
            worker.handle_command(order, now);
        });
    }

    fn expire(&mut self, key: EndpointKey) {
        self.peers.retain(|p| p.key != key);
        self.command(Command::ExpireEndpoint(key));
    }

    fn join(&mut self) {
        self.next += 1;
        let (key, next) = (EndpointKey(self.next), self.next);
        let taken: Vec<_> = self.peers.iter().map(|p| p.place).collect();
        let place = (0..).find(|place| !taken.contains(place)).unwrap();
        let address = SocketAddr::from(([198, 51, 100, place as u8], 1_024 + next as u16 % 60_000));
        let client = IceCredentials::generate(&mut self.rng);
        let local = IceCredentials {
            ufrag: WORKER.in_ufrag(next),
            ..IceCredentials::generate(&mut self.rng)
        };
        let certificates = self.certificates.clone();
        let ends = Ends {
            address,
            client,
            worker: local,
            certificates: &certificates,
        };
        let transport = ends.transport(self.bridge, next, self.now);
        // Made inside, so that what the worker frees of it was counted when it was made.
        self.with_worker(|worker, _, now| {
            let update = EndpointUpdate {
                transport: Some(ends.told(vec![RemoteCandidate::host(address)])),
                media: Some(capabilities(place % 2 == 0)),
                sources: Some(sources(place, true)),
                ..EndpointUpdate::default()
            };
            let mut create = ends.create(CONFERENCE, WORKER, key, &format!("e{place}"), update);
            create.ssrc_rewriting = place % 4 != 0;
            worker.handle_command(Command::CreateEndpoint(Box::new(create)), now);
            worker.handle_command(Command::ChannelOpened(key), now);
        });
        self.peers.push(Peer {
            key,
            place,
            transport,
            address,
            seq: 0,
            lost: false,
            camera: true,
            loud: false,
        });
        self.want(self.peers.len() - 1);
    }

    fn want(&mut self, at: usize) {
        let key = self.peers[at].key;
        let on_stage = self.rng.random_range(0..PEOPLE);
        let last_n = [-1, 1, 3, 5][self.rng.random_range(0..4)];
        self.with_worker(|worker, _, now| {
            let text = format!(
                r#"{{"colibriClass":"ReceiverVideoConstraints","lastN":{last_n},"onStageSources":["e{on_stage}-v0"],"defaultConstraints":{{"maxHeight":180}}}}"#
            );
            worker.handle_command(Command::ChannelText(key, text), now);
        });
    }

    /// Something happens to somebody.
    fn change(&mut self) {
        let at = self.rng.random_range(0..self.peers.len());
        let (key, place) = (self.peers[at].key, self.peers[at].place);
        let what = match self.rng.random_range(0..12) {
            0..3 => {
                self.expire(key);
                "leave"
            }
            3 => {
                self.peers[at].lost = true;
                "lost path"
            }
            4..6 => {
                let camera = !self.peers[at].camera;
                self.peers[at].camera = camera;
                self.with_worker(|worker, _, now| {
                    let update = UpdateEndpoint {
                        endpoint: key,
                        update: EndpointUpdate {
                            sources: Some(sources(place, camera)),
                            ..EndpointUpdate::default()
                        },
                    };
                    worker.handle_command(Command::UpdateEndpoint(Box::new(update)), now);
                });
                "mute"
            }
            6..8 => {
                self.want(at);
                "switch"
            }
            8 => {
                self.with_worker(|worker, _, now| {
                    worker.handle_command(Command::ChannelClosed(key), now);
                    worker.handle_command(Command::ChannelOpened(key), now);
                });
                "channel loss"
            }
            9 => {
                let limit = self.rng.random_bool(0.5).then_some(2);
                self.command(Command::LimitLastN(limit));
                "overload"
            }
            _ => {
                for peer in &mut self.peers {
                    peer.loud = peer.place == place;
                }
                "speaker"
            }
        };
        *self.changes.entry(what).or_default() += 1;
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            self.step += 1;
            let mut arriving = Vec::new();
            for peer in &mut self.peers {
                while peer.transport.poll_event().is_some() {}
                if peer
                    .transport
                    .poll_timeout()
                    .is_some_and(|at| at <= self.now)
                {
                    peer.transport.handle_timeout(self.now);
                }
                if peer.transport.is_connected() {
                    self.media_sent += peer.send(self.step, &mut arriving);
                }
                while let Some(transmit) = peer.transport.poll_transmit() {
                    if !peer.lost {
                        arriving.push((peer.address, transmit.payload));
                    }
                }
            }
            let bridge = self.bridge;
            self.with_worker(|worker, _, now| {
                for (from, payload) in &mut arriving {
                    worker.handle_datagram(payload, *from, bridge, now);
                }
                if worker.poll_timeout().is_some_and(|at| at <= now) {
                    worker.handle_timeout(now);
                }
            });
            self.deliver();
        }
    }

    fn deliver(&mut self) {
        loop {
            let mut batch = std::mem::replace(&mut self.batch, SendBatch::new(0));
            let mut more = false;
            self.with_worker(|worker, _, now| more = worker.poll_transmit(&mut batch, now));
            for run in batch.runs() {
                let Some(peer) = self
                    .peers
                    .iter_mut()
                    .find(|p| p.address == run.to && !p.lost)
                else {
                    continue;
                };
                for datagram in batch.bytes()[run.range.clone()].chunks(run.segment) {
                    let mut buf = datagram.to_vec();
                    let own = peer.address;
                    let _ = peer
                        .transport
                        .handle_datagram(&mut buf, self.bridge, own, self.now);
                }
            }
            batch.clear();
            self.batch = batch;
            if !more {
                return;
            }
        }
    }

    fn statistics(&mut self) -> (Counters, Drops) {
        let order = Command::CollectStatistics { endpoints: false };
        self.worker.handle_command(order, self.now);
        loop {
            if let Some(Event::Statistics(told)) = self.worker.poll_event() {
                return (told.counters, told.drops);
            }
        }
    }
}

impl Peer {
    /// What its microphone and camera send in a step. Returns how many packets arrive.
    fn send(&mut self, step: u64, arriving: &mut Vec<(SocketAddr, Vec<u8>)>) -> u64 {
        let first = first_ssrc(self.place);
        let mut packets = Vec::new();
        let audio = u8::from(step.is_multiple_of(2));
        let video = u8::from(self.camera && step.is_multiple_of(4));
        for (count, payload_type, ssrc) in [(audio, OPUS, first), (video, VP8, first + 1)] {
            if count == 0 {
                continue;
            }
            self.seq = self.seq.wrapping_add(1);
            let mut packet = vec![0x90, payload_type | 0x80];
            packet.extend((step as u16).to_be_bytes());
            packet.extend((step as u32 * 4_500).to_be_bytes());
            packet.extend(ssrc.to_be_bytes());
            let level = if self.loud { 20 } else { 110 };
            packet.extend([0xbe, 0xde, 0, 1, LEVEL_ID << 4, level, 0, 0]);
            if payload_type == VP8 {
                // A keyframe each time, of 320 × 180.
                packet.extend([0x90, 0x80]);
                packet.extend([step as u8 & 0x7f, 0, 0, 0, 0x9d, 0x01, 0x2a, 64, 1, 180, 0]);
            }
            packet.resize(200, 0x55);
            packets.push(packet);
        }
        if self.lost {
            return 0;
        }
        let sent = packets.len() as u64;
        for mut packet in packets {
            let len = packet.len();
            packet.resize(len + MAX_OVERHEAD, 0);
            let len = self.transport.protect_rtp(&mut packet, len).unwrap();
            packet.truncate(len);
            arriving.push((self.address, packet));
        }
        sent
    }
}

fn first_ssrc(place: usize) -> u32 {
    1_000 + place as u32 * 10
}

fn sources(place: usize, camera: bool) -> Vec<SourceDescription> {
    let first = first_ssrc(place);
    let mut sources = vec![SourceDescription {
        name: format!("e{place}-a0").as_str().into(),
        kind: MediaKind::Audio,
        ssrcs: vec![Ssrc(first)],
        groups: vec![],
        video_type: None,
    }];
    if camera {
        sources.push(SourceDescription {
            name: format!("e{place}-v0").as_str().into(),
            kind: MediaKind::Video,
            ssrcs: vec![Ssrc(first + 1), Ssrc(first + 2)],
            groups: vec![SsrcGroup {
                semantics: Semantics::Fid,
                ssrcs: vec![Ssrc(first + 1), Ssrc(first + 2)],
            }],
            video_type: None,
        });
    }
    sources
}

/// Least squares: bytes per sample.
fn slope(samples: &[f64]) -> f64 {
    let count = samples.len() as f64;
    let middle = (count - 1.0) / 2.0;
    let mean = samples.iter().sum::<f64>() / count;
    let (mut above, mut below) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let distance = at as f64 - middle;
        above += distance * (sample - mean);
        below += distance * distance;
    }
    above / below
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "what is held, and how it grows, is of interest"
)]
fn an_hour_of_coming_and_going_leaves_nothing_behind_and_every_packet_is_accounted_for() {
    let mut churn = Churn::new();
    let (mut held, mut most) = (Vec::new(), 0);
    for minute in 0..60 {
        for _ in 0..6 {
            while churn.peers.len() < PEOPLE {
                churn.join();
            }
            churn.run_for(Duration::from_secs(8));
            churn.change();
            churn.run_for(Duration::from_secs(2));
        }
        // Samples are taken when all have left: what is held then is there to be used again.
        most = most.max(churn.held);
        for key in churn.peers.iter().map(|p| p.key).collect::<Vec<_>>() {
            churn.expire(key);
        }
        churn.run_for(Duration::from_secs(2));
        if minute >= 10 {
            held.push(churn.held as f64);
        }
    }
    let mean = held.iter().sum::<f64>() / held.len() as f64;
    // A few buffers of packets more or less are free at a time: the least of each five minutes.
    let least = held
        .chunks(5)
        .map(|five| five.iter().copied().fold(f64::MAX, f64::min));
    let slope = slope(&least.collect::<Vec<_>>()) / 5.0;
    let (counters, drops) = churn.statistics();
    println!(
        "{:.0} KiB held with all, {:.0} KiB without, {slope:+.1} bytes a minute; {} connected, {} lost their path, {:?}; \
         {} packets received, {} passed to receivers, {} forwarded",
        most as f64 / 1_024.0,
        mean / 1_024.0,
        counters.endpoints_connected,
        churn.failed,
        churn.changes,
        counters.media_packets_received,
        counters.media_packets_offered,
        counters.media_packets_forwarded,
    );
    assert!(slope.abs() < 50.0, "{slope} bytes a minute: {held:?}");

    assert_eq!(counters.media_packets_received, churn.media_sent);
    let sum = |reasons: &[DropReason]| reasons.iter().map(|r| drops.get(*r)).sum::<u64>();
    let refused = sum(&[
        DropReason::UnknownSsrc,
        DropReason::UnknownPayloadType,
        DropReason::Duplicate,
        DropReason::Malformed,
    ]);
    assert_eq!(
        counters.media_packets_received,
        counters.media_packets_accepted + refused
    );
    let withheld = sum(&[
        DropReason::Unwanted,
        DropReason::NoSlot,
        DropReason::Layer,
        DropReason::AwaitingKeyframe,
        DropReason::BeforeSwitch,
        DropReason::Silence,
        DropReason::BadDescriptor,
        DropReason::CodecNotNegotiated,
        DropReason::NotProtected,
        DropReason::TooLarge,
    ]);
    assert!(counters.media_packets_forwarded > 100_000);
    assert_eq!(
        counters.media_packets_offered,
        counters.media_packets_forwarded + withheld,
        "{:?}",
        drops
            .iter()
            .filter(|(_, count)| *count > 0)
            .collect::<Vec<_>>()
    );
}
