//! A stream that comes back by itself: when to open a socket, when to give one up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use xmpp::{Element, FullJid};

use super::backoff::Backoff;
use super::stream::{Stream, StreamEvent};

/// For opening a socket and logging in.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a lost connection is sought.
const GIVE_UP_AFTER: Duration = Duration::from_secs(15 * 60);
/// Between attempts, as the meeting page has it.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_millis(2_500);

#[derive(Debug)]
pub(super) enum ConnectionEvent {
    /// Open a socket, and go on with this session.
    OpenSocket { previd: Option<String> },
    /// The WebSocket is to be closed.
    CloseSocket,
    /// A new session.
    Online,
    /// The earlier session goes on.
    Resumed,
    /// The socket is lost.
    Interrupted(String),
    /// A stanza arrived.
    Stanza(Element),
    /// It does not come back.
    GaveUp(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Attempt { deadline: Instant },
    Up,
    Waiting { until: Instant },
    Stopped,
}

#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    state: State,
    backoff: Backoff,
    lost_at: Instant,
    rng: SmallRng,
    events: VecDeque<ConnectionEvent>,
}

impl Connection {
    pub(super) fn new(domain: &str, rng: SmallRng, now: Instant) -> Self {
        Self {
            stream: Stream::new(domain, now),
            state: State::Idle,
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT),
            lost_at: now,
            rng,
            events: VecDeque::new(),
        }
    }

    /// Begins, unless it has begun.
    pub(super) fn connect(&mut self, now: Instant) {
        if self.state == State::Idle {
            self.lost_at = now;
            self.attempt(now);
        }
    }

    pub(super) fn jid(&self) -> Option<&FullJid> {
        self.stream.jid()
    }

    pub(super) fn is_up(&self) -> bool {
        self.state == State::Up
    }

    fn attempt(&mut self, now: Instant) {
        self.state = State::Attempt {
            deadline: now + ATTEMPT_TIMEOUT,
        };
        let previd = self.stream.ticket().map(str::to_owned);
        self.events
            .push_back(ConnectionEvent::OpenSocket { previd });
    }

    pub(super) fn handle_open(&mut self, now: Instant) {
        if matches!(self.state, State::Attempt { .. }) {
            self.stream.handle_open(now);
        } else {
            self.events.push_back(ConnectionEvent::CloseSocket);
        }
    }

    pub(super) fn handle_frame(&mut self, text: &str, now: Instant) {
        if matches!(self.state, State::Attempt { .. } | State::Up) {
            self.stream.handle_frame(text, now);
            self.drain(now);
        }
    }

    /// The socket is gone, or did not come about.
    pub(super) fn handle_closed(&mut self, reason: &str, now: Instant) {
        self.stream.handle_closed();
        let was_up = match self.state {
            State::Up => true,
            State::Attempt { .. } => false,
            State::Idle | State::Waiting { .. } | State::Stopped => return,
        };
        if was_up {
            self.lost_at = now;
            self.events
                .push_back(ConnectionEvent::Interrupted(reason.to_owned()));
        }
        if now.duration_since(self.lost_at) > GIVE_UP_AFTER {
            self.state = State::Stopped;
            self.events
                .push_back(ConnectionEvent::GaveUp(reason.to_owned()));
            return;
        }
        let until = now + self.backoff.next(&mut self.rng);
        self.state = State::Waiting { until };
    }

    /// Ends the session, here and on the server.
    pub(super) fn stop(&mut self) {
        self.stream.close();
        self.state = State::Stopped;
    }

    pub(super) fn send(&mut self, stanza: &Element, now: Instant) {
        self.stream.send(stanza);
        self.drain(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Idle | State::Stopped => None,
            State::Attempt { deadline } => Some(deadline),
            State::Up => self.stream.poll_timeout(),
            State::Waiting { until } => Some(until),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        match self.state {
            State::Idle | State::Stopped => {}
            State::Attempt { .. } => self.drop_socket("no answer within 10 s", now),
            State::Waiting { .. } => self.attempt(now),
            State::Up => {
                self.stream.handle_timeout(now);
                self.drain(now);
            }
        }
    }

    fn drop_socket(&mut self, reason: &str, now: Instant) {
        self.events.push_back(ConnectionEvent::CloseSocket);
        self.handle_closed(reason, now);
    }

    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.stream.poll_event() {
            let event = match event {
                StreamEvent::Online => {
                    self.settled();
                    ConnectionEvent::Online
                }
                StreamEvent::Resumed => {
                    self.settled();
                    ConnectionEvent::Resumed
                }
                StreamEvent::Stanza(stanza) => ConnectionEvent::Stanza(stanza),
                StreamEvent::Broken(reason) => {
                    self.drop_socket(&reason, now);
                    continue;
                }
            };
            self.events.push_back(event);
        }
    }

    fn settled(&mut self) {
        self.state = State::Up;
        self.backoff.reset();
    }

    pub(super) fn poll_frame(&mut self) -> Option<String> {
        self.stream.poll_frame()
    }

    pub(super) fn poll_event(&mut self) -> Option<ConnectionEvent> {
        self.events.pop_front()
    }
}
