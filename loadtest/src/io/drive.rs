//! The task of one participant: it does what the participant orders, and tells it what happens.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use media::dtls::Certificate;
use tokio::sync::watch;
use xmpp::conference::ConferenceAnswer;

use super::access::Access;
use super::fleet::{Counters, Stage, State};
use super::http::{self, HttpError};
use super::sockets::{Arrival, MAX_AT_ONCE, Sockets};
use super::websocket::WebSocket;
use crate::participant::{BadRoom, Order, Participant};
use crate::plan::Seat;
use crate::report::Record;
use crate::service::{Service, with_query};

/// Datagrams that are taken in a row before anything else has its turn.
const BATCH: u64 = 64;
/// Between the moments when the people of a room that is over note who is there, and when they leave.
const SETTLE: Duration = Duration::from_secs(1);
/// Without any timer of the participant.
const IDLE: Duration = Duration::from_secs(60);

/// What all participants share.
pub(super) struct Shared {
    pub access: Access,
    pub service: Service,
    pub certificate: Certificate,
    pub counters: Counters,
}

/// What came of an order.
enum Outcome {
    Conference(Result<(ConferenceAnswer, Option<String>), HttpError>),
    /// Number of the attempt, and the socket with the shard that answered.
    Socket(u64, Result<(WebSocket, Option<String>), String>),
    KeptAlive(Option<String>),
}

type Pending = FuturesUnordered<Pin<Box<dyn Future<Output = Outcome> + Send>>>;

struct Driver {
    seat: Seat,
    shared: Arc<Shared>,
    participant: Participant,
    socket: Option<WebSocket>,
    /// Nothing comes after the socket's end.
    leaving: bool,
    attempt: u64,
    /// Which of the seat's front doors is used.
    door: usize,
    sockets: Sockets,
    pending: Pending,
    /// When its room is over, where that is before the end of the run.
    leaves: Option<Instant>,
    /// What the counters know of it.
    told: State,
    /// Whether the counters know that it has noted who is there.
    counted: bool,
}

/// Runs a participant until its time is over or the stage says that it leaves. `None`: the run was
/// ended before its turn.
pub(super) async fn drive(
    seat: Seat,
    start: Instant,
    shared: Arc<Shared>,
    mut stage: watch::Receiver<Stage>,
) -> Result<Option<Record>, BadRoom> {
    let turn = tokio::time::sleep_until((start + seat.starts_after).into());
    let early = tokio::select! {
        () = turn => false,
        _ = stage.wait_for(|stage| *stage != Stage::Meeting) => true,
    };
    if early {
        shared.counters.note_stock_taken();
        return Ok(None);
    }
    let certificate = shared.certificate.clone();
    let now = Instant::now();
    let participant = Participant::new(
        seat.clone(),
        &shared.service,
        certificate,
        rand::random(),
        now,
    )?;
    let leaves = seat.leaves_after.map(|after| start + after);
    let mut driver = Driver {
        seat,
        shared,
        participant,
        socket: None,
        leaving: false,
        attempt: 0,
        door: 0,
        sockets: Sockets::default(),
        pending: FuturesUnordered::new(),
        leaves,
        told: State::default(),
        counted: false,
    };
    driver.run(&mut stage).await;
    driver.note(State::default());
    if !driver.counted {
        driver.shared.counters.note_stock_taken();
    }
    Ok(Some(Record {
        seat: driver.seat,
        journal: driver.participant.into_journal(),
    }))
}

impl Driver {
    async fn run(&mut self, stage: &mut watch::Receiver<Stage>) {
        let mut buf = vec![0; MAX_AT_ONCE];
        let sleep = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(sleep);
        // A stage that was reached before this task started counts too.
        stage.mark_changed();
        loop {
            self.obey().await;
            self.note_state();
            let due = self.participant.poll_timeout();
            let due = due.unwrap_or_else(|| Instant::now() + IDLE);
            let own = self.next_own();
            sleep
                .as_mut()
                .reset(own.map_or(due, |own| own.min(due)).into());
            tokio::select! {
                changed = stage.changed() => {
                    let reached = *stage.borrow_and_update();
                    if self.handle_stage(reached, changed.is_ok()).await {
                        return;
                    }
                }
                text = receive(&mut self.socket) => match text {
                    Ok(text) => self.participant.handle_frame(&text, Instant::now()),
                    Err(reason) => {
                        self.socket = None;
                        self.participant.handle_socket_closed(&reason, Instant::now());
                    }
                },
                Some(outcome) = self.pending.next() => self.handle_outcome(outcome),
                arrival = poll_fn(|context| self.sockets.poll_receive(context, &mut buf)) => {
                    self.handle_arrivals(arrival, &mut buf);
                }
                () = &mut sleep => {
                    let now = Instant::now();
                    self.participant.handle_timeout(now);
                    if self.next_own().is_some_and(|own| own <= now) && self.pass_own(now).await {
                        return;
                    }
                }
            }
        }
    }

    fn note_state(&mut self) {
        let journal = self.participant.journal();
        self.note(State {
            in_room: self.participant.is_in_room(),
            well: self.participant.is_well(),
            gaps: journal.gaps,
            cut: journal.cut,
        });
    }

    /// Tells the counters; what was cut or a gap remains so when the participant has left.
    fn note(&mut self, now: State) {
        let now = State {
            gaps: now.gaps.max(self.told.gaps),
            cut: now.cut || self.told.cut,
            ..now
        };
        if now != self.told {
            self.shared.counters.note(self.told, now);
            self.told = now;
        }
    }

    /// When the end of its room has it do something: first it notes who is there, and when all have
    /// had the time to, it leaves.
    fn next_own(&self) -> Option<Instant> {
        let leaves = self.leaves?;
        match self.participant.journal().end {
            None => leaves.checked_sub(SETTLE),
            Some(_) => Some(leaves),
        }
    }

    /// Does it. Whether it is over.
    async fn pass_own(&mut self, now: Instant) -> bool {
        if self.participant.journal().end.is_none() {
            self.participant.take_stock(now);
            return false;
        }
        self.leave().await;
        true
    }

    async fn leave(&mut self) {
        self.leaving = true;
        self.participant.leave(Instant::now());
        self.obey().await;
    }

    /// Whether it is over.
    async fn handle_stage(&mut self, stage: Stage, announced: bool) -> bool {
        match stage {
            Stage::Meeting if announced => false,
            Stage::TakingStock => {
                if self.participant.journal().end.is_none() {
                    self.participant.take_stock(Instant::now());
                }
                self.counted = true;
                self.shared.counters.note_stock_taken();
                false
            }
            Stage::Leaving | Stage::Meeting => {
                self.leave().await;
                true
            }
        }
    }

    fn handle_outcome(&mut self, outcome: Outcome) {
        let now = Instant::now();
        let participant = &mut self.participant;
        match outcome {
            Outcome::Conference(Ok((answer, shard))) => {
                participant.handle_shard(shard.as_deref());
                participant.handle_conference(Ok(answer), now);
            }
            Outcome::Conference(Err(error)) => {
                // A front door that answers, with whatever, is there.
                if !matches!(error, HttpError::Refused { .. }) {
                    self.door += 1;
                }
                participant.handle_conference(Err(error.to_string()), now);
            }
            Outcome::Socket(attempt, Ok((socket, shard))) if attempt == self.attempt => {
                self.socket = Some(socket);
                participant.handle_socket_open(shard, now);
            }
            Outcome::Socket(attempt, Err(reason)) if attempt == self.attempt => {
                self.door += 1;
                participant.handle_socket_closed(&reason, now);
            }
            // The attempt was given up.
            Outcome::Socket(..) => {}
            Outcome::KeptAlive(shard) => participant.handle_shard(shard.as_deref()),
        }
    }

    fn handle_arrivals(&mut self, first: Arrival, buf: &mut [u8]) {
        let (mut datagrams, mut bytes) = (0, 0);
        let mut next = Some(first);
        while let Some(arrival) = next {
            bytes += arrival.len as u64;
            let way = (arrival.from, arrival.to);
            let now = Instant::now();
            for datagram in buf[..arrival.len].chunks_mut(arrival.each) {
                datagrams += 1;
                self.participant
                    .handle_datagram(arrival.media, datagram, way, now);
            }
            next = if datagrams < BATCH {
                self.sockets.try_receive(buf)
            } else {
                None
            };
        }
        self.shared.counters.note_received(datagrams, bytes);
    }

    /// Does what the participant orders, until it orders nothing more.
    async fn obey(&mut self) {
        loop {
            self.send_texts().await;
            let mut bytes = 0;
            while let Some(datagram) = self.participant.poll_datagram() {
                self.sockets.send(&datagram);
                bytes += datagram.payload.len() as u64;
            }
            if bytes > 0 {
                self.sockets.flush();
                self.shared.counters.note_sent(bytes);
            }
            let Some(order) = self.participant.poll_order() else {
                return;
            };
            match order {
                Order::RequestConference(request) => self.request_conference(request),
                Order::OpenSocket { previd } => self.open_socket(previd.as_deref()),
                Order::CloseSocket => {
                    self.attempt += 1;
                    match self.socket.take() {
                        Some(socket) if self.leaving => socket.close().await,
                        // The next attempt does not wait for it.
                        Some(socket) => drop(tokio::spawn(socket.close())),
                        None => {}
                    }
                }
                Order::KeepAlive => self.keep_alive(),
                Order::OpenMedia { id, toward } => match self.sockets.open(id, &toward) {
                    Ok(locals) => {
                        self.participant
                            .handle_media_open(id, locals, Instant::now());
                    }
                    Err(error) => tracing::warn!(%error, ?toward, "cannot open media sockets"),
                },
                Order::CloseMedia(id) => self.sockets.close(id),
            }
        }
    }

    async fn send_texts(&mut self) {
        let texts: Vec<String> = std::iter::from_fn(|| self.participant.poll_frame()).collect();
        if let Some(socket) = self.socket.as_mut().filter(|_| !texts.is_empty())
            && let Err(reason) = socket.send(texts).await
        {
            self.socket = None;
            self.participant
                .handle_socket_closed(&reason, Instant::now());
        }
    }

    fn request_conference(&mut self, request: xmpp::conference::ConferenceRequest) {
        let (shared, room, at) = self.way();
        self.pending.push(Box::pin(async move {
            let uri = &shared.service.conference_request;
            let asked = http::request_conference(&shared.access, uri, at, &room, &request);
            Outcome::Conference(asked.await)
        }));
    }

    fn open_socket(&mut self, previd: Option<&str>) {
        self.attempt += 1;
        self.socket = None;
        let attempt = self.attempt;
        let (shared, room, at) = self.way();
        let mut uri = with_query(&shared.service.websocket, "room", &room);
        if let Some(previd) = previd {
            uri = with_query(&uri, "previd", previd);
        }
        self.pending.push(Box::pin(async move {
            Outcome::Socket(attempt, WebSocket::open(&shared.access, &uri, at).await)
        }));
    }

    fn keep_alive(&mut self) {
        let (shared, room, at) = self.way();
        self.pending.push(Box::pin(async move {
            let Some(uri) = &shared.service.keep_alive else {
                return Outcome::KeptAlive(None);
            };
            let uri = with_query(uri, "room", &room);
            let answer = http::get(&shared.access, &uri, at).await;
            Outcome::KeptAlive(answer.ok().and_then(|answer| answer.shard))
        }));
    }

    /// What a request needs: the room, and the front door to go through.
    fn way(&self) -> (Arc<Shared>, String, Option<SocketAddr>) {
        let shared = Arc::clone(&self.shared);
        let doors = &self.seat.doors;
        let at = doors.get(self.door % doors.len().max(1)).copied();
        (shared, self.seat.room.clone(), at)
    }
}

/// The next text of the socket; never without one.
async fn receive(socket: &mut Option<WebSocket>) -> Result<String, String> {
    match socket {
        Some(socket) => socket.receive().await,
        None => std::future::pending().await,
    }
}
