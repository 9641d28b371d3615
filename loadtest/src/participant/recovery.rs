//! What a client does when its path to the bridge is gone: first it asks for a restart of ICE in
//! place, and where that does not help, for a new session.

use std::time::{Duration, Instant};

/// How long a restart of ICE may take.
const ICE_RESTART: Duration = Duration::from_secs(10);
/// How long a new offer may take.
const NEW_SESSION: Duration = Duration::from_secs(15);
/// Before asking again after the focus refused.
const AGAIN: Duration = Duration::from_secs(6);

/// What to ask the focus for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    IceRestart,
    NewSession,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Recovery {
    /// All is well, or nothing can be done.
    #[default]
    Idle,
    /// Something was asked for; if nothing comes of it until then, ask for a new session.
    Asked { until: Instant },
}

impl Recovery {
    /// The path is gone. A bridge session without id cannot be restarted in place.
    #[must_use]
    pub(super) fn handle_failure(&mut self, can_restart: bool, now: Instant) -> Option<Wish> {
        if *self != Self::Idle {
            return None;
        }
        let (wish, wait) = if can_restart {
            (Wish::IceRestart, ICE_RESTART)
        } else {
            (Wish::NewSession, NEW_SESSION)
        };
        *self = Self::Asked { until: now + wait };
        Some(wish)
    }

    /// The focus refused.
    #[must_use]
    pub(super) fn handle_refusal(&mut self, wish: Wish, now: Instant) -> Option<Wish> {
        if *self == Self::Idle {
            return None;
        }
        match wish {
            Wish::IceRestart => {
                *self = Self::Asked {
                    until: now + NEW_SESSION,
                };
                Some(Wish::NewSession)
            }
            Wish::NewSession => {
                *self = Self::Asked { until: now + AGAIN };
                None
            }
        }
    }

    /// The answer to an offer was refused: ask for another offer, but not at once.
    pub(super) fn handle_refused_answer(&mut self, now: Instant) {
        *self = Self::Asked { until: now + AGAIN };
    }

    /// The path is there, or a new offer came.
    pub(super) fn handle_success(&mut self) {
        *self = Self::Idle;
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Idle => None,
            Self::Asked { until } => Some(*until),
        }
    }

    #[must_use]
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Wish> {
        if self.poll_timeout().is_none_or(|due| due > now) {
            return None;
        }
        *self = Self::Asked {
            until: now + NEW_SESSION,
        };
        Some(Wish::NewSession)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ice_is_restarted_first_and_the_session_when_that_does_not_help() {
        let start = Instant::now();
        let mut recovery = Recovery::default();
        assert_eq!(recovery.handle_failure(true, start), Some(Wish::IceRestart));
        assert_eq!(recovery.handle_failure(true, start), None);
        assert_eq!(recovery.handle_timeout(start + ICE_RESTART / 2), None);
        let later = start + ICE_RESTART;
        assert_eq!(recovery.handle_timeout(later), Some(Wish::NewSession));
        recovery.handle_success();
        assert_eq!(recovery.poll_timeout(), None);
    }

    #[test]
    fn a_focus_that_refuses_is_asked_again_and_again() {
        let start = Instant::now();
        let mut recovery = Recovery::default();
        assert_eq!(
            recovery.handle_failure(false, start),
            Some(Wish::NewSession)
        );
        for round in 1..4 {
            assert_eq!(recovery.handle_refusal(Wish::NewSession, start), None);
            assert_eq!(
                recovery.poll_timeout(),
                Some(start + AGAIN),
                "round {round}"
            );
            let wish = recovery.handle_timeout(start + AGAIN);
            assert_eq!(wish, Some(Wish::NewSession));
        }
    }

    #[test]
    fn a_refused_restart_of_ice_is_followed_by_a_new_session_at_once() {
        let start = Instant::now();
        let mut recovery = Recovery::default();
        assert_eq!(recovery.handle_failure(true, start), Some(Wish::IceRestart));
        let wish = recovery.handle_refusal(Wish::IceRestart, start);
        assert_eq!(wish, Some(Wish::NewSession));
    }
}
