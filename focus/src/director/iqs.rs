//! Requests that wait for an answer.

use std::time::Instant;

use xmpp::stanza::{self, Condition, IqType, StanzaError};
use xmpp::{BareJid, Element, Jid, ns, ping};

use crate::bridges::{BridgeId, CheckResult};
use crate::conference::{Ask, NoAnswer, Question};
use crate::config::seconds;

use super::opening::Opening;
use super::{Director, Output};

/// Most requests that wait at one time.
const MAX_PENDING: usize = 200_000;

/// Who waits.
#[derive(Debug, Clone)]
pub(super) enum Waiter {
    /// For somebody in this conference.
    Conference {
        /// In which room.
        room: BareJid,
        /// Which one.
        generation: u64,
        /// With which question.
        question: Question,
    },
    /// The doctor.
    Health(BridgeId),
    /// The look for room components.
    Components,
    /// The look for rooms that an earlier focus served.
    Rooms,
    /// A part of the list of rooms that an earlier focus kept.
    Index(usize),
    /// What the earlier focus knew of this room.
    Memory(BareJid),
    /// Whether the server keeps what it was given.
    Kept,
    /// A request over HTTP for a room that is not there.
    Opening(Box<Opening>),
}

/// A request that waits.
#[derive(Debug)]
pub(super) struct Pending {
    to: Jid,
    deadline: Instant,
    waiter: Waiter,
}

impl Director {
    pub(super) fn has_pending(&self, is_meant: impl Fn(&Waiter) -> bool) -> bool {
        self.pending
            .values()
            .any(|pending| is_meant(&pending.waiter))
    }

    pub(super) fn ask_for_conference(
        &mut self,
        room: &BareJid,
        generation: u64,
        ask: Ask,
        now: Instant,
    ) {
        let waiter = Waiter::Conference {
            room: room.clone(),
            generation,
            question: ask.question,
        };
        let timeout = self.settings.config.conference.iq_timeout_s;
        self.request(
            ask.to,
            ask.kind,
            ask.payload,
            waiter,
            now + seconds(timeout),
        );
    }

    /// Sends a request. False if too many wait already.
    pub(super) fn request(
        &mut self,
        to: Jid,
        kind: IqType,
        payload: Element,
        waiter: Waiter,
        deadline: Instant,
    ) -> bool {
        if self.pending.len() >= MAX_PENDING {
            self.counters.dropped_requests_full += 1;
            return false;
        }
        let id = format!(
            "{:016x}{:016x}",
            self.random.next_u64(),
            self.random.next_u64()
        );
        self.out.push_back(Output::Send(stanza::iq(
            kind,
            &id,
            Some(&to),
            Some(payload),
        )));
        self.timeouts.insert((deadline, id.clone()));
        self.pending.insert(
            id,
            Pending {
                to,
                deadline,
                waiter,
            },
        );
        true
    }

    /// An IQ of type result or error. It counts only if it comes from where the request went.
    pub(super) fn handle_answer(&mut self, iq: &Element, now: Instant) {
        let Some(id) = iq.attr("id") else { return };
        let Some(pending) = self.pending.get(id) else {
            return;
        };
        // An answer without a sender is the own account's (RFC 6120 §8.1.2.1).
        let account = || self.me.as_ref().map(|me| Jid::from(me.to_bare()));
        let from = match iq.attr("from") {
            Some(_) => stanza::from(iq),
            None => account(),
        };
        if from.is_none_or(|from| from != pending.to) {
            self.counters.refused_stanzas += 1;
            return;
        }
        let Some(pending) = self.pending.remove(id) else {
            return;
        };
        self.timeouts.remove(&(pending.deadline, id.to_owned()));
        let answer = match stanza::error_of(iq) {
            Some(error) => Err(NoAnswer::Refused(error)),
            None => Ok(stanza::payload(iq)),
        };
        self.hand_over(pending.waiter, answer, now);
    }

    pub(super) fn expire_pending(&mut self, now: Instant) {
        while let Some((at, id)) = self.timeouts.first().cloned() {
            if at > now {
                break;
            }
            self.timeouts.pop_first();
            if let Some(pending) = self.pending.remove(&id) {
                self.hand_over(pending.waiter, Err(NoAnswer::Timeout), now);
            }
        }
    }

    /// The session goes on after an outage: answers get some more time.
    pub(super) fn extend_pending(&mut self, now: Instant) {
        let timeout = seconds(self.settings.config.conference.iq_timeout_s);
        self.timeouts.clear();
        for (id, pending) in &mut self.pending {
            pending.deadline = pending.deadline.max(now + timeout / 2);
            self.timeouts.insert((pending.deadline, id.clone()));
        }
    }

    /// The session is over, so no answer will come to anything.
    pub(super) fn drop_pending(&mut self, now: Instant) {
        self.timeouts.clear();
        for (_, pending) in std::mem::take(&mut self.pending) {
            self.hand_over(pending.waiter, Err(NoAnswer::Disconnected), now);
        }
    }

    fn hand_over(
        &mut self,
        waiter: Waiter,
        answer: Result<Option<&Element>, NoAnswer>,
        now: Instant,
    ) {
        match waiter {
            Waiter::Conference {
                room,
                generation,
                question,
            } => {
                if self
                    .conferences
                    .get(&room)
                    .is_some_and(|slot| slot.generation == generation)
                {
                    self.with(&room, now, |conference, ctx| {
                        conference.handle_answer(&question, answer, ctx)
                    });
                }
            }
            Waiter::Health(bridge) => {
                let result = match answer {
                    Ok(_) => CheckResult::Passed,
                    Err(NoAnswer::Timeout) => CheckResult::TimedOut,
                    // Not the bridge's fault; the next check will tell.
                    Err(NoAnswer::Disconnected) => CheckResult::Passed,
                    Err(NoAnswer::Refused(error)) => {
                        tracing::warn!(%bridge, %error, "the bridge says that it is unwell");
                        CheckResult::Failed
                    }
                };
                self.handle_health(&bridge, result, now);
            }
            Waiter::Components => self.handle_components(answer, now),
            Waiter::Rooms => self.handle_rooms(answer, now),
            Waiter::Index(place) => self.handle_index(place, answer, now),
            Waiter::Memory(room) => self.handle_memory(&room, answer, now),
            Waiter::Kept => self.handle_kept(answer),
            Waiter::Opening(opening) => self.handle_judged(*opening, answer, now),
        }
    }
}

/// The answer to an IQ that concerns no conference.
pub(super) fn reply_to_stranger(iq: &Element) -> Element {
    let get = iq.attr("type") == Some("get");
    match stanza::payload(iq) {
        Some(payload) if get && ping::is_request(payload) => stanza::iq_result(iq, None),
        Some(payload) if get && payload.is("query", ns::DISCO_INFO) => {
            stanza::iq_result(iq, Some(crate::conference::own_info(payload)))
        }
        Some(payload) if payload.is("jingle", ns::JINGLE) => stanza::error_reply(
            iq,
            &StanzaError::new(Condition::ItemNotFound).with_text("no such session"),
        ),
        Some(_) => stanza::error_reply(iq, &StanzaError::new(Condition::ServiceUnavailable)),
        None => stanza::error_reply(iq, &StanzaError::new(Condition::BadRequest)),
    }
}
