//! The focus's question whether the bearer of a token may open a room: for requests that come to it over HTTP
//! ([`xmpp::hosts`]).

use crate::context::Outbox;
use crate::host::{Host, Waiting};
use crate::now::Now;
use crate::room::hosts;
use crate::session::Session;
use crate::session::token::{self, Refusal};
use std::sync::Arc;
use xmpp::hosts::OpeningRequest;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{BareJid, Element, ns};

/// Answers, now or when the key is there that the token names.
pub(super) fn handle_iq(
    host: &Host,
    from: &Arc<Session>,
    stanza: &Element,
    payload: &Element,
    now: Now,
    out: &mut Outbox,
) -> Result<(), StanzaError> {
    match judge(host, from, payload, now)? {
        Ok(()) => out.result(from, stanza, |_| {}),
        Err(Refusal::UnknownKey(id)) => {
            let waiting = Waiting::Request(Arc::clone(from), Box::new(stanza.clone()));
            if !host.key_ring.want(&id, waiting) {
                return Err(refused(Refusal::UnknownKey(id)));
            }
        }
        Err(refusal) => return Err(refused(refusal)),
    }
    Ok(())
}

/// Answers a question that has waited for a key.
pub(crate) fn handle_again(host: &Host, from: &Arc<Session>, stanza: &Element, now: Now) -> Outbox {
    let mut out = Outbox::default();
    let judged = stanza
        .get_child("opening", ns::HOSTS)
        .map(|payload| judge(host, from, payload, now));
    match judged {
        Some(Ok(Ok(()))) => out.result(from, stanza, |_| {}),
        Some(Ok(Err(refusal))) => out.refuse(from, stanza, &refused(refusal)),
        Some(Err(error)) => out.refuse(from, stanza, &error),
        None => {}
    }
    out
}

fn refused(refusal: Refusal) -> StanzaError {
    StanzaError::new(Condition::NotAuthorized).with_text(refusal.into_invalid().reason)
}

/// Whether the token opens the room. The outer error is a question that cannot be judged.
fn judge(
    host: &Host,
    from: &Session,
    payload: &Element,
    now: Now,
) -> Result<Result<(), Refusal>, StanzaError> {
    let settings = &host.settings;
    // Nobody else may try tokens here.
    if from.bare != settings.names.focus_account {
        return Err(StanzaError::new(Condition::Forbidden));
    }
    let request = OpeningRequest::try_from(payload)?;
    let room = BareJid::new(&request.room).map_err(|_| StanzaError::new(Condition::BadRequest))?;
    let room = settings.names.conferences.canonical(room);
    let (true, Some(rules)) = (settings.needs_hosts(), &settings.token) else {
        return Ok(Ok(()));
    };
    let claims = match token::verify(&request.token, rules, &host.key_ring.keys(), now) {
        Ok(claims) => claims,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if hosts::opens(&claims, &room, settings) {
        return Ok(Ok(()));
    }
    let error = StanzaError::new(Condition::NotAuthorized);
    Err(error.with_text("Room and token mismatched"))
}
