//! One participant: everything that a meeting's client does, without IO. The object through which
//! all passes; it delegates.
//!
//! # Run loop
//! Feed what happens to the `handle_*` methods, then drain [`Participant::poll_order`],
//! [`Participant::poll_frame`] and [`Participant::poll_datagram`], and sleep no longer than
//! [`Participant::poll_timeout`].

mod backoff;
mod camera;
mod connection;
mod encoding;
mod features;
mod focus;
mod handover;
mod heard;
mod incoming;
mod microphone;
mod offer;
mod order;
mod packet;
mod recall;
mod receiver;
mod recovery;
mod room;
mod sender;
mod session;
mod sessions;
mod stanzas;
mod stream;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::dtls::Certificate;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use xmpp::conference::{ConferenceAnswer, ConferenceRequest};
use xmpp::disco::Info;
use xmpp::{BareJid, Element, stanza};

pub use order::Order;
pub use session::{Datagram, MediaId};

use crate::journal::Journal;
use crate::plan::Seat;
use crate::service::Service;
use backoff::Backoff;
use connection::{Connection, ConnectionEvent};
use recall::Recall;
use room::{Room, RoomEvent, endpoint_id};
use session::Identity;
use sessions::{About, Sessions};

/// How long the room may take to answer a join: the first one, and those after a loss.
const JOIN_TIMEOUT: Duration = Duration::from_secs(20);
const JOIN_AGAIN_TIMEOUT: Duration = Duration::from_secs(6);
/// Between attempts to get in, as the meeting page has it: after a failure, and while the focus
/// says that the conference is not ready.
const FAILED_WAIT: (Duration, Duration) =
    (Duration::from_millis(300), Duration::from_millis(2_500));
const UNREADY_WAIT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(120));
/// Between a connection and the request that keeps its way warm; then [`KEEP_ALIVE`] and up to as
/// much again.
const FIRST_KEEP_ALIVE: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Where a participant is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The conference is asked for.
    Asking,
    /// The next request for the conference is due then.
    AskingAgain { at: Instant },
    /// The answer is there, the stream is not yet.
    Connecting,
    /// The room is to answer by then.
    Joining { deadline: Instant },
    /// In the room.
    Joined,
    /// Out for good.
    Lost,
    /// Left as intended.
    Left,
}

/// The state of somebody who plays a script.
pub struct Participant {
    seat: Seat,
    room_jid: BareJid,
    info: Info,
    phase: Phase,
    focus: Option<String>,
    connection: Connection,
    room: Option<Room>,
    sessions: Sessions,
    requests: HashMap<String, About>,
    failures: Backoff,
    polls: Backoff,
    recall: Recall,
    next_keep_alive: Option<Instant>,
    orders: VecDeque<Order>,
    journal: Journal,
    rng: SmallRng,
}

/// The room's name cannot be part of an address.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is no room of a meeting service")]
pub struct BadRoom(String);

impl Participant {
    /// A participant that walks in. `seed` feeds every random choice that is no key material.
    ///
    /// # Errors
    /// [`BadRoom`].
    pub fn new(
        seat: Seat,
        service: &Service,
        certificate: Certificate,
        seed: u64,
        now: Instant,
    ) -> Result<Self, BadRoom> {
        let address = format!("{}@{}", seat.room, service.muc);
        let room_jid = BareJid::new(&address).map_err(|_| BadRoom(address))?;
        let mut rng = SmallRng::seed_from_u64(seed);
        let break_before_make = seat.break_before_make;
        let mut participant = Self {
            seat,
            room_jid,
            info: features::info(),
            phase: Phase::Asking,
            focus: None,
            connection: Connection::new(&service.domain, SmallRng::from_rng(&mut rng), now),
            room: None,
            sessions: Sessions::new(certificate, break_before_make),
            requests: HashMap::new(),
            failures: Backoff::new(FAILED_WAIT.0, FAILED_WAIT.1),
            polls: Backoff::new(UNREADY_WAIT.0, UNREADY_WAIT.1),
            recall: Recall::default(),
            next_keep_alive: None,
            orders: VecDeque::new(),
            journal: Journal::new(now),
            rng,
        };
        participant.ask_for_conference();
        Ok(participant)
    }

    /// What it noticed so far.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What it noticed.
    pub fn into_journal(self) -> Journal {
        self.journal
    }

    /// Whether it is in the room.
    pub fn is_in_room(&self) -> bool {
        self.phase == Phase::Joined && self.connection.is_up()
    }

    /// Whether it is in the room and, if there is media, connected to a bridge.
    pub fn is_well(&self) -> bool {
        self.is_in_room() && (!self.seat.media || self.sessions.is_connected())
    }

    fn ask_for_conference(&mut self) {
        self.recall.stop();
        self.phase = Phase::Asking;
        self.request_conference();
    }

    fn request_conference(&mut self) {
        let mut request = ConferenceRequest::new(self.room_jid.to_string());
        request.machine_uid = Some(format!("{:032x}", self.rng.random::<u128>()));
        for (name, value) in [("visitors-version", "1"), ("rtcstatsEnabled", "false")] {
            request.properties.insert(name.to_owned(), value.to_owned());
        }
        self.orders.push_back(Order::RequestConference(request));
    }

    /// The answer to the conference request; the error is for people.
    pub fn handle_conference(&mut self, answer: Result<ConferenceAnswer, String>, now: Instant) {
        if self.phase == Phase::Joined {
            let ready = answer.is_ok_and(|answer| answer.ready);
            self.recall.handle_answer(ready, &mut self.rng, now);
            return;
        }
        if self.phase != Phase::Asking {
            return;
        }
        match answer {
            Ok(answer) if answer.ready => {
                self.polls.reset();
                self.focus = answer.focus_jid;
                self.phase = Phase::Connecting;
                self.connection.connect(now);
                if self.connection.is_up() {
                    self.join(now);
                }
            }
            Ok(_) => {
                let at = now + self.polls.next(&mut self.rng);
                self.phase = Phase::AskingAgain { at };
            }
            // The front door may know better in a moment.
            Err(reason) => self.refused(&reason, now),
        }
        self.drain(now);
    }

    /// The WebSocket is open; `shard` is what the upgrade's answer said.
    pub fn handle_socket_open(&mut self, shard: Option<String>, now: Instant) {
        if shard.is_some() {
            self.journal.shard = shard;
        }
        self.connection.handle_open(now);
        self.drain(now);
    }

    /// A text frame arrived.
    pub fn handle_frame(&mut self, text: &str, now: Instant) {
        self.connection.handle_frame(text, now);
        self.drain(now);
    }

    /// The WebSocket is gone, or could not be opened.
    pub fn handle_socket_closed(&mut self, reason: &str, now: Instant) {
        self.connection.handle_closed(reason, now);
        self.drain(now);
    }

    /// The shard that answered a request beside the WebSocket, where it says so. While the
    /// WebSocket is open it is to be the same one.
    pub fn handle_shard(&mut self, shard: Option<&str>) {
        let own = self.journal.shard.as_deref();
        if self.connection.is_up() && shard.is_some() && own.is_some() && shard != own {
            self.journal.strays += 1;
        }
    }

    /// The sockets of a session are open at these addresses.
    pub fn handle_media_open(&mut self, id: MediaId, locals: Vec<SocketAddr>, now: Instant) {
        let (Some(room), Some(jid)) = (&self.room, self.connection.jid()) else {
            self.orders.push_back(Order::CloseMedia(id));
            return;
        };
        let who = Identity {
            endpoint: room.nick(),
            jid,
            sends: self.seat.sends(),
            height: self.seat.height,
        };
        self.sessions
            .handle_media_open(id, locals, who, &mut self.rng, &self.journal, now);
        self.drain(now);
    }

    /// A datagram arrived: `way` is where from, and at which of our addresses.
    pub fn handle_datagram(
        &mut self,
        id: MediaId,
        buf: &mut [u8],
        way: (SocketAddr, SocketAddr),
        now: Instant,
    ) {
        self.sessions
            .handle_datagram(id, buf, way, &mut self.journal, now);
        self.drain_sessions(now);
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let own = match self.phase {
            Phase::AskingAgain { at } => Some(at),
            Phase::Joining { deadline } => Some(deadline),
            Phase::Lost | Phase::Left => return None,
            Phase::Asking | Phase::Connecting | Phase::Joined => None,
        };
        [
            own,
            self.next_keep_alive,
            self.recall.poll_timeout(),
            self.connection.poll_timeout(),
            self.sessions.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Moves time on.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(due) = self.poll_timeout() {
            self.journal.handle_wake(due, now);
        }
        match self.phase {
            Phase::AskingAgain { at } if at <= now => self.ask_for_conference(),
            Phase::Joining { deadline } if deadline <= now => {
                self.refused("the room did not answer", now);
            }
            _ => {}
        }
        if self.recall.handle_timeout(now) {
            self.request_conference();
        }
        if self.next_keep_alive.is_some_and(|at| at <= now) {
            let jitter = self.rng.random_range(1.0..=2.0);
            self.next_keep_alive = Some(now + KEEP_ALIVE.mul_f64(jitter));
            self.orders.push_back(Order::KeepAlive);
        }
        self.connection.handle_timeout(now);
        self.sessions.handle_timeout(&self.journal, now);
        self.drain(now);
    }

    /// Notes who is in the room, while nobody has left yet.
    pub fn take_stock(&mut self, now: Instant) {
        self.journal.end = Some(now);
        self.journal.seen_at_end = self
            .room
            .as_ref()
            .filter(|room| room.is_joined() && self.phase == Phase::Joined)
            .map(|room| room.people().map(str::to_owned).collect());
    }

    /// Leaves the meeting.
    pub fn leave(&mut self, now: Instant) {
        if let Some(leave) = self.room.take().and_then(|room| room.leave()) {
            self.connection.send(&leave, now);
        }
        self.sessions.close(now);
        self.connection.stop();
        self.drain_sessions(now);
        self.orders.push_back(Order::CloseSocket);
        self.phase = Phase::Left;
    }

    fn join(&mut self, now: Instant) {
        let Some(jid) = self.connection.jid() else {
            return;
        };
        let nick = endpoint_id(jid, self.rng.random());
        self.join_as(nick, now);
    }

    fn join_as(&mut self, nick: String, now: Instant) {
        let room = Room::new(self.room_jid.clone(), nick, self.focus.clone());
        let presence = room.join(&self.seat.name(), self.seat.sends(), &self.info);
        self.journal.id = Some(room.nick().to_owned());
        self.room = Some(room);
        let patience = match self.journal.entered {
            None => JOIN_TIMEOUT,
            Some(_) => JOIN_AGAIN_TIMEOUT,
        };
        self.phase = Phase::Joining {
            deadline: now + patience,
        };
        if let Some(presence) = presence {
            self.connection.send(&presence, now);
        }
    }

    /// Nobody lets us in: ask for the conference anew, after a while.
    fn refused(&mut self, reason: &str, now: Instant) {
        tracing::debug!(room = %self.seat.room, reason, "not let in");
        self.recall.stop();
        self.room = None;
        let at = now + self.failures.next(&mut self.rng);
        self.phase = Phase::AskingAgain { at };
    }

    fn lose(&mut self, reason: String, now: Instant) {
        self.journal.handle_loss(reason, now);
        self.room = None;
        self.sessions.close(now);
        self.connection.stop();
        self.orders.push_back(Order::CloseSocket);
        self.phase = Phase::Lost;
    }

    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.connection.poll_event() {
            self.handle_connection_event(event, now);
        }
        self.drain_sessions(now);
    }

    fn handle_connection_event(&mut self, event: ConnectionEvent, now: Instant) {
        match event {
            ConnectionEvent::OpenSocket { previd } => {
                self.orders.push_back(Order::OpenSocket { previd });
            }
            ConnectionEvent::CloseSocket => self.orders.push_back(Order::CloseSocket),
            ConnectionEvent::Online => {
                self.next_keep_alive = Some(now + FIRST_KEEP_ALIVE);
                self.requests.clear();
                if self.phase == Phase::Connecting {
                    self.join(now);
                } else {
                    // The server has forgotten the session: walk in anew.
                    self.room = None;
                    self.ask_for_conference();
                }
            }
            ConnectionEvent::Resumed => {
                // Which shard answers is to be known at once.
                self.next_keep_alive = Some(now);
                self.journal.handle_return(true, now);
                if self.phase == Phase::Connecting {
                    self.join(now);
                }
            }
            ConnectionEvent::Interrupted(reason) => {
                if self.journal.joined.is_some() {
                    self.journal.handle_interruption(&reason, now);
                }
            }
            ConnectionEvent::Stanza(stanza) => self.handle_stanza(&stanza, now),
            ConnectionEvent::GaveUp(reason) => self.lose(reason, now),
        }
    }

    fn handle_stanza(&mut self, stanza: &Element, now: Instant) {
        if stanza::is_presence(stanza) {
            if let Some(room) = &mut self.room {
                room.handle_presence(stanza);
            }
            while let Some(event) = self.room.as_mut().and_then(Room::poll_event) {
                self.handle_room_event(event, now);
            }
        } else if stanza::is_iq(stanza) {
            self.handle_iq(stanza, now);
        }
    }

    fn handle_room_event(&mut self, event: RoomEvent, now: Instant) {
        match event {
            RoomEvent::Joined => {
                self.phase = Phase::Joined;
                self.failures.reset();
                self.journal.handle_entry(now);
                self.note_joined(now);
            }
            RoomEvent::Entered { id, name } => {
                self.journal.handle_name(&id, &name);
                self.note_joined(now);
            }
            RoomEvent::Left => {}
            RoomEvent::FocusPresent => self.recall.stop(),
            RoomEvent::FocusLeft => {
                if self.phase == Phase::Joined {
                    self.recall.handle_focus_left(&mut self.rng, now);
                }
            }
            RoomEvent::NameTaken => {
                let nick = format!("{:08x}", self.rng.random::<u32>());
                self.join_as(nick, now);
            }
            RoomEvent::Refused(reason) => self.refused(&reason, now),
            RoomEvent::Removed(reason) => self.lose(reason, now),
        }
    }

    /// With media, a participant has joined when it is in the room; without, when it also sees all
    /// the others there.
    fn note_joined(&mut self, now: Instant) {
        let Some(room) = self.room.as_ref().filter(|room| room.is_joined()) else {
            return;
        };
        let sees = |name: &String| room.people().any(|seen| seen == name);
        if self.seat.media || self.seat.others().all(|name| sees(&name)) {
            self.journal.joined.get_or_insert(now);
        }
    }

    /// The next thing for the driver to do.
    pub fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// The next text to send over the WebSocket.
    pub fn poll_frame(&mut self) -> Option<String> {
        self.connection.poll_frame()
    }

    /// The next datagram to send.
    pub fn poll_datagram(&mut self) -> Option<Datagram> {
        self.sessions.poll_datagram()
    }
}
