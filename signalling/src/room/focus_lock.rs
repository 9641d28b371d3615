//! Nobody is in a meeting before the focus: joins wait silently, and are taken up when it has entered.

use super::hooks::Verdict;
use super::{FOCUS_NICK, Join, Room, RoomKind};
use crate::context::{Context, Outbox};
use crate::session::Session;
use std::sync::Arc;
use xmpp::Element;

/// Most joins that wait for one room.
const MOST: usize = 500;

/// Joins that wait.
#[derive(Default)]
pub(super) struct Waiting(Vec<(Arc<Session>, Box<str>, Element)>);

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The session no longer wants to enter. Whether it had wanted to.
    pub(super) fn forget(&mut self, session: &Session) -> bool {
        let before = self.0.len();
        self.0.retain(|(waiting, ..)| **waiting != *session);
        before != self.0.len()
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
    room.waiting.forget(join.session);
    if room.waiting.0.len() >= MOST {
        context.counters.dropped_join_queue_full.increase();
        return Verdict::Ignore;
    }
    // Noted as a room of the session, so that the room learns when the session ends.
    if !join.session.enter(&room.jid) {
        return Verdict::Ignore;
    }
    context.counters.joins_queued.increase();
    room.waiting.0.push((
        Arc::clone(join.session),
        join.nick.into(),
        join.stanza.clone(),
    ));
    Verdict::Wait
}

impl Room {
    /// The focus is here: those who waited enter, in order.
    pub(super) fn let_waiting_in(&mut self, context: &Context<'_>, out: &mut Outbox) {
        for (session, nick, stanza) in std::mem::take(&mut self.waiting.0) {
            session.leave(&self.jid);
            if !session.has_ended() {
                self.handle_join(&session, Some(&nick), &stanza, context, out);
            }
        }
    }
}
