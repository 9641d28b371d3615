//! Tokens while the shard runs: keys that come later, sessions that end with their token.

use super::Host;
use super::key_ring::Waiting;
use crate::now::Now;
use crate::service::hosts;
use crate::session::{End, Session};
use std::sync::Arc;
use std::time::Duration;

/// The wall clock may be this much behind the other one.
const CLOCKS_DIFFER: Duration = Duration::from_secs(10);

impl Host {
    /// The search for a key is over, well or badly: whoever waited for it goes on.
    pub(crate) fn handle_key_settled(&self, id: &str, now: Now) {
        for waiting in self.key_ring.settle(id) {
            match waiting {
                Waiting::Login(wake) => wake.wake(),
                Waiting::Request(session, stanza) => {
                    if !session.has_ended() {
                        let out = hosts::handle_again(self, &session, &stanza, now);
                        self.send(out, now);
                    }
                }
            }
        }
    }

    /// Notes when the session's token ends, where that ends the session.
    pub(crate) fn watch_token(&self, session: &Session, now: Now) {
        if let Some(expires) = self.token_end(session) {
            let left = expires.saturating_sub(now.unix);
            // What is too far away to be counted never comes.
            if let Some(at) = now.instant.checked_add(left) {
                self.deadlines.lock().insert((at, session.key));
            }
        }
    }

    /// Ends a session whose token has ended.
    pub(super) fn end_with_token(&self, session: &Arc<Session>, now: Now) {
        let Some(end) = self.token_end(session) else {
            return;
        };
        match end.checked_sub(now.unix) {
            None | Some(Duration::ZERO) => self.end_session(session, End::TokenExpired, now),
            // The two clocks do not agree to the millisecond.
            Some(left) if left < CLOCKS_DIFFER => self.watch_token(session, now),
            Some(_) => {}
        }
    }

    fn token_end(&self, session: &Session) -> Option<Duration> {
        let rules = self.settings.token.as_ref();
        rules.filter(|rules| rules.ends_session)?;
        session.profile().claims.as_ref()?.expires
    }
}
