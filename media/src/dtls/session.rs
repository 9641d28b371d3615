//! The handshake over a network that loses datagrams, and the association after it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::error::HandshakeError;
use super::handshake::{FINISHED, Handshake, Part, Step};
use super::inbox::Inbox;
use super::outgoing::Outgoing;
use super::protection::Opener;
use super::record::{
    ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Record, is_plausible, records,
};
use super::{Certificate, Fingerprint};
use crate::srtp::{KeyMaterial, Side, SrtpProfile};
use crate::transport::DropReason;

/// A flight that nobody answers is sent again after this, then after twice as long, and so on.
const FIRST_PATIENCE: Duration = Duration::from_millis(250);
/// The longest that a flight waits for an answer: somebody wants to be in a meeting.
const MAX_PATIENCE: Duration = Duration::from_secs(4);
/// A handshake that takes longer has failed.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(30);
/// A flight is not sent again sooner because the peer repeats itself.
const REPEAT_INTERVAL: Duration = Duration::from_millis(100);
/// Protected records that overtook the message that brings their keys: kept so many.
const MAX_EARLY: usize = 4;

const WARNING: u8 = 1;
const FATAL: u8 = 2;
const CLOSE_NOTIFY: u8 = 0;

/// What happened on an association.
pub(crate) enum DtlsEvent {
    /// The handshake finished and the peer's certificate is the signalled one.
    Connected(SrtpProfile, KeyMaterial),
    /// It failed for good.
    Failed(String),
    /// The peer sent this.
    Data(Vec<u8>),
    /// The peer said goodbye.
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Handshaking,
    Connected,
    /// Failed or closed: nothing goes in or out.
    Over,
}

/// When the flight is sent again, and when the handshake is given up.
struct Timer {
    sent: Instant,
    patience: Duration,
    limit: Instant,
}

impl Timer {
    fn due(&self) -> Instant {
        (self.sent + self.patience).min(self.limit)
    }
}

pub(crate) struct Dtls {
    side: Side,
    state: State,
    handshake: Handshake,
    inbox: Inbox,
    outgoing: Outgoing,
    opener: Option<Opener>,
    early: Vec<Vec<u8>>,
    /// From the first flight on.
    timer: Option<Timer>,
    events: VecDeque<DtlsEvent>,
}

impl Dtls {
    pub(crate) fn new(
        certificate: &Certificate,
        side: Side,
        fingerprints: Vec<Fingerprint>,
    ) -> Self {
        Self {
            side,
            state: State::Handshaking,
            handshake: Handshake::new(certificate.clone(), side, fingerprints),
            inbox: Inbox::default(),
            outgoing: Outgoing::default(),
            opener: None,
            early: Vec::new(),
            timer: None,
            events: VecDeque::new(),
        }
    }

    pub(crate) fn side(&self) -> Side {
        self.side
    }

    /// Replaces the fingerprints of a handshake that has not verified one yet.
    pub(crate) fn set_fingerprints(&mut self, fingerprints: Vec<Fingerprint>) {
        self.handshake.fingerprints = fingerprints;
    }

    pub(crate) fn handle_packet(&mut self, packet: &[u8], now: Instant) -> Result<(), DropReason> {
        if self.state == State::Over {
            return Err(DropReason::Closed);
        }
        if !is_plausible(packet) {
            return Err(DropReason::MalformedDtls);
        }
        let mut repeated = false;
        for record in records(packet) {
            repeated |= self.take(&record);
        }
        self.advance(now);
        if repeated {
            self.repeat(now);
        }
        Ok(())
    }

    /// The client's first call starts the handshake.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.state != State::Handshaking {
            return;
        }
        match &mut self.timer {
            None if self.side == Side::Client => {
                self.handshake.start();
                self.send_flight(now);
            }
            Some(timer) if timer.limit <= now => self.fail(HandshakeError::Timeout),
            Some(timer) if timer.due() <= now => {
                timer.patience = (timer.patience * 2).min(MAX_PATIENCE);
                self.send_flight(now);
            }
            _ => {}
        }
    }

    pub(crate) fn send(&mut self, data: &[u8]) {
        if self.state == State::Connected {
            self.outgoing.write(APPLICATION_DATA, 1, data);
        }
    }

    /// Says goodbye; the datagram for it is in [`Self::poll_transmit`].
    pub(crate) fn close(&mut self) {
        if self.state == State::Connected {
            self.outgoing.write(ALERT, 1, &[WARNING, CLOSE_NOTIFY]);
        }
        self.end();
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Handshaking => self.timer.as_ref().map(Timer::due),
            State::Connected | State::Over => None,
        }
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.outgoing.poll()
    }

    pub(crate) fn poll_event(&mut self) -> Option<DtlsEvent> {
        self.events.pop_front()
    }

    /// Takes a record in. Returns whether the peer repeats what was answered.
    fn take(&mut self, record: &Record) -> bool {
        match (record.epoch, &mut self.opener) {
            (0, _) => self.take_plain(record),
            (_, Some(opener)) => match opener.open(record) {
                Some(body) => self.take_protected(record.kind, &body),
                None => false,
            },
            (_, None) => {
                if self.early.len() < MAX_EARLY {
                    self.early.push([&record.header[..], record.body].concat());
                }
                false
            }
        }
    }

    /// Nothing of this is authentic before the end of the handshake, and nothing after it counts.
    fn take_plain(&mut self, record: &Record) -> bool {
        let handshaking = self.state == State::Handshaking;
        match (record.kind, record.body) {
            (HANDSHAKE, body) => self
                .inbox
                .take(body, |kind| handshaking && kind != FINISHED),
            (ALERT, [FATAL, alert] | [_, alert @ CLOSE_NOTIFY]) if handshaking => {
                self.fail(HandshakeError::Alert(*alert));
                false
            }
            _ => false,
        }
    }

    fn take_protected(&mut self, kind: u8, body: &[u8]) -> bool {
        let handshaking = self.state == State::Handshaking;
        match (kind, body) {
            (HANDSHAKE, body) => self
                .inbox
                .take(body, |kind| handshaking && kind == FINISHED),
            (ALERT, [FATAL, alert] | [_, alert @ CLOSE_NOTIFY]) => {
                self.fail(HandshakeError::Alert(*alert));
                false
            }
            (APPLICATION_DATA, data) if self.state == State::Connected => {
                // Whoever sends data has heard the last flight.
                self.handshake.flight.clear();
                self.events.push_back(DtlsEvent::Data(data.to_vec()));
                false
            }
            _ => false,
        }
    }

    /// Goes on with the handshake as far as the messages reach.
    fn advance(&mut self, now: Instant) {
        while self.state == State::Handshaking
            && let Some(message) = self.inbox.pop()
        {
            let step = match self.handshake.handle(&message) {
                Ok(step) => step,
                Err(error) => return self.fail(error),
            };
            if let Some((sealer, opener)) = self.handshake.protection.take() {
                self.outgoing.protect(sealer);
                self.opener = Some(opener);
                for early in std::mem::take(&mut self.early) {
                    for record in records(&early) {
                        self.take(&record);
                    }
                }
            }
            match step {
                Step::Await => {}
                Step::Answer => {
                    self.timer = None;
                    self.send_flight(now);
                }
                Step::Done {
                    answer,
                    profile,
                    keys,
                } => {
                    if answer {
                        self.send_flight(now);
                    }
                    self.state = State::Connected;
                    self.events.push_back(DtlsEvent::Connected(profile, keys));
                }
            }
        }
    }

    /// The peer has not heard the flight.
    fn repeat(&mut self, now: Instant) {
        let due = |timer: &Timer| timer.sent + REPEAT_INTERVAL <= now;
        if self.state != State::Over && self.timer.as_ref().is_some_and(due) {
            self.send_flight(now);
        }
    }

    fn send_flight(&mut self, now: Instant) {
        match &mut self.timer {
            Some(timer) => timer.sent = now,
            None => {
                self.timer = Some(Timer {
                    sent: now,
                    patience: FIRST_PATIENCE,
                    limit: now + HANDSHAKE_LIMIT,
                });
            }
        }
        for part in &self.handshake.flight {
            match part {
                Part::ChangeCipherSpec => self.outgoing.write(CHANGE_CIPHER_SPEC, 0, &[1]),
                Part::Message { epoch, message } => self.outgoing.write_message(*epoch, message),
            }
        }
        self.outgoing.flush();
    }

    fn fail(&mut self, error: HandshakeError) {
        match self.state {
            State::Over => return,
            State::Connected => {
                tracing::debug!(%error, "DTLS association lost");
                self.events.push_back(DtlsEvent::Closed);
            }
            State::Handshaking => {
                if let Some(alert) = error.alert() {
                    let flight = &self.handshake.flight;
                    let changed = flight.iter().any(|p| matches!(p, Part::ChangeCipherSpec));
                    self.outgoing
                        .write(ALERT, u16::from(changed), &[FATAL, alert]);
                }
                self.events.push_back(DtlsEvent::Failed(error.to_string()));
            }
        }
        self.end();
    }

    fn end(&mut self) {
        self.outgoing.flush();
        self.state = State::Over;
        self.handshake.flight.clear();
        self.early.clear();
    }
}
