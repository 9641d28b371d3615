//! What a change costs in a large conference: CPU of one worker for each join, leave, change of
//! speaker, of constraints and of sources, by the number of endpoints and by last-N.
//!
//! Everyone is connected (ICE, DTLS, in memory), has a microphone and a camera of three encodings,
//! and an open bridge channel. The time is virtual, so that no timer falls into a change. A change
//! that concerns one is the median of many, so that what else the machine does hardly matters; one
//! that has to be told to all, or gives all another picture, is the mean by the processor's time, for
//! each endpoint.
//!
//! `cargo bench -p shoal-bridge --bench conference [-- ENDPOINTS…]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and panics when its premises do not hold"
)]

#[path = "../tests/common/ends.rs"]
mod ends;
#[path = "common/offered.rs"]
mod offered;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bridge::allocation::{Layer, LayerIndex};
use bridge::command::{
    Command, CreateConference, EndpointUpdate, MediaKind, Semantics, SourceDescription, SsrcGroup,
    UpdateEndpoint,
};
use bridge::ids::{ConferenceKey, EndpointKey, SourceKey, WorkerId};
use bridge::message::{ConferenceMessage, DirectoryChange, WorkerMessage};
use bridge::send_batch::SendBatch;
use bridge::settings::WorkerSettings;
use bridge::worker::Worker;
use media::dtls::Certificate;
use media::ice::{IceCredentials, RemoteCandidate};
use media::transport::Transport;
use media::units::{Bitrate, Ssrc};
use rand::SeedableRng;
use rand::rngs::SmallRng;

use ends::Ends;

const SIZES: [usize; 4] = [50, 200, 500, 1_000];
const LAST_N: [usize; 2] = [5, 25];
/// Changes of each kind of which the median is taken.
const CHANGES: usize = 21;
/// How long changes are measured that concern everyone.
const MEASURE: Duration = Duration::from_millis(200);
const CONFERENCE: ConferenceKey = ConferenceKey(1);
const WORKER: WorkerId = WorkerId(0);
/// Steps of the virtual clock.
const STEP: Duration = Duration::from_millis(5);

fn main() {
    let wanted: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let sizes = if wanted.is_empty() {
        SIZES.to_vec()
    } else {
        wanted
    };
    println!("CPU of one worker in microseconds");
    println!("{:>52} | per endpoint", "per change");
    println!(
        "{:>9} {:>6} {:>8} {:>8} {:>8} {:>8} | {:>8} {:>8} {:>8} {:>8} {:>8}",
        "endpoints",
        "last-N",
        "join",
        "leave",
        "wants",
        "mute",
        "speaker",
        "again",
        "unmute",
        "allocate",
        "idle/s"
    );
    for last_n in LAST_N {
        for endpoints in &sizes {
            Room::new(*endpoints, last_n).measure();
        }
    }
}

struct Peer {
    transport: Transport,
    address: SocketAddr,
}

/// A conference on one worker, and the clients' ends of its connections.
struct Room {
    worker: Worker,
    bridge: SocketAddr,
    certificates: [Certificate; 2],
    peers: Vec<Peer>,
    by_address: HashMap<SocketAddr, usize>,
    batch: SendBatch,
    now: Instant,
    size: usize,
    last_n: usize,
}

impl Room {
    fn new(size: usize, last_n: usize) -> Self {
        let bridge = SocketAddr::from(([192, 0, 2, 1], 10_000));
        let certificates = [
            Certificate::generate().unwrap(),
            Certificate::generate().unwrap(),
        ];
        let settings = WorkerSettings::new(certificates[0].clone(), vec![bridge]);
        let mut room = Self {
            worker: Worker::new(WORKER, 1, Arc::new(settings), 1),
            bridge,
            certificates,
            peers: Vec::new(),
            by_address: HashMap::new(),
            batch: SendBatch::new(256 * 1_024),
            now: Instant::now(),
            size,
            last_n,
        };
        let create = CreateConference {
            conference: CONFERENCE,
            meeting_id: "bench".into(),
            name: None,
        };
        room.worker
            .handle_command(Command::CreateConference(create), room.now);
        for _ in 0..size {
            room.join();
        }
        room.connect();
        room
    }

    fn measure(&mut self) {
        let size = self.size;
        let idle = self.idle();
        for owner in (0..size as u64).map(EndpointKey) {
            let source = SourceKey { owner, number: 2 };
            self.hear(ConferenceMessage::Layers(source, layers()));
        }
        let joins = self.median(|room, _| room.join());
        self.connect();
        let leaves = self.median(|room, n| {
            let gone = EndpointKey((size + n) as u64);
            room.worker
                .handle_command(Command::ExpireEndpoint(gone), room.now);
        });
        self.peers.truncate(size);
        let wants = self.median(|room, n| {
            room.want(n, &format!("e{}-v0", (n * 7 + 3) % size));
        });
        // Of one whom nobody watches, then of one whom all do.
        let mute = self.median(|room, n| room.set_sources(size - 1, n % 2 == 1));
        let unmute = self.mean(|room, n| room.set_sources(2, n % 2 == 1));
        let speaker = self.mean(|room, n| room.speak(n % size, (n + size - 1) % size));
        let again = self.mean(|room, n| room.speak(n % 2, (n + 1) % 2));
        let allocate = self.mean(|room, n| {
            let limit = Command::LimitLastN(Some(1_000 - n as u32 % 2));
            room.worker.handle_command(limit, room.now);
        });
        let each = |all: f64| all / size as f64;
        println!(
            "{size:>9} {:>6} {joins:>8.1} {leaves:>8.1} {wants:>8.1} {mute:>8.1} | {:>8.2} {:>8.2} {:>8.2} {:>8.2} {idle:>8.1}",
            self.last_n,
            each(speaker),
            each(again),
            each(unmute),
            each(allocate),
        );
    }

    /// Median of what a change takes with all that follows from it at once.
    fn median(&mut self, mut change: impl FnMut(&mut Self, usize)) -> f64 {
        self.run_for(Duration::from_secs(1));
        let mut taken: Vec<_> = (0..CHANGES)
            .map(|n| {
                self.settle();
                let begun = Instant::now();
                change(self, n);
                self.settle();
                begun.elapsed()
            })
            .collect();
        taken.sort();
        taken[CHANGES / 2].as_secs_f64() * 1e6
    }

    /// Mean of what a change takes that takes all endpoints' time, with all that follows at once.
    fn mean(&mut self, mut change: impl FnMut(&mut Self, usize)) -> f64 {
        self.run_for(Duration::from_secs(1));
        self.settle();
        let begun = cpu_time();
        let mut count = 0;
        loop {
            change(self, count);
            self.settle();
            count += 1;
            let spent = cpu_time() - begun;
            if spent >= MEASURE && count >= CHANGES {
                return spent.as_secs_f64() * 1e6 / count as f64;
            }
        }
    }

    /// What follows at once, without what it would send.
    fn settle(&mut self) {
        while self.worker.poll_timeout().is_some_and(|at| at <= self.now) {
            self.worker.handle_timeout(self.now);
        }
        while self.worker.poll_transmit(&mut self.batch, self.now) {
            self.batch.clear();
        }
        while self.worker.poll_event().is_some() {}
    }

    fn join(&mut self) {
        let index = self.peers.len();
        let mut rng = SmallRng::seed_from_u64(index as u64);
        let address = SocketAddr::from(([198, 51, (index >> 8) as u8, index as u8], 4_000));
        let client = IceCredentials::generate(&mut rng);
        let worker = IceCredentials {
            ufrag: WORKER.in_ufrag(index as u64),
            ..IceCredentials::generate(&mut rng)
        };
        let ends = Ends {
            address,
            client,
            worker,
            certificates: &self.certificates,
        };
        let transport = ends.transport(self.bridge, index as u64, self.now);
        let update = EndpointUpdate {
            transport: Some(ends.told(vec![RemoteCandidate::host(address)])),
            media: Some(offered::capabilities(vec![])),
            sources: Some(sources(index, true)),
            ..EndpointUpdate::default()
        };
        let key = EndpointKey(index as u64);
        let create = ends.create(CONFERENCE, WORKER, key, &format!("e{index}"), update);
        self.worker
            .handle_command(Command::CreateEndpoint(Box::new(create)), self.now);
        self.worker
            .handle_command(Command::ChannelOpened(key), self.now);
        self.want(index, &format!("e{}-v0", index % 7));
        self.by_address.insert(address, index);
        self.peers.push(Peer { transport, address });
    }

    /// As a client in stage view says it.
    fn want(&mut self, index: usize, on_stage: &str) {
        let text = format!(
            r#"{{"colibriClass":"ReceiverVideoConstraints","lastN":{},"onStageSources":["{on_stage}"],"defaultConstraints":{{"maxHeight":180}},"constraints":{{"{on_stage}":{{"maxHeight":720}}}}}}"#,
            self.last_n
        );
        let key = EndpointKey(index as u64);
        self.worker
            .handle_command(Command::ChannelText(key, text), self.now);
    }

    fn set_sources(&mut self, index: usize, camera: bool) {
        let update = UpdateEndpoint {
            endpoint: EndpointKey(index as u64),
            update: EndpointUpdate {
                sources: Some(sources(index, camera)),
                ..EndpointUpdate::default()
            },
        };
        self.worker
            .handle_command(Command::UpdateEndpoint(Box::new(update)), self.now);
    }

    fn speak(&mut self, speaker: usize, before: usize) {
        let speaker = Some(EndpointKey(speaker as u64));
        let change = DirectoryChange::Speaker(speaker, [EndpointKey(before as u64)].into());
        self.hear(ConferenceMessage::Change(WORKER, change));
    }

    fn hear(&mut self, message: ConferenceMessage) {
        let message = WorkerMessage::Conference(CONFERENCE, message);
        self.worker.handle_message(message, self.now);
    }

    fn connect(&mut self) {
        for _ in 0..100 {
            self.run_for(Duration::from_millis(500));
            if self.peers.iter().all(|p| p.transport.is_connected()) {
                return;
            }
        }
        panic!("everyone connects");
    }

    /// Microseconds that an endpoint costs in a second in which nothing is sent.
    fn idle(&mut self) -> f64 {
        self.run_for(Duration::from_secs(5));
        let seconds = 2;
        let runs = (0..3).map(|_| self.run_for(Duration::from_secs(seconds)));
        let best = runs.min().unwrap();
        best.as_secs_f64() * 1e6 / seconds as f64 / self.size as f64
    }

    /// Moves the virtual clock on. Returns the worker's own time.
    fn run_for(&mut self, time: Duration) -> Duration {
        let end = self.now + time;
        let mut spent = Duration::ZERO;
        while self.now < end {
            self.now += STEP;
            let mut to_bridge = Vec::new();
            for peer in &mut self.peers {
                if peer
                    .transport
                    .poll_timeout()
                    .is_some_and(|at| at <= self.now)
                {
                    peer.transport.handle_timeout(self.now);
                }
                while peer.transport.poll_event().is_some() {}
                while let Some(transmit) = peer.transport.poll_transmit() {
                    to_bridge.push((peer.address, transmit.payload));
                }
            }
            let begun = Instant::now();
            for (from, payload) in &mut to_bridge {
                self.worker
                    .handle_datagram(payload, *from, self.bridge, self.now);
            }
            if self.worker.poll_timeout().is_some_and(|at| at <= self.now) {
                self.worker.handle_timeout(self.now);
            }
            spent += begun.elapsed();
            loop {
                let begun = Instant::now();
                let more = self.worker.poll_transmit(&mut self.batch, self.now);
                spent += begun.elapsed();
                if !more {
                    break;
                }
                self.deliver();
            }
            while self.worker.poll_event().is_some() {}
        }
        spent
    }

    fn deliver(&mut self) {
        for run in self.batch.runs() {
            let Some(peer) = self
                .by_address
                .get(&run.to)
                .and_then(|at| self.peers.get_mut(*at))
            else {
                continue;
            };
            for datagram in self.batch.bytes()[run.range.clone()].chunks(run.segment) {
                let mut buf = datagram.to_vec();
                let (bridge, own, now) = (self.bridge, peer.address, self.now);
                let _ = peer.transport.handle_datagram(&mut buf, bridge, own, now);
            }
        }
        self.batch.clear();
    }
}

/// Time that this thread spent on a processor, to some milliseconds: what others on the machine take
/// does not count.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanos = text.split_ascii_whitespace().next().unwrap();
    Duration::from_nanos(nanos.parse().unwrap())
}

fn sources(index: usize, camera: bool) -> Vec<SourceDescription> {
    let first = 1_000 + index as u32 * 10;
    let mut sources = vec![SourceDescription {
        name: format!("e{index}-a0").as_str().into(),
        kind: MediaKind::Audio,
        ssrcs: vec![Ssrc(first)],
        groups: vec![],
        video_type: None,
    }];
    if camera {
        let ssrcs: Vec<_> = (first + 1..first + 7).map(Ssrc).collect();
        let group = |semantics, at: &[usize]| SsrcGroup {
            semantics,
            ssrcs: at.iter().map(|at| ssrcs[*at]).collect(),
        };
        sources.push(SourceDescription {
            name: format!("e{index}-v0").as_str().into(),
            kind: MediaKind::Video,
            groups: vec![
                group(Semantics::Sim, &[0, 2, 4]),
                group(Semantics::Fid, &[0, 1]),
                group(Semantics::Fid, &[2, 3]),
                group(Semantics::Fid, &[4, 5]),
            ],
            ssrcs: ssrcs.clone(),
            video_type: None,
        });
    }
    sources
}

/// Three encodings of three temporal layers each.
fn layers() -> Arc<[Layer]> {
    let layer = |encoding: u8, temporal: u8| Layer {
        index: LayerIndex {
            encoding,
            spatial: 0,
            temporal,
        },
        height: 180 << encoding,
        frame_rate: 7.5 * f32::from(1_u8 << temporal),
        bitrate: Bitrate::from_kbps(
            [50, 200, 800][usize::from(encoding)] * (1 + u64::from(temporal)),
        ),
    };
    (0..3)
        .flat_map(|encoding| (0..3).map(move |temporal| layer(encoding, temporal)))
        .collect()
}
