//! Requests for a conference, over XMPP and HTTP.

use std::net::IpAddr;
use std::time::Instant;

use xmpp::conference::{ConferenceAnswer, ConferenceRequest};
use xmpp::stanza::{self, Condition, StanzaError};
use xmpp::{BareJid, Element, FullJid, Jid};

use crate::authority::{Bearer, Token};
use crate::conference::{Conference, Wishes};

use super::admission::Asking;
use super::opening::Opening;
use super::{Director, Output, Slot};

/// Most requests that wait for one room.
const MAX_ASKERS: usize = 10_000;

/// Names a request that came over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Who waits for a room.
#[derive(Debug, Clone)]
pub(super) enum Asker {
    /// By IQ; its head is kept for the answer.
    Iq(Element),
    /// Over HTTP, from this address.
    Http(RequestId, Option<IpAddr>),
}

impl Director {
    pub(super) fn handle_iq_request(&mut self, iq: &Element, now: Instant) {
        let request = match stanza::payload(iq).map(ConferenceRequest::try_from) {
            Some(Ok(request)) => request,
            Some(Err(error)) => {
                self.out
                    .push_back(Output::Send(stanza::error_reply(iq, &error.into())));
                return;
            }
            None => return,
        };
        let person = stanza::from(iq).map(|from| self.behind_alias(from));
        let mut head = Element::bare("iq", xmpp::ns::CLIENT);
        for name in ["id", "from", "to"] {
            if let Some(value) = iq.attr(name) {
                xmpp::ElementExt::put_attr(&mut head, name, value);
            }
        }
        let Some(person) = person else { return };
        self.handle_conference_request(Asker::Iq(head), Bearer::Person(person), &request, now);
    }

    /// A request over HTTP, where nobody has an address of XMPP, from that of `caller`.
    pub fn handle_request(
        &mut self,
        id: RequestId,
        caller: Option<IpAddr>,
        request: &ConferenceRequest,
        now: Instant,
    ) {
        let bearer = Bearer::Http(request.token.clone().map(Token));
        self.handle_conference_request(Asker::Http(id, caller), bearer, request, now);
    }

    /// Whose budget a request is counted in.
    fn asking(&self, asker: &Asker) -> Asking {
        match asker {
            Asker::Http(_, caller) => Asking::Address(caller.map(listen::network)),
            Asker::Iq(head) => match stanza::from(head) {
                Some(from) => Asking::Person(self.behind_alias(from).to_bare()),
                None => Asking::Address(None),
            },
        }
    }

    /// The alias of a stock server relays requests with the asker's address in the resource.
    fn behind_alias(&self, from: Jid) -> Jid {
        if from.to_bare().as_str() != self.settings.alias.as_str() {
            return from;
        }
        from.resource()
            .and_then(|resource| Jid::new(resource.as_str()).ok())
            .unwrap_or(from)
    }

    fn handle_conference_request(
        &mut self,
        asker: Asker,
        bearer: Bearer,
        request: &ConferenceRequest,
        now: Instant,
    ) {
        self.counters.conference_requests += 1;
        let room = match self.check_request(request) {
            Ok(room) => room,
            Err(error) => {
                self.reply_about(asker, &request.room, &Err(error));
                return;
            }
        };
        let number = |name: &str| request.number(name).and_then(|n| usize::try_from(n).ok());
        let wishes = Wishes {
            start_audio_muted: number("startAudioMuted"),
            start_video_muted: number("startVideoMuted"),
            rtcstats_enabled: request.flag("rtcstatsEnabled").unwrap_or(true),
        };
        let opening = Opening {
            asker,
            bearer,
            room,
            wishes,
        };
        self.open(opening, now);
    }

    /// Answers when the room is ready; it is begun if it is not there.
    pub(super) fn open(&mut self, opening: Opening, now: Instant) {
        let too_many = |text| Err(StanzaError::new(Condition::ResourceConstraint).with_text(text));
        if !self.conferences.contains_key(&opening.room) {
            if self.pickup.is_under_way() {
                return self.wait_for_pickup(opening);
            }
            if !self.may_open(&opening, now) {
                return;
            }
            let asking = self.asking(&opening.asker);
            let Opening { room, wishes, .. } = &opening;
            if !self.admission.handle_request(asking, now) {
                let error = too_many("too many conferences begin at this moment");
                return self.reply(opening.asker, &opening.room, &error);
            }
            if let Err(error) = self.create(room, wishes.clone(), now) {
                return self.reply(opening.asker, &opening.room, &Err(error));
            }
        }
        let Opening { asker, room, .. } = opening;
        self.with(&room, now, Conference::handle_wanted);
        match self.conferences.get_mut(&room) {
            // Without a connection nobody knows whether the room is still there.
            Some(slot) if slot.conference.is_ready() && self.online => {
                self.reply(asker, &room, &Ok(()));
            }
            Some(slot) if slot.askers.len() < MAX_ASKERS => slot.askers.push(asker),
            Some(_) => {
                let error = too_many("too many wait for this room");
                self.reply(asker, &room, &error);
            }
            None => self.reply(
                asker,
                &room,
                &Err(StanzaError::new(Condition::InternalServerError)),
            ),
        }
    }

    fn check_request(&self, request: &ConferenceRequest) -> Result<BareJid, StanzaError> {
        let refuse = |condition, text: &str| StanzaError::new(condition).with_text(text);
        let room = self.settings.room(&request.room).ok_or_else(|| {
            refuse(
                Condition::BadRequest,
                "room is not the address of a room in which conferences are held",
            )
        })?;
        // Whoever asks during a short outage is answered after it.
        if self.me.is_none() {
            return Err(refuse(
                Condition::ServiceUnavailable,
                "the focus has no connection to the XMPP server",
            ));
        }
        Ok(room)
    }

    /// Begins a conference and joins its room.
    pub(super) fn create(
        &mut self,
        room: &BareJid,
        wishes: Wishes,
        now: Instant,
    ) -> Result<(), StanzaError> {
        if self.conferences.len() >= self.settings.config.max_conferences {
            tracing::error!(%room, limit = self.settings.config.max_conferences,
                "refused a conference: there are too many (max_conferences)");
            return Err(
                StanzaError::new(Condition::ResourceConstraint).with_text("too many conferences")
            );
        }
        let me = self
            .me
            .clone()
            .ok_or_else(|| StanzaError::new(Condition::ServiceUnavailable))?;
        let conference =
            Conference::new(room.clone(), &self.settings.config.nick, me.clone(), wishes)
                .ok_or_else(|| StanzaError::new(Condition::BadRequest))?;
        self.counters.conferences_created += 1;
        self.begin(conference, me, now);
        Ok(())
    }

    /// Takes a conference on and joins its room.
    pub(super) fn begin(&mut self, conference: Conference, me: FullJid, now: Instant) {
        let room = conference.room().clone();
        self.generation += 1;
        let slot = Slot {
            conference,
            generation: self.generation,
            askers: Vec::new(),
            deadline: None,
            since: now,
        };
        self.conferences.insert(room.clone(), slot);
        self.with(&room, now, |conference, ctx| {
            conference.handle_connected(me, ctx)
        });
    }

    /// The connection goes on where it was: whoever asked during the outage is told.
    pub(super) fn answer_waiting(&mut self) {
        let ready: Vec<BareJid> = self
            .conferences
            .iter()
            .filter(|(_, slot)| slot.conference.is_ready() && !slot.askers.is_empty())
            .map(|(room, _)| room.clone())
            .collect();
        for room in ready {
            self.answer(&room, &Ok(()));
        }
    }

    /// Tells everybody who waits for a room.
    pub(super) fn answer(&mut self, room: &BareJid, result: &Result<(), StanzaError>) {
        let Some(slot) = self.conferences.get_mut(room) else {
            return;
        };
        for asker in std::mem::take(&mut slot.askers) {
            self.reply(asker, room, result);
        }
    }

    pub(super) fn reply(&mut self, asker: Asker, room: &BareJid, result: &Result<(), StanzaError>) {
        self.reply_about(asker, room.as_str(), result);
    }

    fn reply_about(&mut self, asker: Asker, room: &str, result: &Result<(), StanzaError>) {
        let result = result.clone().map(|()| {
            let mut answer = ConferenceAnswer {
                room: room.to_owned(),
                ready: true,
                focus_jid: self.me.as_ref().map(|me| me.to_bare().to_string()),
                ..ConferenceAnswer::default()
            };
            let accounts = self.authority.knows_logins();
            answer
                .properties
                .insert("authentication".to_owned(), accounts.to_string());
            answer
                .properties
                .insert("visitors-supported".to_owned(), "false".to_owned());
            answer
        });
        match asker {
            Asker::Http(id, _) => self.out.push_back(Output::Answered(id, result)),
            Asker::Iq(head) => {
                let reply = match result {
                    Ok(answer) => stanza::iq_result(&head, Some(Element::from(&answer))),
                    Err(error) => stanza::error_reply(&head, &error),
                };
                self.out.push_back(Output::Send(reply));
            }
        }
    }
}
