//! One session of an account goes on where another, whose process or connection is gone, cannot.
//!
//! A focus that starts anew announces itself (`<presence/>`) and then enters the rooms of its predecessor one by one.
//! Until it has, the predecessor stays in them, because clients take a focus that leaves for the end of the meeting. Any
//! other service that enters under the nick of a session of its own is a new process that knows nothing of what the old
//! one was told: that one leaves first, for everybody to see.

use super::Host;
use crate::context::Outbox;
use crate::now::Now;
use crate::session::{End, Life, Session};
use std::sync::Arc;
use xmpp::{BareJid, Element, Jid, ns};

/// Whether a presence takes over from an occupant of the same account, so that nobody needs to see that one leave.
pub(crate) fn takes_over(session: &Session, presence: &Element) -> bool {
    session.is_admin() && presence.has_child("takeover", ns::FOCUS_TAKEOVER)
}

impl Host {
    /// A focus is there anew: it goes on for those of its account that wait to be resumed.
    pub(crate) fn succeed(&self, heir: &Arc<Session>, now: Now) {
        heir.state.lock().announced = true;
        for predecessor in self.sessions_of(&heir.bare) {
            self.hand_over(&predecessor, heir, now);
        }
    }

    /// Another login takes the address of a session. The focus's stays in its rooms, without the address, until the
    /// other one, which may be a process that starts anew, has entered them; every other ends.
    pub(super) fn replace(&self, session: &Arc<Session>, now: Now) {
        let state = session.state.lock();
        let is_kept = session.bare == self.settings.names.focus_account;
        if !is_kept || state.resumption.is_none() {
            drop(state);
            return self.end_session(session, End::Replaced, now);
        }
        if let Life::Attached(_, connection) = &state.life {
            connection.wake();
            self.hibernate(session, state, now);
        }
    }

    /// A session has lost its connection. If it is of the focus, the next one may be there before the loss was noticed.
    pub(super) fn give_to_heir(&self, session: &Arc<Session>, now: Now) {
        if session.bare != self.settings.names.focus_account {
            return;
        }
        let heir = self.sessions_of(&session.bare).into_iter().find(|other| {
            let state = other.state.lock();
            other.key > session.key && state.announced && matches!(state.life, Life::Attached(..))
        });
        if let Some(heir) = heir {
            self.hand_over(session, &heir, now);
        }
    }

    /// The heir gets the conference requests that its predecessor did not live to see; others who wait for an answer of
    /// that one are told that none will come.
    fn hand_over(&self, predecessor: &Arc<Session>, heir: &Arc<Session>, now: Now) {
        let undelivered = {
            let mut state = predecessor.state.lock();
            let Life::Hibernating(until) = state.life else {
                return;
            };
            // The heir has as long again to enter the rooms.
            let later = now.instant + self.hibernation(predecessor);
            state.life = Life::Succeeded(later);
            if let Some(id) = state.resumption.take() {
                self.sessions.forget_resumption(&id);
            }
            let mut deadlines = self.deadlines.lock();
            deadlines.remove(&(until, predecessor.key));
            deadlines.insert((later, predecessor.key));
            state.mailbox.take_undelivered()
        };
        let alias = &self.settings.names.focus_alias;
        let (asked, rest): (Vec<_>, Vec<_>) = undelivered.into_iter().partition(|stanza| {
            let request = stanza.to_request();
            let from = request.and_then(|it| Jid::new(it.attr("from")?).ok());
            from.is_some_and(|from| from.domain().as_str() == alias)
        });
        let mut out = Outbox::default();
        for request in asked {
            out.share(heir, &request);
        }
        self.send(out, now);
        self.bounce(predecessor, &rest, now);
    }

    /// A service enters under the nick of a session of its own that has no connection: that one is over, and everybody
    /// sees it before the new one comes.
    pub(crate) fn end_predecessor(
        &self,
        room: &BareJid,
        nick: &str,
        heir: &Arc<Session>,
        presence: &Element,
        now: Now,
    ) {
        if takes_over(heir, presence) {
            return;
        }
        let holder = self
            .rooms
            .find(room)
            .and_then(|room| room.lock().session_named(nick));
        let gone = holder.filter(|holder| {
            holder != heir
                && holder.bare == heir.bare
                && holder.state.lock().waits_until().is_some()
        });
        if let Some(gone) = gone {
            self.end_session(&gone, End::Replaced, now);
        }
    }
}
