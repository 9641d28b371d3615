//! One transport connection: from the first stream header to the last byte (RFC 6120 §4).
//!
//! Pure: elements and the time go in by `handle_*`, frames come out by [`Connection::poll_output`]. The transports
//! differ only in [`Framing`].

mod bind;
mod framing;
mod login;
mod management;
mod rate;

pub(crate) use framing::Framing;

use crate::addresses::{Address, Permit};
use crate::host::{Host, Login};
use crate::mailbox::Item;
use crate::now::Now;
use crate::session::{End, Kind, Life, Session, Wake};
use login::Exchange;
use rate::Rate;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp::stream::{Header, Limits, StreamCondition, StreamError};
use xmpp::{Element, ns};

/// Where a connection comes from, and what its URL says.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) framing: Framing,
    pub(crate) address: Address,
    /// Nobody on the way can read it.
    pub(crate) encrypted: bool,
    /// STARTTLS is possible.
    pub(crate) can_encrypt: bool,
    pub(crate) query: Query,
}

/// Parameters of a WebSocket or BOSH URL (rooms reference §2.1).
#[derive(Clone, Default)]
pub(crate) struct Query {
    pub(crate) room: Option<String>,
    pub(crate) prefix: String,
    pub(crate) token: Option<String>,
    pub(crate) previous: Option<String>,
    pub(crate) region: Option<String>,
}

impl std::fmt::Debug for Query {
    /// Tokens and previous ids are secrets.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Query")
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

/// What the transport has to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Send this. One WebSocket frame; on TCP, just text.
    Text(String),
    /// Start TLS; the next header comes through it.
    StartTls,
    /// Send what is there and close.
    Close,
}

pub(crate) struct Connection {
    host: Arc<Host>,
    origin: Origin,
    wake: Arc<dyn Wake>,
    stage: Stage,
    domain: String,
    out: VecDeque<Output>,
    /// A stream of ours is open.
    opened: bool,
    restart: bool,
    login_deadline: Instant,
    last_heard: Instant,
    /// The moment of the last input.
    now: Now,
    asked_alive: bool,
    failed_logins: u32,
    rate: Rate,
    _permit: Option<Permit>,
}

enum Stage {
    /// Logging in.
    Negotiating(Option<Exchange>),
    /// Logged in, not bound.
    Authenticated(Box<Login>),
    /// Serving a session.
    Bound(Arc<Session>, u64),
    /// Over.
    Closed,
}

/// How a transport ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The peer said goodbye (`</stream:stream>`, `<close/>`, `terminate`).
    Goodbye,
    /// It broke.
    Lost,
}

impl Connection {
    /// A connection that waits for a stream header.
    pub(crate) fn new(
        host: Arc<Host>,
        origin: Origin,
        permit: Option<Permit>,
        wake: Arc<dyn Wake>,
        now: Now,
    ) -> Self {
        host.counters.connections.increase();
        let limits = &host.settings.limits;
        Self {
            login_deadline: now.instant + limits.unauthenticated,
            last_heard: now.instant,
            now,
            rate: Rate::new(limits, now.instant),
            domain: host.settings.names.domain.clone(),
            host,
            origin,
            wake,
            stage: Stage::Negotiating(None),
            out: VecDeque::new(),
            opened: false,
            restart: true,
            asked_alive: false,
            failed_logins: 0,
            _permit: permit,
        }
    }

    /// Limits on what the peer may send at this stage.
    pub(crate) fn limits(&self) -> Limits {
        let config = &self.host.settings.limits;
        let with = |stanza_bytes, base: Limits| Limits {
            stanza_bytes,
            depth: config.depth,
            ..base
        };
        match self.kind() {
            None => with(config.unauthenticated_stanza_bytes, Limits::UNAUTHENTICATED),
            Some(Kind::Guest) => with(config.stanza_bytes, Limits::PARTICIPANT),
            Some(Kind::Service { .. }) => with(config.service_stanza_bytes, Limits::SERVICE),
        }
    }

    fn kind(&self) -> Option<Kind> {
        match &self.stage {
            Stage::Authenticated(login) => Some(login.kind),
            Stage::Bound(session, _) => Some(session.kind),
            Stage::Negotiating(_) | Stage::Closed => None,
        }
    }

    /// How long the peer may be silent before it is asked.
    fn idle(&self) -> Duration {
        let limits = &self.host.settings.limits;
        match self.kind() {
            Some(Kind::Service { .. }) => limits.service_idle,
            Some(Kind::Guest) | None => limits.idle,
        }
    }

    /// Whether the parser must expect a new stream header. True once for each.
    pub(crate) fn take_restart(&mut self) -> bool {
        std::mem::take(&mut self.restart)
    }

    /// The domain that the stream addresses.
    pub(crate) fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether the connection serves a session.
    pub(crate) fn is_bound(&self) -> bool {
        matches!(self.stage, Stage::Bound(..))
    }

    /// Whether TLS starts next: what follows in the clear must not be looked at.
    pub(crate) fn wants_tls(&self) -> bool {
        self.out.contains(&Output::StartTls)
    }

    /// Whether the connection is over; what it has to say may still wait in [`Connection::poll_output`].
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.stage, Stage::Closed)
    }

    /// The peer opens a stream, for the first time or after login.
    pub(crate) fn handle_header(&mut self, header: &Header, now: Now) {
        self.heard(now);
        if self.is_closed() {
            return;
        }
        let settings = &self.host.settings;
        let wanted = header.to.as_deref().unwrap_or(&settings.names.domain);
        let wanted = wanted.to_lowercase();
        let known = settings.has_people_on(&wanted) || settings.has_accounts_on(&wanted);
        if !known {
            return self.fail(&StreamError::new(StreamCondition::HostUnknown));
        }
        self.domain = wanted;
        self.send_header();
        let features = match &self.stage {
            Stage::Authenticated(_) => self.bound_features(),
            Stage::Negotiating(_) => self.login_features(),
            Stage::Bound(..) | Stage::Closed => {
                let error = StreamError::new(StreamCondition::PolicyViolation);
                return self.fail(&error.with_text("a stream cannot be opened twice"));
            }
        };
        self.send(self.origin.framing.features(&features));
    }

    /// TLS is up after [`Output::StartTls`].
    pub(crate) fn handle_encrypted(&mut self, now: Now) {
        self.heard(now);
        self.origin.encrypted = true;
        self.origin.can_encrypt = false;
        self.opened = false;
        self.restart = true;
    }

    /// The peer sends an element.
    pub(crate) fn handle_element(&mut self, element: &Element, now: Now) {
        self.heard(now);
        if self.is_closed() {
            return;
        }
        if !self.opened {
            return self.fail(&StreamError::new(StreamCondition::PolicyViolation));
        }
        match &self.stage {
            Stage::Negotiating(_) => self.handle_login(element, now),
            Stage::Authenticated(_) => self.handle_bind(element, now),
            Stage::Bound(session, _) => {
                let session = Arc::clone(session);
                self.handle_bound(&session, element, now);
            }
            Stage::Closed => {}
        }
    }

    fn handle_bound(&mut self, session: &Arc<Session>, element: &Element, now: Now) {
        if xmpp::stanza::is_stanza(element) {
            // After this connection lost its session, what it still sends must not act for it.
            if !self.is_attached() {
                return;
            }
            self.rate.handle_stanza();
            self.host.handle_stanza(session, element, now);
            let mut state = session.state.lock();
            if let Some(handled) = &mut state.handled {
                *handled = handled.wrapping_add(1);
            }
            self.rate.handle_bytes(std::mem::take(&mut state.charged));
        } else if element.has_ns(ns::SM) {
            self.rate.handle_stanza();
            self.handle_management(session, element);
        } else {
            self.fail(&StreamError::new(StreamCondition::UnsupportedStanzaType));
        }
    }

    /// What the peer sends is no XMPP.
    pub(crate) fn handle_bad_input(&mut self, error: &StreamError) {
        if self.is_closed() {
            return;
        }
        self.host.counters.dropped_malformed.increase();
        self.fail(error);
    }

    /// The transport has ended, or says goodbye.
    pub(crate) fn handle_end(&mut self, ending: Ending, now: Now) {
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Bound(session, attachment) => match ending {
                Ending::Lost => self.host.lose_connection(&session, attachment, now),
                Ending::Goodbye => {
                    if session.state.lock().is_attached(attachment) {
                        self.host.end_session(&session, End::Left, now);
                    }
                }
            },
            Stage::Closed => return,
            Stage::Negotiating(_) | Stage::Authenticated(_) => {}
        }
        if ending == Ending::Goodbye {
            self.send_close();
        }
    }

    /// Bytes have come in.
    pub(crate) fn handle_bytes(&mut self, bytes: usize) {
        self.rate.handle_bytes(bytes);
    }

    /// Something came that is no stanza and has to be paid for all the same: a ping of the transport, white space.
    pub(crate) fn handle_trifle(&mut self) {
        self.rate.handle_stanza();
    }

    /// Where the peer is.
    pub(crate) fn address(&self) -> Address {
        self.origin.address
    }

    /// For how long the transport should not read, because the peer sends too fast.
    pub(crate) fn poll_pause(&mut self, now: Now) -> Option<Duration> {
        if matches!(self.kind(), Some(Kind::Service { .. }))
            || self.origin.address == Address::LOCAL
        {
            return None;
        }
        let pause = self.rate.poll_pause(now.instant)?;
        self.host.counters.throttled.increase();
        Some(pause)
    }

    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, now: Now) {
        self.now = now;
        let idle = self.idle();
        match &self.stage {
            Stage::Negotiating(_) | Stage::Authenticated(_) => {
                if now.instant >= self.login_deadline {
                    let error = StreamError::new(StreamCondition::ConnectionTimeout);
                    self.fail(&error.with_text("not logged in within the time for it"));
                } else {
                    self.look_for_key(now);
                }
            }
            Stage::Bound(session, _) => {
                let silent = now.instant.saturating_duration_since(self.last_heard);
                let unanswered = session.state.lock().mailbox.answer_overdue(now.instant);
                if silent >= idle * 2 || unanswered {
                    self.host.counters.sessions_unanswering.increase();
                    self.handle_end(Ending::Lost, now);
                    self.send_close();
                } else if silent >= idle && !self.asked_alive {
                    self.asked_alive = true;
                    let session = Arc::clone(session);
                    self.ask_alive(&session);
                }
            }
            Stage::Closed => {}
        }
    }

    /// When [`Connection::handle_timeout`] or [`Connection::poll_output`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let idle = self.idle();
        match &self.stage {
            Stage::Negotiating(_) | Stage::Authenticated(_) => {
                let key = self.key_deadline().unwrap_or(self.login_deadline);
                Some(key.min(self.login_deadline))
            }
            Stage::Bound(session, _) => {
                let silence = self.last_heard + if self.asked_alive { idle * 2 } else { idle };
                let mailbox = session.state.lock().mailbox.poll_timeout();
                Some(mailbox.map_or(silence, |at| at.min(silence)))
            }
            Stage::Closed => None,
        }
    }

    /// The next thing for the transport to do.
    pub(crate) fn poll_output(&mut self, now: Now) -> Option<Output> {
        self.look_for_key(now);
        if let Some(output) = self.out.pop_front() {
            return Some(output);
        }
        let Stage::Bound(session, attachment) = &self.stage else {
            return None;
        };
        let mut state = session.state.lock();
        let end = match &state.life {
            Life::Attached(current, _) if current == attachment => None,
            Life::Ended(end) => Some(*end),
            Life::Attached(..) | Life::Hibernating(_) | Life::Succeeded(_) => Some(End::Replaced),
        };
        let Some(end) = end else {
            let item = state.mailbox.poll(now.instant)?;
            drop(state);
            let mut text = String::new();
            match item {
                Item::Stanza(stanza) => {
                    stanza.write(
                        &mut text,
                        &session.to,
                        self.origin.framing.declares_namespace(),
                    );
                }
                Item::Nonza(nonza) | Item::Enabled(nonza) => text = nonza,
            }
            return Some(Output::Text(text));
        };
        drop(state);
        self.stage = Stage::Closed;
        match end {
            End::Left => self.send_close(),
            End::Replaced => self.fail(
                &StreamError::new(StreamCondition::Conflict)
                    .with_text("Replaced by new connection"),
            ),
            End::TooSlow => self.fail(
                &StreamError::new(StreamCondition::ResourceConstraint)
                    .with_text("too much waited for you to read it"),
            ),
            End::TokenExpired => self.fail(
                &StreamError::new(StreamCondition::NotAuthorized)
                    .with_text("your token has expired"),
            ),
            End::Shutdown => self.fail(&StreamError::new(StreamCondition::SystemShutdown)),
        }
        self.out.pop_front()
    }

    fn is_attached(&self) -> bool {
        match &self.stage {
            Stage::Bound(session, attachment) => session.state.lock().is_attached(*attachment),
            _ => false,
        }
    }

    fn heard(&mut self, now: Now) {
        self.last_heard = now.instant;
        self.now = now;
        self.asked_alive = false;
    }

    /// Makes a silent peer say something.
    fn ask_alive(&mut self, session: &Session) {
        let mut state = session.state.lock();
        if state.handled.is_some() {
            state
                .mailbox
                .push_nonza("<r xmlns='urn:xmpp:sm:3'/>".into());
        } else {
            drop(state);
            let mut writer = crate::render::Writer::stanza("iq");
            writer
                .attr("type", "get")
                .attr("id", "alive")
                .attr("from", &self.domain);
            writer.open("ping", ns::PING);
            session.deliver(Arc::new(writer.finish()));
        }
    }

    fn send(&mut self, text: String) {
        self.out.push_back(Output::Text(text));
    }

    fn send_header(&mut self) {
        let id = self.host.random.uuid();
        let header = Header::from_domain(self.domain.clone(), id);
        if let Some(text) = self.origin.framing.header(&header) {
            self.send(text);
        }
        self.opened = true;
        self.restart = false;
    }

    /// Says why, and ends the stream. The session, if there is one, is over (RFC 6120 §4.9.1.1).
    fn fail(&mut self, error: &StreamError) {
        if !self.opened {
            // RFC 6120 §4.9.1.2: the error goes into a stream, so one is opened for it.
            self.send_header();
        }
        tracing::debug!(address = %self.origin.address, %error, "stream closed");
        self.send(self.origin.framing.error(error));
        self.send_close();
        if let Stage::Bound(session, attachment) = std::mem::replace(&mut self.stage, Stage::Closed)
            && session.state.lock().is_attached(attachment)
        {
            self.host.end_session(&session, End::Left, self.now);
        }
    }

    fn send_close(&mut self) {
        if self.opened {
            self.send(self.origin.framing.close());
            self.opened = false;
        }
        self.out.push_back(Output::Close);
    }
}
