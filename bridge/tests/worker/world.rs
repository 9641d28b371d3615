//! Workers, clients, the network between them, and the clock.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bridge::command::{
    Codec, Command, CreateConference, EndpointUpdate, Extension, Feedback, HeaderExtension,
    MediaCapabilities, MediaKind, PayloadType, Semantics, SourceDescription, SsrcGroup,
    UpdateEndpoint,
};
use bridge::event::Event;
use bridge::ids::{ConferenceKey, EndpointKey, WorkerId};
use bridge::send_batch::SendBatch;
use bridge::settings::WorkerSettings;
use bridge::statistics::WorkerStatistics;
use bridge::worker::Worker;
use media::dtls::Certificate;
use media::ice::{IceCredentials, RemoteCandidate};
use media::simnet::{Link, SimNet};
use media::transport::{self, Setup};
use media::units::Ssrc;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use crate::client::{Client, LEVEL_ID, OPUS, RTX, TCC_ID, VP8};
use crate::ends::Ends;
use crate::picture::Encoder;

static CERTIFICATES: LazyLock<[Certificate; 2]> = LazyLock::new(|| {
    [
        Certificate::generate().unwrap(),
        Certificate::generate().unwrap(),
    ]
});

pub(crate) const CONFERENCE: ConferenceKey = ConferenceKey(0xc0ffee);

/// How a client is.
#[derive(Clone, Copy)]
pub(crate) struct Traits {
    pub rewriting: bool,
    pub encodings: u8,
    pub rtx: bool,
    pub packets_per_frame: usize,
    pub packet_len: usize,
    pub visitor: bool,
}

impl Default for Traits {
    fn default() -> Self {
        Self {
            rewriting: true,
            encodings: 3,
            rtx: true,
            packets_per_frame: 1,
            packet_len: 500,
            visitor: false,
        }
    }
}

pub(crate) struct World {
    pub workers: Vec<Worker>,
    pub clients: Vec<Client>,
    pub net: SimNet,
    pub now: Instant,
    pub events: Vec<Event>,
    pub bridge: SocketAddr,
    batch: SendBatch,
    rng: SmallRng,
    next_key: u64,
    rejoined: usize,
}

impl World {
    pub(crate) fn new(workers: usize, link: Link) -> Self {
        let bridge = SocketAddr::from(([192, 0, 2, 1], 10_000));
        let mut settings = WorkerSettings::new(CERTIFICATES[0].clone(), vec![bridge]);
        settings.max_bandwidth = media::units::Bitrate::from_kbps(20_000);
        let settings = Arc::new(settings);
        let make = |id| Worker::new(WorkerId(id as u16), workers, settings.clone(), 5);
        let mut world = Self {
            workers: (0..workers).map(make).collect(),
            clients: Vec::new(),
            net: SimNet::new(9, link),
            now: Instant::now(),
            events: Vec::new(),
            bridge,
            batch: SendBatch::new(128 * 1024),
            rng: SmallRng::seed_from_u64(3),
            next_key: 0,
            rejoined: 0,
        };
        let create = CreateConference {
            conference: CONFERENCE,
            meeting_id: "m".into(),
            name: None,
        };
        world.command(WorkerId(0), Command::CreateConference(create));
        world
    }

    /// Clients that are connected, all of one kind, spread over the workers, and their channels open.
    pub(crate) fn call(workers: usize, clients: usize, link: Link, traits: Traits) -> Self {
        let mut world = Self::new(workers, link);
        for _ in 0..clients {
            world.join(traits);
        }
        world.run_until(20.0, |w| w.clients.iter().all(|c| c.connected));
        for index in 0..clients {
            world.open_channel(index);
        }
        world
    }

    pub(crate) fn join(&mut self, traits: Traits) -> usize {
        let index = self.clients.len();
        let (client, create) = self.describe(index, 0, traits);
        self.clients.push(client);
        self.command(create.0, create.1);
        index
    }

    /// The endpoint of a client is made anew, with the same name and sources, at another worker.
    pub(crate) fn rejoin(&mut self, index: usize, traits: Traits) {
        self.rejoined += 1;
        let (client, create) = self.describe(index, self.rejoined, traits);
        self.clients[index] = client;
        self.command(create.0, create.1);
    }

    fn describe(
        &mut self,
        index: usize,
        life: usize,
        traits: Traits,
    ) -> (Client, (WorkerId, Command)) {
        let tag = index as u8 + 1;
        let id = format!("client{tag}");
        self.next_key += 1;
        let key = EndpointKey(self.next_key);
        let worker = WorkerId(((index + life) % self.workers.len()) as u16);
        let port = 40_000 + u16::from(tag) + life as u16 * 100;
        let addr = SocketAddr::from(([198, 51, 100, tag], port));
        let mut client = IceCredentials::generate(&mut self.rng);
        client.ufrag = format!("cl{tag:02}");
        let local = IceCredentials {
            ufrag: worker.in_ufrag(self.next_key * 977),
            ..IceCredentials::generate(&mut self.rng)
        };
        let ends = Ends {
            address: addr,
            client,
            worker: local,
            certificates: &CERTIFICATES,
        };
        let transport = ends.transport(self.bridge, u64::from(tag), self.now);
        let encoders = encoders(tag, traits);
        let client = Client::new(&id, tag, key, worker, addr, transport, encoders, self.now);
        let update = EndpointUpdate {
            transport: Some(ends.told(vec![])),
            media: Some(capabilities(traits.rtx)),
            sources: Some(sources(&client)),
            force_mute: None,
            initial_last_n: None,
        };
        let mut create = ends.create(CONFERENCE, WorkerId(0), key, &id, update);
        create.ssrc_rewriting = traits.rewriting;
        create.visitor = traits.visitor;
        if !traits.rewriting {
            for other in &mut self.clients {
                note_rtx(other, &client);
            }
        }
        let mut client = client;
        if !traits.rewriting {
            for other in &self.clients {
                note_rtx(&mut client, other);
            }
        }
        (client, (worker, Command::CreateEndpoint(Box::new(create))))
    }

    /// A client that had none begins to send video.
    pub(crate) fn add_camera(&mut self, index: usize, traits: Traits) {
        let client = &mut self.clients[index];
        client.encoders = encoders(client.tag, traits);
        let update = EndpointUpdate {
            sources: Some(sources(client)),
            ..EndpointUpdate::default()
        };
        let (worker, endpoint) = (client.worker, client.key);
        let update = Box::new(UpdateEndpoint { endpoint, update });
        self.command(worker, Command::UpdateEndpoint(update));
    }

    /// What signalling would say of the bridge, but for the credentials.
    pub(crate) fn signalled_bridge(&self) -> transport::RemoteTransport {
        transport::RemoteTransport {
            credentials: IceCredentials {
                ufrag: String::new(),
                pwd: String::new(),
            },
            candidates: vec![RemoteCandidate::host(self.bridge)],
            fingerprints: vec![CERTIFICATES[0].fingerprint().clone()],
            setup: Setup::Actpass,
        }
    }

    pub(crate) fn command(&mut self, worker: WorkerId, command: Command) {
        self.workers[worker.index()].handle_command(command, self.now);
        self.drain();
    }

    pub(crate) fn open_channel(&mut self, client: usize) {
        let (worker, key) = (self.clients[client].worker, self.clients[client].key);
        self.command(worker, Command::ChannelOpened(key));
    }

    /// A client says something on its channel.
    pub(crate) fn say(&mut self, client: usize, text: serde_json::Value) {
        let (worker, key) = (self.clients[client].worker, self.clients[client].key);
        self.command(worker, Command::ChannelText(key, text.to_string()));
    }

    /// A client wants to see everyone up to a height.
    pub(crate) fn watch(&mut self, client: usize, height: i32) {
        let wants = serde_json::json!({
            "colibriClass": "ReceiverVideoConstraints",
            "lastN": -1,
            "defaultConstraints": {"maxHeight": height},
        });
        self.say(client, wants);
    }

    /// Everyone wants to see everyone.
    pub(crate) fn watch_all(&mut self, height: i32) {
        for client in 0..self.clients.len() {
            self.watch(client, height);
        }
    }

    pub(crate) fn leave(&mut self, client: usize) {
        let (worker, key) = (self.clients[client].worker, self.clients[client].key);
        self.command(worker, Command::ExpireEndpoint(key));
    }

    pub(crate) fn statistics(&mut self, worker: usize) -> WorkerStatistics {
        self.command(
            WorkerId(worker as u16),
            Command::CollectStatistics { endpoints: true },
        );
        let at = self
            .events
            .iter()
            .rposition(|e| matches!(e, Event::Statistics(_)))
            .unwrap();
        match self.events.remove(at) {
            Event::Statistics(statistics) => *statistics,
            _ => unreachable!(),
        }
    }

    /// Begins anew with so few SSRC slots for each receiver.
    pub(crate) fn set_slots(&mut self, slots: usize) {
        let mut settings = WorkerSettings::new(CERTIFICATES[0].clone(), vec![self.bridge]);
        settings.ssrc_slots = slots;
        let settings = Arc::new(settings);
        let workers = self.workers.len();
        for (id, worker) in self.workers.iter_mut().enumerate() {
            *worker = Worker::new(WorkerId(id as u16), workers, settings.clone(), 5);
        }
        let create = CreateConference {
            conference: CONFERENCE,
            meeting_id: "m".into(),
            name: None,
        };
        self.command(WorkerId(0), Command::CreateConference(create));
    }

    /// The link from the bridge to one client.
    pub(crate) fn set_downlink(&mut self, client: usize, link: Link) {
        let (from, to): (IpAddr, IpAddr) = (self.bridge.ip(), self.clients[client].addr.ip());
        self.net.set_link(from, to, link);
    }

    pub(crate) fn run_until(&mut self, seconds: f64, condition: impl Fn(&World) -> bool) {
        let end = self.now + Duration::from_secs_f64(seconds);
        while !condition(self) {
            assert!(self.step(end), "not within {seconds} s: {:?}", self.events);
        }
    }

    pub(crate) fn run_for(&mut self, seconds: f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        while self.step(end) {}
        self.now = end;
    }

    fn step(&mut self, end: Instant) -> bool {
        let next = (self.workers.iter_mut().filter_map(Worker::poll_timeout))
            .chain(self.clients.iter_mut().map(Client::poll_timeout))
            .chain(self.net.poll_timeout())
            .min();
        let Some(next) = next.filter(|next| *next <= end) else {
            return false;
        };
        self.now = self.now.max(next);
        let now = self.now;
        while let Some(datagram) = self.net.poll_receive(now) {
            if datagram.to == self.bridge {
                // As SO_REUSEPORT does: by the sender's address, whoever owns it.
                let at = usize::from(datagram.from.port()) / 2 % self.workers.len();
                let mut buf = datagram.payload;
                self.workers[at].handle_datagram(&mut buf, datagram.from, datagram.to, now);
            } else if let Some(client) = self.clients.iter_mut().find(|c| c.addr == datagram.to) {
                client.handle_datagram(&datagram.payload, datagram.from, now);
            }
        }
        for worker in &mut self.workers {
            if worker.poll_timeout().is_some_and(|at| at <= now) {
                worker.handle_timeout(now);
            }
        }
        for client in &mut self.clients {
            if client.poll_timeout() <= now {
                client.handle_timeout(now);
            }
        }
        self.drain();
        true
    }

    /// Runs on for so many seconds, and counts media datagrams, and the allocations that the
    /// workers make to take them in and send what follows from them.
    pub(crate) fn forward_counted(&mut self, seconds: f64) -> (usize, u64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        let mut counted = (0, 0);
        let mut media = Vec::new();
        while self.now < end {
            self.now = (self.now + Duration::from_millis(1)).min(end);
            let now = self.now;
            while let Some(datagram) = self.net.poll_receive(now) {
                if datagram.to != self.bridge {
                    let client = self.clients.iter_mut().find(|c| c.addr == datagram.to);
                    client
                        .unwrap()
                        .handle_datagram(&datagram.payload, datagram.from, now);
                } else if datagram.payload[0] & 0xc0 == 0x80
                    && !media::rtcp::is_rtcp(&datagram.payload)
                {
                    media.push(datagram);
                } else {
                    let at = usize::from(datagram.from.port()) / 2 % self.workers.len();
                    let mut buf = datagram.payload;
                    self.workers[at].handle_datagram(&mut buf, datagram.from, datagram.to, now);
                }
            }
            self.drain();
            counted.0 += media.len();
            let (workers, batch, net) = (&mut self.workers, &mut self.batch, &mut self.net);
            let mut measure = |work: &mut dyn FnMut()| {
                counted.1 += allocation_counter::measure(work).count_total;
            };
            measure(&mut || {
                for datagram in &mut media {
                    let at = usize::from(datagram.from.port()) / 2 % workers.len();
                    let (from, to) = (datagram.from, datagram.to);
                    workers[at].handle_datagram(&mut datagram.payload, from, to, now);
                }
                // What is not hers goes to the other, and what she wants comes back.
                for _ in 0..2 {
                    for at in 0..workers.len() {
                        while let Some((to, message)) = workers[at].poll_message() {
                            workers[to.index()].handle_message(message, now);
                        }
                    }
                }
            });
            for worker in workers.iter_mut() {
                measure(&mut || {
                    worker.poll_transmit(batch, now);
                });
                for run in batch.runs() {
                    for datagram in batch.bytes()[run.range.clone()].chunks(run.segment) {
                        net.send(now, run.from, run.to, datagram);
                    }
                }
                batch.clear();
            }
            media.clear();
            for worker in &mut self.workers {
                if worker.poll_timeout().is_some_and(|at| at <= now) {
                    worker.handle_timeout(now);
                }
            }
            for client in &mut self.clients {
                if client.poll_timeout() <= now {
                    client.handle_timeout(now);
                }
            }
            self.drain();
        }
        counted
    }

    pub(crate) fn drain(&mut self) {
        loop {
            let mut quiet = true;
            for at in 0..self.workers.len() {
                while let Some((to, message)) = self.workers[at].poll_message() {
                    self.workers[to.index()].handle_message(message, self.now);
                    quiet = false;
                }
                // What follows from an input is due at once.
                let worker = &mut self.workers[at];
                if worker.poll_timeout().is_some_and(|due| due <= self.now) {
                    worker.handle_timeout(self.now);
                    quiet = false;
                }
            }
            if quiet {
                break;
            }
        }
        for worker in &mut self.workers {
            while worker.poll_transmit(&mut self.batch, self.now) {
                for run in self.batch.runs() {
                    for datagram in self.batch.bytes()[run.range.clone()].chunks(run.segment) {
                        self.net.send(self.now, run.from, run.to, datagram);
                    }
                }
                self.batch.clear();
            }
            while let Some(event) = worker.poll_event() {
                match event {
                    Event::ChannelText(key, text) => {
                        let client = self.clients.iter_mut().find(|c| c.key == key);
                        if let Some(client) = client {
                            let text: serde_json::Value = serde_json::from_str(&text).unwrap();
                            if text["colibriClass"] == "VideoSourcesMap" {
                                for mapped in text["mappedSources"].as_array().unwrap() {
                                    let ssrc = |name: &str| mapped[name].as_u64().unwrap() as u32;
                                    client.rtx.insert(ssrc("rtx"), ssrc("ssrc"));
                                }
                            }
                            client.texts.push(text);
                        }
                    }
                    event => self.events.push(event),
                }
            }
        }
        for client in &mut self.clients {
            while let Some(transmit) = client.transport.poll_transmit() {
                self.net
                    .send(self.now, transmit.from, transmit.to, &transmit.payload);
            }
            while client.transport.poll_event().is_some() {}
            if let Some((from, to)) = client.transport.route() {
                for packet in client.outgoing.drain(..) {
                    self.net.send(self.now, from, to, &packet);
                }
            }
        }
    }
}

fn encoders(tag: u8, traits: Traits) -> Vec<Encoder> {
    let first = u32::from(tag) * 1_000;
    let encoder = |e: u8| {
        let ssrc = first + u32::from(e) * 2;
        Encoder::new(tag, e, ssrc, traits.packets_per_frame, traits.packet_len)
    };
    (0..traits.encodings).map(encoder).collect()
}

fn note_rtx(receiver: &mut Client, sender: &Client) {
    for encoder in &sender.encoders {
        receiver.rtx.insert(encoder.rtx, encoder.ssrc);
    }
}

pub(crate) fn capabilities(rtx: bool) -> MediaCapabilities {
    let payload = |id, kind, codec, associated: Option<u8>| PayloadType {
        id,
        kind,
        codec,
        clock_rate: 90_000,
        associated,
        feedback: Feedback {
            nack: kind == MediaKind::Video && codec != Codec::Rtx,
            pli: kind == MediaKind::Video,
            transport_cc: true,
            ..Feedback::default()
        },
    };
    let mut payload_types = vec![
        payload(OPUS, MediaKind::Audio, Codec::Opus, None),
        payload(VP8, MediaKind::Video, Codec::Vp8, None),
    ];
    if rtx {
        payload_types.push(payload(RTX, MediaKind::Video, Codec::Rtx, Some(VP8)));
    }
    MediaCapabilities {
        payload_types,
        extensions: vec![
            HeaderExtension {
                id: LEVEL_ID,
                extension: Extension::AudioLevel,
            },
            HeaderExtension {
                id: TCC_ID,
                extension: Extension::TransportCc,
            },
        ],
    }
}

pub(crate) fn sources(client: &Client) -> Vec<SourceDescription> {
    let mut sources = vec![SourceDescription {
        name: client.audio_name().as_str().into(),
        kind: MediaKind::Audio,
        ssrcs: vec![Ssrc(client.audio_ssrc)],
        groups: vec![],
        video_type: None,
    }];
    if !client.encoders.is_empty() {
        let primaries: Vec<_> = client.encoders.iter().map(|e| Ssrc(e.ssrc)).collect();
        let fids = client.encoders.iter().map(|e| SsrcGroup {
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
        let ssrcs = client
            .encoders
            .iter()
            .flat_map(|e| [Ssrc(e.ssrc), Ssrc(e.rtx)]);
        sources.push(SourceDescription {
            name: client.video_name().as_str().into(),
            kind: MediaKind::Video,
            ssrcs: ssrcs.collect(),
            groups,
            video_type: None,
        });
    }
    sources
}
