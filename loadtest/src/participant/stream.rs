//! An XMPP stream over WebSocket (RFC 7395): login as a guest, binding, stream management with
//! resumption (XEP-0198), pings. Without IO: texts of frames in and out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use xmpp::sasl::{self, Login, Step};
use xmpp::sm::{Inbound, Nonza, Outbound};
use xmpp::stanza::{self, IqType};
use xmpp::stream::frame::{self, Frame};
use xmpp::stream::{Header, Limits, StreamError};
use xmpp::xml::element;
use xmpp::{Element, FullJid, Jid, ns};

/// Silence after which the server is pinged.
const PING_AFTER: Duration = Duration::from_secs(10);
/// Silence after a ping that counts as a lost ping.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// Lost pings after which the socket is given up.
const PINGS_LOST: u32 = 2;
/// An acknowledgement is asked for after so many stanzas.
const ACK_EVERY: usize = 5;
/// More unacknowledged stanzas than a participant ever has.
const MAX_UNACKNOWLEDGED: usize = 500;

/// What the stream tells.
#[derive(Debug)]
pub(super) enum StreamEvent {
    /// A new session: nothing of an earlier one is left.
    Online,
    /// The earlier session goes on.
    Resumed,
    /// A stanza arrived.
    Stanza(Element),
    /// The socket is of no more use; the text says why.
    Broken(String),
}

#[derive(Debug)]
enum State {
    /// No socket.
    Closed,
    /// `<open/>` is sent; the features decide what comes next.
    Opening,
    LoggingIn(Login),
    /// Logged in and opened anew.
    Reopening,
    Resuming,
    Binding {
        request: String,
    },
    Enabling,
    Online,
}

#[derive(Debug)]
pub(super) struct Stream {
    domain: String,
    state: State,
    jid: Option<FullJid>,
    /// Id by which the server knows the session, where it can be resumed.
    ticket: Option<String>,
    features: Option<Element>,
    inbound: Inbound,
    outbound: Outbound<String>,
    unrequested: usize,
    frames: VecDeque<String>,
    events: VecDeque<StreamEvent>,
    last_heard: Instant,
    /// When the ping that is out was sent.
    pinged: Option<Instant>,
    pings_lost: u32,
}

impl Stream {
    pub(super) fn new(domain: &str, now: Instant) -> Self {
        Self {
            domain: domain.to_owned(),
            state: State::Closed,
            jid: None,
            ticket: None,
            features: None,
            inbound: Inbound::default(),
            outbound: Outbound::default(),
            unrequested: 0,
            frames: VecDeque::new(),
            events: VecDeque::new(),
            last_heard: now,
            pinged: None,
            pings_lost: 0,
        }
    }

    pub(super) fn jid(&self) -> Option<&FullJid> {
        self.jid.as_ref()
    }

    pub(super) fn is_online(&self) -> bool {
        matches!(self.state, State::Online)
    }

    /// Id of the session that the next socket goes on with.
    pub(super) fn ticket(&self) -> Option<&str> {
        self.ticket.as_deref()
    }

    /// Forgets the session: the next socket begins a new one.
    pub(super) fn forget(&mut self) {
        self.ticket = None;
        self.outbound = Outbound::default();
        self.inbound = Inbound::default();
    }

    pub(super) fn handle_open(&mut self, now: Instant) {
        self.last_heard = now;
        self.pinged = None;
        self.pings_lost = 0;
        self.state = State::Opening;
        self.open();
    }

    pub(super) fn handle_closed(&mut self) {
        self.state = State::Closed;
        self.frames.clear();
    }

    fn open(&mut self) {
        self.frames
            .push_back(frame::open(&Header::to_domain(&self.domain)));
    }

    pub(super) fn handle_frame(&mut self, text: &str, now: Instant) {
        self.last_heard = now;
        self.pinged = None;
        self.pings_lost = 0;
        match frame::parse(text, &Limits::SERVICE) {
            Ok(Frame::Open(_)) => {}
            Ok(Frame::Close { .. }) => self.broken("the server closed the stream"),
            Ok(Frame::Element(element)) => {
                if let Err(reason) = self.handle_element(element) {
                    self.broken(&reason);
                }
            }
            Err(error) => self.broken(&format!("the server sent no XMPP: {error}")),
        }
    }

    fn broken(&mut self, reason: &str) {
        if !matches!(self.state, State::Closed) {
            self.state = State::Closed;
            self.events
                .push_back(StreamEvent::Broken(reason.to_owned()));
        }
    }

    fn handle_element(&mut self, element: Element) -> Result<(), String> {
        if element.is("error", ns::STREAM) {
            let error = StreamError::try_from(&element).map_err(|error| error.to_string())?;
            return Err(format!("stream error: {error}"));
        }
        if element.is("features", ns::STREAM) {
            return self.handle_features(element);
        }
        if element.has_ns(ns::SM) {
            let nonza = Nonza::try_from(&element).map_err(|error| error.to_string())?;
            return self.handle_nonza(nonza);
        }
        if let State::LoggingIn(login) = &mut self.state {
            match login.handle(&element).map_err(|error| error.to_string())? {
                Step::Respond(response) => self.frames.push_back(frame::element(&response)),
                Step::Done => {
                    self.state = State::Reopening;
                    self.open();
                }
            }
            return Ok(());
        }
        if stanza::is_stanza(&element) {
            self.handle_stanza(element)?;
        }
        Ok(())
    }

    fn handle_features(&mut self, features: Element) -> Result<(), String> {
        match self.state {
            State::Opening => {
                let offered = sasl::offered_mechanisms(&features);
                let mut login =
                    Login::choose(&offered, None, true).map_err(|error| error.to_string())?;
                self.frames.push_back(frame::element(&login.start()));
                self.state = State::LoggingIn(login);
            }
            State::Reopening => match self.ticket.clone() {
                Some(previd) if features.has_child("sm", ns::SM) => {
                    let h = self.inbound.h();
                    self.features = Some(features);
                    self.push_nonza(&Nonza::Resume { previd, h });
                    self.state = State::Resuming;
                }
                _ => {
                    self.features = Some(features);
                    self.bind();
                }
            },
            _ => return Err("the server sent features out of turn".to_owned()),
        }
        Ok(())
    }

    fn bind(&mut self) {
        self.forget();
        let request = stanza::new_id();
        let bind = element("bind", ns::BIND);
        let iq = stanza::iq(IqType::Set, &request, None, Some(bind));
        self.frames.push_back(frame::element(&iq));
        self.state = State::Binding { request };
    }

    fn handle_nonza(&mut self, nonza: Nonza) -> Result<(), String> {
        match nonza {
            Nonza::Request => {
                let h = self.inbound.h();
                self.push_nonza(&Nonza::Ack { h });
            }
            Nonza::Ack { h } => self.acknowledge(h)?,
            Nonza::Resumed { h, .. } if matches!(self.state, State::Resuming) => {
                self.acknowledge(h)?;
                let again: Vec<String> = self.outbound.unacknowledged().cloned().collect();
                self.frames.extend(again);
                self.state = State::Online;
                self.events.push_back(StreamEvent::Resumed);
            }
            Nonza::Failed { .. } if matches!(self.state, State::Resuming) => self.bind(),
            Nonza::Enabled { id, resume, .. } if matches!(self.state, State::Enabling) => {
                self.ticket = id.filter(|_| resume);
                self.online();
            }
            Nonza::Failed { .. } if matches!(self.state, State::Enabling) => self.online(),
            _ => return Err("the server sent stream management out of turn".to_owned()),
        }
        Ok(())
    }

    fn acknowledge(&mut self, h: u32) -> Result<(), String> {
        self.outbound
            .acknowledge(h)
            .map(|_| ())
            .map_err(|error| error.to_string())
    }

    fn online(&mut self) {
        self.state = State::Online;
        self.events.push_back(StreamEvent::Online);
    }

    fn handle_stanza(&mut self, stanza: Element) -> Result<(), String> {
        if let State::Binding { request } = &self.state {
            if stanza::id(&stanza) != Some(request) {
                return Ok(());
            }
            let jid = stanza::payload(&stanza)
                .and_then(|bind| bind.get_child("jid", ns::BIND))
                .and_then(|jid| FullJid::new(jid.text().trim()).ok())
                .ok_or("the server bound no JID")?;
            self.jid = Some(jid);
            if self
                .features
                .take()
                .is_some_and(|features| features.has_child("sm", ns::SM))
            {
                self.push_nonza(&Nonza::Enable {
                    resume: true,
                    max: None,
                });
                self.state = State::Enabling;
            } else {
                self.online();
            }
            return Ok(());
        }
        // What was bound but not yet enabled is not counted (XEP-0198 §3).
        if self.is_online() {
            self.inbound.count();
        }
        self.events.push_back(StreamEvent::Stanza(stanza));
        Ok(())
    }

    fn push_nonza(&mut self, nonza: &Nonza) {
        self.frames.push_back(frame::element(&Element::from(nonza)));
    }

    /// Sends a stanza, or keeps it for the resumption of the session.
    pub(super) fn send(&mut self, stanza: &Element) {
        let text = frame::element(stanza);
        if self.outbound.len() == MAX_UNACKNOWLEDGED {
            self.broken("the server acknowledges nothing");
            return;
        }
        if self.ticket.is_some() {
            self.outbound.push(text.clone());
        }
        if !self.is_online() {
            return;
        }
        self.frames.push_back(text);
        self.unrequested += 1;
        if self.ticket.is_some() && self.unrequested >= ACK_EVERY {
            self.unrequested = 0;
            self.push_nonza(&Nonza::Request);
        }
    }

    /// Says goodbye: the server ends the session at once.
    pub(super) fn close(&mut self) {
        if self.is_online() {
            self.frames.push_back(frame::close());
            self.state = State::Closed;
        }
        self.forget();
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.is_online().then(|| match self.pinged {
            Some(at) => at + PING_TIMEOUT,
            None => self.last_heard + PING_AFTER,
        })
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        if self.pinged.is_some() {
            self.pings_lost += 1;
            if self.pings_lost >= PINGS_LOST {
                self.broken("the server does not answer pings");
                return;
            }
        }
        self.pinged = Some(now);
        if let Ok(domain) = Jid::new(&self.domain) {
            let ping = stanza::iq_get(&domain, element("ping", ns::PING));
            self.send(&ping);
        }
    }

    pub(super) fn poll_frame(&mut self) -> Option<String> {
        self.frames.pop_front()
    }

    pub(super) fn poll_event(&mut self) -> Option<StreamEvent> {
        self.events.pop_front()
    }
}

#[cfg(test)]
mod tests;
