//! Nobody is in a meeting before the focus: joins wait silently, and are taken up when it has entered, or refused when it
//! does not come.

use super::hooks::Verdict;
use super::{FOCUS_NICK, Join, Room, RoomKind};
use crate::context::{Context, Outbox};
use crate::session::Session;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp::Element;
use xmpp::stanza::{Condition, StanzaError};

/// Most joins that wait for one room.
const MOST: usize = 500;
/// How long a join waits. A focus that fails is replaced sooner, or not at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Joins that wait, the longest first.
#[derive(Default)]
pub(super) struct Waiting(VecDeque<Waiter>);

struct Waiter {
    session: Arc<Session>,
    nick: Box<str>,
    stanza: Element,
    until: Instant,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.0.front().map(|waiter| waiter.until)
    }
}

pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, context: &Context<'_>) -> Verdict {
    let open = room.kind == RoomKind::Service
        || !context.settings.rooms.focus_lock
        || room.has_focus()
        || join.nick == FOCUS_NICK;
    if open {
        return Verdict::Continue;
    }
    room.stop_waiting(join.session, context);
    if room.waiting.0.len() >= MOST {
        context.counters.dropped_join_queue_full.increase();
        let error = StanzaError::new(Condition::ResourceConstraint);
        return Verdict::Refuse(error.with_text("Too many wait for the conference focus"));
    }
    // Noted as a room of the session, so that the room learns when the session ends.
    if !join.session.enter(&room.jid) {
        return Verdict::Ignore;
    }
    context.addresses.enter(join.session.address, &room.jid);
    context.counters.joins_queued.increase();
    room.waiting.0.push_back(Waiter {
        session: Arc::clone(join.session),
        nick: join.nick.into(),
        stanza: join.stanza.clone(),
        until: context.now.instant + PATIENCE,
    });
    Verdict::Wait
}

impl Room {
    /// The session no longer wants to enter. Whether it had wanted to.
    pub(super) fn stop_waiting(&mut self, session: &Session, context: &Context<'_>) -> bool {
        let before = self.waiting.0.len();
        self.waiting.0.retain(|waiter| *waiter.session != *session);
        let waited = before != self.waiting.0.len();
        if waited {
            context.addresses.leave(session.address, &self.jid);
        }
        waited
    }

    /// The focus is here: those who waited enter, in order.
    pub(super) fn let_waiting_in(&mut self, context: &Context<'_>, out: &mut Outbox) {
        for waiter in std::mem::take(&mut self.waiting.0) {
            self.release(&waiter, context);
            if !waiter.session.has_ended() {
                let (session, nick) = (&waiter.session, Some(&*waiter.nick));
                self.handle_join(session, nick, &waiter.stanza, context, out);
            }
        }
    }

    /// The focus did not come in time.
    pub(super) fn refuse_waiting_too_long(&mut self, context: &Context<'_>, out: &mut Outbox) {
        let now = context.now.instant;
        while let Some(waiter) = self.waiting.0.pop_front_if(|waiter| waiter.until <= now) {
            self.release(&waiter, context);
            let error = StanzaError::new(Condition::RemoteServerTimeout);
            let error = error.with_text("The conference focus does not come");
            out.refuse(&waiter.session, &waiter.stanza, &error);
        }
    }

    /// The room has ended.
    pub(super) fn refuse_waiting(&mut self, context: &Context<'_>, out: &mut Outbox) {
        for waiter in std::mem::take(&mut self.waiting.0) {
            self.release(&waiter, context);
            let error = StanzaError::new(Condition::Gone);
            out.refuse(&waiter.session, &waiter.stanza, &error);
        }
    }

    fn release(&self, waiter: &Waiter, context: &Context<'_>) {
        waiter.session.leave(&self.jid);
        context.addresses.leave(waiter.session.address, &self.jid);
    }
}
