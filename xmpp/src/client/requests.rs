//! IQs that wait for an answer.

use std::collections::HashMap;

use tokio::sync::oneshot;

use super::RequestError;
use crate::stanza::{self, IqType};
use crate::{Element, FullJid, Jid};

struct Waiting {
    to: Option<Jid>,
    answer: oneshot::Sender<Result<Element, RequestError>>,
}

/// Requests by id.
pub(super) struct Requests {
    waiting: HashMap<String, Waiting>,
    max: usize,
}

impl Requests {
    pub(super) fn new(max: usize) -> Self {
        Self {
            waiting: HashMap::new(),
            max,
        }
    }

    /// Registers a request. `false`: it was answered with an error at once and must not be sent.
    pub(super) fn add(
        &mut self,
        iq: &Element,
        answer: oneshot::Sender<Result<Element, RequestError>>,
    ) -> bool {
        if self.waiting.len() >= self.max {
            self.waiting
                .retain(|_, waiting| !waiting.answer.is_closed());
        }
        if self.waiting.len() >= self.max {
            let _ = answer.send(Err(RequestError::Busy));
            return false;
        }
        match stanza::id(iq) {
            Some(id) if !self.waiting.contains_key(id) => {
                let to = stanza::to(iq);
                self.waiting.insert(id.to_owned(), Waiting { to, answer });
                true
            }
            _ => {
                let _ = answer.send(Err(RequestError::NotARequest));
                false
            }
        }
    }

    /// Gives an answer to who waits for it; returns the stanza if nobody does.
    pub(super) fn handle(&mut self, stanza: Element, own: &FullJid) -> Option<Element> {
        let error = match stanza::iq_type(&stanza) {
            Some(IqType::Result) => None,
            Some(IqType::Error) => stanza::error_of(&stanza),
            _ => return Some(stanza),
        };
        let waiting = stanza::id(&stanza).and_then(|id| self.waiting.get_key_value(id));
        let Some((id, waiting)) = waiting else {
            return Some(stanza);
        };
        if !is_from(&stanza, waiting.to.as_ref(), own) {
            return Some(stanza);
        }
        let id = id.clone();
        if let Some(waiting) = self.waiting.remove(&id) {
            let _ = waiting.answer.send(match error {
                Some(error) => Err(RequestError::Stanza(error)),
                None => Ok(stanza),
            });
        }
        None
    }

    pub(super) fn forget(&mut self, id: &str) {
        self.waiting.remove(id);
    }

    /// Ends all requests: their session is gone.
    pub(super) fn fail_all(&mut self, error: &RequestError) {
        #[expect(clippy::iter_over_hash_type, reason = "each waits for its own answer")]
        for (_, waiting) in self.waiting.drain() {
            let _ = waiting.answer.send(Err(error.clone()));
        }
    }
}

/// Whether an answer comes from where the request went. A request without address went to the own
/// account (RFC 6120 §8.1.2.1), for which the server answers without sender, as the bare or full
/// JID, or as the domain.
fn is_from(answer: &Element, to: Option<&Jid>, own: &FullJid) -> bool {
    let from = match answer.attr("from") {
        None => None,
        Some(text) => match Jid::new(text) {
            Ok(jid) => Some(jid),
            Err(_) => return false,
        },
    };
    let bare = own.to_bare();
    match (to, from) {
        (Some(to), Some(from)) if *to == from => true,
        (None, None) => true,
        (None, Some(from)) => {
            from == bare || from == *own || from.as_str() == own.domain().as_str()
        }
        (Some(to), None) => *to == bare,
        (Some(_), Some(_)) => false,
    }
}
