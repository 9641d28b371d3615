//! Ending sessions and inviting again: after a failure, on another bridge, or because somebody asked.

use std::sync::Arc;
use std::time::Duration;

use xmpp::jingle::{Action as Verb, Jingle, Reason, ReasonCondition};

use crate::bridges::{BridgeEvent, BridgeId};

use super::session::{Session, State};
use super::{Conference, Context};

/// Failures in a row after which the next invitation waits.
const FAILURES_AT_ONCE: u32 = 3;
/// The longest wait before another invitation.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// What a client is told when its session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminate {
    /// Nothing: it ended the session itself, or is gone.
    Silently,
    /// A new session comes at once.
    Moving,
    /// It was alone for too long.
    Idle,
    /// The session could not be set up.
    GeneralError,
}

impl Terminate {
    fn reason(self) -> Option<Reason> {
        match self {
            Self::Silently => None,
            Self::Moving => Some(Reason::new(ReasonCondition::Success).with_text("moving")),
            Self::Idle => {
                Some(Reason::new(ReasonCondition::Expired).with_text("Idle session timeout"))
            }
            Self::GeneralError => {
                Some(Reason::new(ReasonCondition::GeneralError).with_text("jingle session failed"))
            }
        }
    }
}

impl Conference {
    /// Ends sessions: tells the clients, frees the bridge's endpoints, and tells everybody else that
    /// their sources are gone.
    pub(super) fn remove_sessions(
        &mut self,
        nicks: &[Arc<str>],
        how: Terminate,
        tell_bridge: bool,
        ctx: &mut Context<'_>,
    ) {
        let mut ended: Vec<(Arc<str>, Session)> = Vec::new();
        for nick in nicks {
            let Some(participant) = self.participants.get_mut(nick) else {
                continue;
            };
            participant.waiting = false;
            participant.declined |= matches!(how, Terminate::Silently | Terminate::GeneralError);
            let Some(session) = participant.end_session() else {
                continue;
            };
            if matches!(session.state, State::Offered | State::Active)
                && let Some(reason) = how.reason()
            {
                let mut jingle = Jingle::new(Verb::SessionTerminate, session.sid.clone());
                jingle.reason = Some(reason);
                ctx.counters.count_jingle_sent(&jingle.action);
                let to = participant.occupant.clone();
                self.send_iq(to, &jingle);
            }
            ended.push((nick.clone(), session));
        }
        self.release(&ended, tell_bridge);
        let gone: Vec<_> = ended
            .iter()
            .filter_map(|(nick, _)| Some((nick.clone(), self.sources.remove_owner(nick)?)))
            .collect();
        self.signal_removed(&gone, ctx);
        self.publish(ctx);
    }

    /// Frees the endpoints of sessions that are over.
    pub(super) fn release(&mut self, ended: &[(Arc<str>, Session)], tell_bridge: bool) {
        let mut by_bridge: Vec<(&BridgeId, Vec<Arc<str>>)> = Vec::new();
        for (nick, session) in ended.iter().filter(|(_, s)| s.state != State::Queued) {
            match by_bridge.iter_mut().find(|(b, _)| *b == &session.bridge) {
                Some((_, nicks)) => nicks.push(nick.clone()),
                None => by_bridge.push((&session.bridge, vec![nick.clone()])),
            }
        }
        for (bridge, nicks) in by_bridge {
            self.release_endpoints(bridge, &nicks, tell_bridge);
        }
    }

    /// Ends sessions and begins new ones, all at once.
    pub(super) fn reinvite(
        &mut self,
        nicks: &[Arc<str>],
        how: Terminate,
        tell_bridge: bool,
        ctx: &mut Context<'_>,
    ) {
        ctx.counters.participants_moved += nicks.len() as u64;
        self.remove_sessions(nicks, how, tell_bridge, ctx);
        for nick in nicks {
            if let Some(participant) = self.participants.get_mut(nick) {
                participant.declined = false;
            }
            self.invite(nick, ctx);
        }
    }

    /// Counts a failure that is nobody's request; after some in a row the next invitation waits.
    pub(super) fn note_failures(&mut self, nicks: &[Arc<str>], ctx: &mut Context<'_>) {
        for nick in nicks {
            let Some(participant) = self.participants.get_mut(nick) else {
                continue;
            };
            participant.failures += 1;
            if participant.failures > FAILURES_AT_ONCE {
                let exponent = (participant.failures - FAILURES_AT_ONCE - 1).min(5);
                let wait = Duration::from_secs(1 << exponent).min(MAX_WAIT);
                participant.retry_at = Some(ctx.now + wait);
                self.retries = true;
            }
        }
    }

    /// A bridge came, left or failed.
    pub(super) fn on_bridge_event(
        &mut self,
        bridge: &BridgeId,
        event: BridgeEvent,
        ctx: &mut Context<'_>,
    ) {
        if event == BridgeEvent::Available {
            self.invite_waiting(ctx);
            return;
        }
        if !self.on_bridges.iter().any(|b| b.bridge == *bridge) {
            return;
        }
        let nicks = self.forget_bridge(bridge);
        tracing::warn!(room = %self.room, %bridge, ?event, participants = nicks.len(),
            "the conference leaves its bridge");
        ctx.counters.bridges_removed += 1;
        if event != BridgeEvent::Gone {
            self.send_farewell(bridge);
        }
        self.reinvite(&nicks, Terminate::Moving, false, ctx);
    }

    /// An operator wants the conference on another bridge.
    pub(super) fn move_away(
        &mut self,
        from: &BridgeId,
        to: Option<&BridgeId>,
        ctx: &mut Context<'_>,
    ) {
        let to = match to {
            Some(to) => Some(to.clone()),
            None => ctx.bridges.select_other_than(from, ctx.now),
        };
        let Some(to) = to.filter(|to| to != from) else {
            return;
        };
        let nicks = self.forget_bridge(from);
        if nicks.is_empty() {
            return;
        }
        self.send_farewell(from);
        ctx.counters.participants_moved += nicks.len() as u64;
        self.remove_sessions(&nicks, Terminate::Moving, false, ctx);
        for nick in &nicks {
            self.allocate(nick, &to, ctx);
        }
        self.publish(ctx);
    }

    /// Everybody who waits for a bridge is invited, if there is one.
    pub(super) fn invite_waiting(&mut self, ctx: &mut Context<'_>) {
        let waiting: Vec<Arc<str>> = self
            .participants
            .values()
            .filter(|p| p.waiting)
            .map(|p| p.nick.clone())
            .collect();
        for nick in waiting {
            self.invite(&nick, ctx);
        }
    }
}
