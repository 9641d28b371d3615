//! What all tasks of control share: the manager behind a lock that is held for microseconds, and the ways to the workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use xmpp::colibri2::{ConferenceModified, ConferenceModify};

use super::channels::{Channel, Channels, Close};
use super::mailbox::Postbox;
use super::orders::Orders;
use super::telemetry::Telemetry;
use super::{DriverEvent, IoCounters};
use crate::colibri::{ChannelRefusal, ChannelTarget, Lifecycle, Manager, Output, Refusal, State};
use crate::command::Command;
use crate::config::Config;
use crate::event::Event;
use crate::ids::WorkerId;
use crate::io::addresses::LocalCandidate;
use crate::stats::{self, Snapshot, Traffic};

/// News of workers taken at once.
const EVENT_BATCH: usize = 512;
/// Texts of clients that may wait for one worker.
const MAX_TEXTS_WAITING: u64 = 4_096;
/// How often workers are asked for their statistics.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between two samples of CPU and of each endpoint's statistics.
const SLOW_TICKS: u64 = 5;

/// Shared by all tasks of control.
pub(crate) struct Control {
    pub(crate) config: Config,
    /// Name of this bridge in channel URLs, and its default nickname.
    pub(crate) server_id: String,
    instance_id: String,
    pub(crate) channels: Channels,
    /// Changes whenever the presence must be told anew.
    pub(crate) news: watch::Sender<u64>,
    /// Where the lifecycle is.
    pub(crate) state: watch::Sender<State>,
    /// Shards that are served.
    pub(crate) shards: AtomicUsize,
    /// Of them, those with a connection.
    pub(crate) shards_connected: AtomicUsize,
    /// Of them, those whose brewery is joined.
    pub(crate) breweries_joined: AtomicUsize,
    /// Of them, those with a focus in the brewery.
    pub(crate) focuses: AtomicUsize,
    /// Connections lost.
    pub(crate) xmpp_disconnects: AtomicU64,
    /// Whether clients could reach an endpoint: before that, no brewery is joined.
    pub(crate) ready: watch::Sender<bool>,
    core: Mutex<Core>,
    /// What has to come before the bridge is of use.
    awaited: Mutex<Option<String>>,
    telemetry: Mutex<Telemetry>,
    orders: Vec<Orders>,
    io: Vec<Arc<IoCounters>>,
    started: Instant,
}

/// What requests change.
struct Core {
    manager: Manager,
    lifecycle: Lifecycle,
}

impl Control {
    pub(crate) fn new(
        config: Config,
        server_id: String,
        manager: Manager,
        commands: Vec<Postbox<Command>>,
        io: Vec<Arc<IoCounters>>,
    ) -> Arc<Self> {
        // The one thing that may have to come before the bridge is of use.
        let awaited = config.advertised_addresses_file.as_ref().map(|path| {
            format!(
                "waiting for the addresses that clients shall reach, from {}",
                path.display()
            )
        });
        let expiry = &config.expiry;
        let lifecycle = Lifecycle::new(
            config.initial_drain,
            Duration::from_secs(expiry.graceful_shutdown_seconds),
            Duration::from_secs(expiry.shutting_down_seconds),
        );
        let now = Instant::now();
        Arc::new(Self {
            telemetry: Mutex::new(Telemetry::new(commands.len(), now)),
            config,
            server_id,
            instance_id: format!("{:016x}", rand::random::<u64>()),
            channels: Channels::default(),
            news: watch::Sender::new(0),
            state: watch::Sender::new(State::Running),
            shards: AtomicUsize::new(0),
            shards_connected: AtomicUsize::new(0),
            breweries_joined: AtomicUsize::new(0),
            focuses: AtomicUsize::new(0),
            xmpp_disconnects: AtomicU64::new(0),
            ready: watch::Sender::new(awaited.is_none()),
            awaited: Mutex::new(awaited),
            core: Mutex::new(Core { manager, lifecycle }),
            orders: commands.into_iter().map(Orders::new).collect(),
            io,
            started: now,
        })
    }

    /// Obeys a Colibri2 request; the orders are on their way when this returns.
    pub(crate) fn modify(&self, request: &ConferenceModify) -> Result<ConferenceModified, Refusal> {
        let behind = self.orders.iter().any(Orders::is_behind);
        self.with_core(|core, now| {
            core.manager.set_accepts_endpoints(!behind);
            core.manager.handle_modify(request, now)
        })
    }

    /// Runs `act` and sends the orders that came of it, in order.
    fn with_core<T>(&self, act: impl FnOnce(&mut Core, Instant) -> T) -> T {
        let mut core = self.core.lock();
        let result = act(&mut core, Instant::now());
        // Under the lock: orders of two requests must not overtake each other.
        while let Some(output) = core.manager.poll_output() {
            match output {
                Output::Command(worker, command) => self.order(worker, command),
                Output::CloseChannel(endpoint, _) => {
                    self.channels.close(endpoint, Close::EndpointClosed)
                }
            }
        }
        result
    }

    fn order(&self, worker: WorkerId, command: Command) {
        if let Some(orders) = self.orders.get(worker.index()) {
            orders.give(command);
        }
    }

    /// Whether a channel would be let in.
    pub(crate) fn channel_target(
        &self,
        server: &str,
        conference: &str,
        endpoint: &str,
        pwd: &str,
    ) -> Result<ChannelTarget, ChannelRefusal> {
        self.core
            .lock()
            .manager
            .channel_target(server, conference, endpoint, pwd)
    }

    /// Opens a channel, if its endpoint is still there.
    pub(crate) fn open_channel(&self, target: ChannelTarget) -> Option<Channel> {
        // Under the lock, so that an endpoint cannot expire between the look and the entry.
        let core = self.core.lock();
        core.manager.endpoint_name(target.endpoint)?;
        let channel = self
            .channels
            .open(target.endpoint, self.config.limits.channel_queue);
        self.order(target.owner, Command::ChannelOpened(target.endpoint));
        Some(channel)
    }

    /// A text of a client, on the way to the owner of its endpoint; dropped when that one is far behind, so that texts
    /// never take the room of orders.
    pub(crate) fn channel_text(&self, target: ChannelTarget, text: String) {
        self.channels.received.fetch_add(1, Ordering::Relaxed);
        let worker = target.owner.index();
        let (Some(orders), Some(io)) = (self.orders.get(worker), self.io.get(worker)) else {
            return;
        };
        let postbox = orders.postbox();
        let command = Command::ChannelText(target.endpoint, text);
        if io.texts_waiting.load(Ordering::Relaxed) < MAX_TEXTS_WAITING {
            // Counted first: the worker takes it off as soon as it is queued.
            io.texts_waiting.fetch_add(1, Ordering::Relaxed);
            if postbox.put(command).is_ok() {
                postbox.ring();
                return;
            }
            io.texts_waiting.fetch_sub(1, Ordering::Relaxed);
        }
        io.dropped_texts.fetch_add(1, Ordering::Relaxed);
    }

    /// The socket of a channel is gone.
    pub(crate) fn channel_closed(&self, target: ChannelTarget, id: u64) {
        if self.channels.forget(target.endpoint, id) {
            self.order(target.owner, Command::ChannelClosed(target.endpoint));
        }
    }

    /// Closes all channels: the bridge leaves.
    pub(crate) fn close_channels(&self) {
        self.channels.close_all(Close::GoingAway);
    }

    /// Asks for drain or ends it.
    pub(crate) fn set_drain(&self, drain: bool) {
        if self.core.lock().lifecycle.handle_drain(drain) {
            tracing::info!(drain, "drain mode changed");
            self.tell_news();
        }
    }

    /// Whether the focus is asked to choose others.
    pub(crate) fn drain(&self) -> bool {
        self.core.lock().lifecycle.drain()
    }

    /// Begins to leave.
    pub(crate) fn begin_shutdown(&self, graceful: bool) {
        let state = self.with_core(|core, now| {
            let endpoints = core.manager.endpoint_count();
            core.lifecycle.handle_shutdown(graceful, endpoints, now);
            core.manager
                .set_accepts_conferences(!core.lifecycle.is_graceful_shutdown());
            core.lifecycle.state()
        });
        tracing::info!(graceful, ?state, "shutdown asked for");
        self.state.send_replace(state);
        self.tell_news();
    }

    /// Endpoints at this moment.
    pub(crate) fn endpoint_count(&self) -> usize {
        self.core.lock().manager.endpoint_count()
    }

    fn tell_news(&self) {
        self.news.send_modify(|version| *version += 1);
    }

    /// Changes the addresses told to endpoints that are created from here on.
    pub(crate) fn set_candidates(&self, candidates: Vec<LocalCandidate>) {
        self.core.lock().manager.set_candidates(candidates);
    }

    /// Says what the bridge waits for before it is of use; `None`: nothing any more. `false`: it was of use already, so
    /// that it does not wait.
    pub(crate) fn waits_for(&self, what: Option<&str>) -> bool {
        let mut awaited = self.awaited.lock();
        if what.is_some() && awaited.is_none() {
            return false;
        }
        *awaited = what.map(str::to_owned);
        self.ready.send_replace(awaited.is_none());
        true
    }

    /// What is wrong with the bridge, if anything.
    pub(crate) fn health(&self) -> Result<(), String> {
        if let Some(what) = &*self.awaited.lock() {
            return Err(what.clone());
        }
        self.telemetry.lock().health(Instant::now())
    }

    /// The state for people.
    pub(crate) fn describe(&self, full: bool) -> serde_json::Value {
        let core = self.core.lock();
        serde_json::json!({
            "shutdown_state": format!("{:?}", core.lifecycle.state()),
            "drain": core.lifecycle.drain(),
            "server_id": self.server_id,
            "conferences": core.manager.describe(full),
        })
    }

    /// The dominant speaker of a meeting; `None`: no such meeting.
    pub(crate) fn dominant_speaker(&self, meeting_id: &str) -> Option<Option<String>> {
        let speaker = self.core.lock().manager.dominant_speaker(meeting_id)?;
        Some(speaker.map(|id| id.to_string()))
    }

    /// Everything that is told of the bridge.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let process = super::telemetry::process();
        let core = self.core.lock();
        let telemetry = self.telemetry.lock();
        let (audio, video) = core.manager.sender_counts();
        let rates = telemetry.rates();
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            time: SystemTime::now(),
            instance_id: self.instance_id.clone(),
            version: self.config.version().to_owned(),
            release: self.config.release.clone(),
            region: self.config.region.clone(),
            conferences: core.manager.conference_count(),
            largest_conference: core.manager.conference_sizes().max().unwrap_or(0),
            endpoints: core.manager.endpoint_count(),
            visitors: core.manager.visitor_count(),
            endpoints_sending_audio: audio,
            endpoints_sending_video: video,
            channels: self.channels.count(),
            totals: core.manager.totals(),
            counters: telemetry.counters(),
            drops: telemetry.drops(&self.io),
            rates,
            incoming_loss: telemetry.losses().0,
            outgoing_loss: telemetry.losses().1,
            round_trip_ms: telemetry.round_trip_ms(),
            stress: stats::Stress::of(
                &self.config.load,
                telemetry.cpu(),
                rates.packets_in + rates.packets_out,
            )
            .0,
            average_participant_stress: self.config.load.average_participant_stress,
            cpu: telemetry.cpu(),
            worker_busy: telemetry.worker_busy().to_vec(),
            drain: core.lifecycle.drain(),
            graceful_shutdown: core.lifecycle.is_graceful_shutdown(),
            shutting_down: core.lifecycle.is_shutting_down(),
            healthy: self.awaited.lock().is_none() && telemetry.health(Instant::now()).is_ok(),
            shards: self.shards.load(Ordering::Relaxed),
            shards_connected: self.shards_connected.load(Ordering::Relaxed),
            breweries_joined: self.breweries_joined.load(Ordering::Relaxed),
            xmpp_disconnects: load(&self.xmpp_disconnects),
            websocket_messages_received: load(&self.channels.received),
            websocket_messages_sent: load(&self.channels.sent),
            websockets_too_slow: load(&self.channels.too_slow),
            worker_failures: self.io.iter().map(|io| load(&io.failures)).sum(),
            threads: process.threads,
            open_files: process.open_files,
            uptime_seconds: self.started.elapsed().as_secs(),
        }
    }

    /// Hears the workers until they are gone.
    pub(crate) async fn hear(self: Arc<Self>, mut events: mpsc::Receiver<DriverEvent>) {
        let mut batch = Vec::with_capacity(EVENT_BATCH);
        while events.recv_many(&mut batch, EVENT_BATCH).await > 0 {
            for event in batch.drain(..) {
                self.handle(event);
            }
        }
    }

    fn handle(&self, event: DriverEvent) {
        match event {
            DriverEvent::Core(_, Event::ChannelText(endpoint, text)) => {
                self.channels.send(endpoint, text)
            }
            DriverEvent::Core(_, Event::Statistics(statistics)) => {
                self.telemetry.lock().handle_statistics(*statistics);
            }
            DriverEvent::Core(_, event) => {
                self.with_core(|core, now| core.manager.handle_event(&event, now))
            }
            DriverEvent::Failed(worker) => {
                self.with_core(|core, now| core.manager.handle_worker_failed(worker, now));
                self.tell_news();
            }
        }
    }

    /// Moves time on, once a second.
    pub(crate) async fn keep_time(self: Arc<Self>) {
        let mut interval = tokio::time::interval_at(tokio::time::Instant::now() + TICK, TICK);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut healthy = self.health().is_ok();
        for tick in 0_u64.. {
            interval.tick().await;
            let slow = tick.is_multiple_of(SLOW_TICKS);
            for orders in &self.orders {
                orders.catch_up();
                if !orders.is_behind() {
                    orders.give(Command::CollectStatistics { endpoints: slow });
                }
            }
            self.sample(slow);
            if tick == 0 {
                // Until its load is measured a new bridge looks idle, however busy the machine is.
                self.tell_news();
            }
            let changed = self.with_core(|core, now| {
                core.manager.handle_timeout(now);
                let endpoints = core.manager.endpoint_count();
                core.lifecycle
                    .handle_timeout(endpoints, now)
                    .then(|| core.lifecycle.state())
            });
            if let Some(state) = changed {
                tracing::info!(?state, "shutdown goes on");
                self.state.send_replace(state);
                self.tell_news();
            }
            let health = self.health();
            if health.is_ok() != healthy {
                healthy = health.is_ok();
                match health {
                    Ok(()) => tracing::info!("the health check passes again"),
                    Err(reason) => {
                        tracing::error!(%reason, "the health check fails; the focus will move conferences away")
                    }
                }
                self.tell_news();
            }
        }
    }

    fn sample(&self, slow: bool) {
        let now = Instant::now();
        let sum = |counter: fn(&IoCounters) -> &AtomicU64| -> u64 {
            self.io
                .iter()
                .map(|io| counter(io).load(Ordering::Relaxed))
                .sum()
        };
        let mut telemetry = self.telemetry.lock();
        let counters = telemetry.counters();
        let traffic = Traffic {
            bytes_in: counters.bytes_received,
            bytes_out: counters.bytes_sent,
            packets_in: sum(|io| &io.packets_received),
            packets_out: sum(|io| &io.packets_sent),
        };
        telemetry.handle_traffic(traffic, &self.io, now);
        if slow {
            telemetry.handle_cpu(super::telemetry::cpu_times());
        }
    }
}
