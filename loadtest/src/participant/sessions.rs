//! The media sessions with the focus, of which one at a time counts. A new offer replaces the
//! current session; the old one goes on until the new one has brought media, so that nothing is lost
//! which the protocol lets one keep, unless the participant is to behave as clients that do not know
//! this.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use media::dtls::Certificate;
use rand::rngs::SmallRng;
use xmpp::jingle::{Action, BridgeSession, Content, Jingle, Reason, ReasonCondition};
use xmpp::stanza::Condition;

use super::handover::Handover;
use super::offer::Offer;
use super::recovery::{Recovery, Wish};
use super::session::{Datagram, Identity, MediaId, Session, SessionEvent};
use crate::journal::{self, Journal};

/// What the focus says when it ends a session because it moves the participant.
const MOVING: &str = "moving";

/// What a request to the focus is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The answer to the offer of this session.
    Answer { sid: String },
    /// Recovery of this session.
    Recovery { sid: String, wish: Wish },
    /// Something whose result changes nothing.
    Other,
}

#[derive(Debug)]
pub(super) enum SessionsEvent {
    /// Open sockets from which these addresses can be reached.
    OpenMedia {
        id: MediaId,
        toward: Vec<SocketAddr>,
    },
    /// Close its sockets, once all datagrams are sent.
    CloseMedia(MediaId),
    /// Ask the focus.
    Ask { jingle: Box<Jingle>, about: About },
}

#[derive(Default)]
enum Current {
    #[default]
    None,
    /// The sockets are being opened.
    Opening(MediaId, Box<Offer>),
    Running(Box<Session>),
}

pub(super) struct Sessions {
    certificate: Certificate,
    /// Whether a session that is replaced ends at once.
    break_before_make: bool,
    current: Current,
    handover: Option<Handover<Box<Session>>>,
    /// The focus has said that it moves the participant, and has not made an offer yet.
    moving: bool,
    recovery: Recovery,
    last_id: u64,
    datagrams: VecDeque<Datagram>,
    events: VecDeque<SessionsEvent>,
}

impl Sessions {
    pub(super) fn new(certificate: Certificate, break_before_make: bool) -> Self {
        Self {
            certificate,
            break_before_make,
            current: Current::None,
            handover: None,
            moving: false,
            recovery: Recovery::default(),
            last_id: 0,
            datagrams: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    fn sid(&self) -> Option<&str> {
        match &self.current {
            Current::None => None,
            Current::Opening(_, offer) => Some(&offer.sid),
            Current::Running(session) => Some(&session.offer.sid),
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(&self.current, Current::Running(session) if session.is_connected())
    }

    /// Takes an action of the focus.
    ///
    /// # Errors
    /// The condition to answer with.
    pub(super) fn handle_jingle(
        &mut self,
        jingle: Jingle,
        rng: &mut SmallRng,
        journal: &mut Journal,
        now: Instant,
    ) -> Result<(), Condition> {
        let offers = jingle.action == Action::SessionInitiate;
        if offers || jingle.action == Action::TransportReplace {
            // An offer that comes twice is answered once.
            if offers && self.sid() == Some(&jingle.sid) {
                return Ok(());
            }
            let offer = Offer::read(jingle).map_err(|_| Condition::BadRequest)?;
            let moving = std::mem::take(&mut self.moving);
            journal.handle_offer(journal::Offer::new(now, moving));
            self.retire(now);
            self.recovery.handle_success();
            self.last_id += 1;
            let id = MediaId(self.last_id);
            let toward = offer.addresses();
            self.events
                .push_back(SessionsEvent::OpenMedia { id, toward });
            self.current = Current::Opening(id, Box::new(offer));
            return Ok(());
        }
        let ends = jingle.action == Action::SessionTerminate;
        if self.sid() != Some(&jingle.sid) {
            return if ends {
                Ok(())
            } else {
                Err(Condition::ItemNotFound)
            };
        }
        if ends {
            self.handle_terminate(&jingle, now);
        } else if let Current::Running(session) = &mut self.current {
            match jingle.action {
                Action::SourceAdd => session.heard().add(&jingle.sources()),
                Action::SourceRemove => session.heard().remove(&jingle.sources()),
                Action::TransportInfo => self.handle_transport_info(&jingle, rng, now),
                _ => {}
            }
        }
        Ok(())
    }

    /// `success` announces a move: the next offer is on its way. Anything else is an end.
    fn handle_terminate(&mut self, jingle: &Jingle, now: Instant) {
        let reason = jingle.reason.as_ref();
        let moves = reason.and_then(|reason| reason.condition) == Some(ReasonCondition::Success);
        self.moving = reason.and_then(|reason| reason.text.as_deref()) == Some(MOVING);
        self.retire(now);
        self.recovery.handle_success();
        if !moves {
            self.drop_old(now);
        }
    }

    fn handle_transport_info(&mut self, jingle: &Jingle, rng: &mut SmallRng, now: Instant) {
        let (Current::Running(session), Some(transport)) = (&mut self.current, jingle.transport())
        else {
            return;
        };
        let Some(local) = session.handle_transport_info(transport, rng, now) else {
            return;
        };
        let mut own = session
            .offer
            .local_transport(&local, self.certificate.fingerprint());
        own.ice_generation = transport.ice_generation;
        let mut content = Content::new("audio");
        content.transport = Some(own);
        let mut answer = Jingle::new(Action::TransportInfo, &jingle.sid);
        answer.contents.push(content);
        self.ask(answer, About::Other);
    }

    fn ask(&mut self, jingle: Jingle, about: About) {
        let jingle = Box::new(jingle);
        self.events.push_back(SessionsEvent::Ask { jingle, about });
    }

    /// The sockets of a session are open at these addresses.
    pub(super) fn handle_media_open(
        &mut self,
        id: MediaId,
        locals: Vec<SocketAddr>,
        who: Identity<'_>,
        rng: &mut SmallRng,
        journal: &Journal,
        now: Instant,
    ) {
        let offer = match std::mem::take(&mut self.current) {
            Current::Opening(expected, offer) if expected == id => offer,
            other => {
                self.current = other;
                self.events.push_back(SessionsEvent::CloseMedia(id));
                return;
            }
        };
        let session = Session::start(id, *offer, locals, &self.certificate, who, rng, now);
        let Ok(session) = session else {
            // Credentials or fingerprints that cannot be used; the focus may have better ones.
            self.events.push_back(SessionsEvent::CloseMedia(id));
            self.recovery.handle_refused_answer(now);
            return;
        };
        let offer = &session.offer;
        let answer = offer.accept(
            session.local_credentials(),
            self.certificate.fingerprint(),
            &session.sources(),
            who.jid,
        );
        let sid = offer.sid.clone();
        self.current = Current::Running(Box::new(session));
        self.ask(answer, About::Answer { sid });
        self.drain(journal, now);
    }

    /// The focus answered a request.
    pub(super) fn handle_answer(&mut self, about: &About, refused: bool, now: Instant) {
        match about {
            About::Answer { sid } if refused && self.sid() == Some(sid) => {
                self.recovery.handle_refused_answer(now);
            }
            About::Recovery { sid, wish } if refused && self.sid() == Some(sid) => {
                let next = self.recovery.handle_refusal(*wish, now);
                self.recover(next);
            }
            _ => {}
        }
    }

    fn recover(&mut self, wish: Option<Wish>) {
        let (Some(wish), Current::Running(session)) = (wish, &self.current) else {
            return;
        };
        let sid = session.offer.sid.clone();
        let mut bridge_session = BridgeSession {
            id: session.offer.bridge_session.clone(),
            ..BridgeSession::default()
        };
        let jingle = match wish {
            Wish::IceRestart => {
                bridge_session.ice_restart = true;
                let mut jingle = Jingle::new(Action::SessionInfo, &sid);
                jingle.bridge_session = Some(bridge_session);
                jingle
            }
            Wish::NewSession => {
                bridge_session.restart = true;
                let mut jingle = Jingle::new(Action::SessionTerminate, &sid);
                jingle.reason = Some(Reason {
                    condition: Some(ReasonCondition::ConnectivityError),
                    text: Some("ICE FAILED".to_owned()),
                });
                jingle.bridge_session = Some(bridge_session);
                jingle
            }
        };
        self.ask(jingle, About::Recovery { sid, wish });
    }

    pub(super) fn handle_datagram(
        &mut self,
        id: MediaId,
        buf: &mut [u8],
        way: (SocketAddr, SocketAddr),
        journal: &mut Journal,
        now: Instant,
    ) {
        let (from, to) = way;
        match (&mut self.current, &mut self.handover) {
            (Current::Running(session), handover) if session.id == id => {
                if let Some(arrival) = session.handle_datagram(buf, from, to, now) {
                    if let Some(handover) = handover {
                        handover.handle_new(&arrival);
                    }
                    journal.handle_packet(arrival, now);
                }
            }
            (_, Some(handover)) if handover.old.id == id => {
                let arrival = handover.old.handle_datagram(buf, from, to, now);
                if let Some(arrival) = arrival.filter(|arrival| handover.takes_old(arrival)) {
                    journal.handle_packet(arrival, now);
                }
            }
            _ => {}
        }
        self.drain(journal, now);
    }

    pub(super) fn poll_timeout(&mut self) -> Option<Instant> {
        let current = match &mut self.current {
            Current::Running(session) => session.poll_timeout(),
            _ => None,
        };
        let old = self.handover.as_mut().map(|handover| {
            let own = handover.old.poll_timeout();
            own.map_or(handover.until, |own| own.min(handover.until))
        });
        [current, old, self.recovery.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn handle_timeout(&mut self, journal: &Journal, now: Instant) {
        if let Current::Running(session) = &mut self.current {
            session.handle_timeout(now);
        }
        if let Some(handover) = &mut self.handover {
            handover.old.handle_timeout(now);
            if handover.until <= now {
                self.drop_old(now);
            }
        }
        let wish = self.recovery.handle_timeout(now);
        self.recover(wish);
        self.drain(journal, now);
    }

    fn drain(&mut self, journal: &Journal, now: Instant) {
        if let Some(Handover { old, .. }) = &mut self.handover {
            while old.poll_event().is_some() {}
            while let Some(datagram) = old.poll_datagram() {
                self.datagrams.push_back(datagram);
            }
        }
        let mut connected = false;
        let mut wish = None;
        if let Current::Running(session) = &mut self.current {
            while let Some(event) = session.poll_event() {
                match event {
                    SessionEvent::Connected => connected = true,
                    SessionEvent::Failed => {
                        let can_restart = session.offer.bridge_session.is_some();
                        wish = self.recovery.handle_failure(can_restart, now);
                    }
                }
            }
            while let Some(datagram) = session.poll_datagram() {
                self.datagrams.push_back(datagram);
            }
        }
        if connected {
            self.recovery.handle_success();
        } else {
            self.recover(wish);
        }
        let handover = self.handover.as_ref();
        if self.is_connected() && handover.is_some_and(|it| it.is_complete(journal, now)) {
            self.drop_old(now);
        }
    }

    /// The current session becomes the one that goes on until the next has taken over.
    fn retire(&mut self, now: Instant) {
        match std::mem::take(&mut self.current) {
            Current::None => {}
            Current::Opening(id, _) => self.events.push_back(SessionsEvent::CloseMedia(id)),
            Current::Running(session) => {
                self.drop_old(now);
                self.handover = Some(Handover::new(session, now));
                if self.break_before_make {
                    self.drop_old(now);
                }
            }
        }
    }

    fn drop_old(&mut self, now: Instant) {
        if let Some(Handover { mut old, .. }) = self.handover.take() {
            old.close(now);
            while let Some(datagram) = old.poll_datagram() {
                self.datagrams.push_back(datagram);
            }
            self.events.push_back(SessionsEvent::CloseMedia(old.id));
        }
    }

    /// Ends everything.
    pub(super) fn close(&mut self, now: Instant) {
        self.retire(now);
        self.drop_old(now);
        self.recovery.handle_success();
    }

    pub(super) fn poll_datagram(&mut self) -> Option<Datagram> {
        self.datagrams.pop_front()
    }

    pub(super) fn poll_event(&mut self) -> Option<SessionsEvent> {
        self.events.pop_front()
    }
}

#[cfg(test)]
mod tests;
