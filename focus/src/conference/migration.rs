//! Ending sessions and inviting again: after a failure, on another bridge, or because somebody asked.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use xmpp::jingle::{Action as Verb, Jingle, Reason, ReasonCondition};

use crate::bridges::BridgeId;

use super::participant::Invitation;
use super::session::{Session, State};
use super::{Conference, Context};

/// Failures in a row after which the next invitation waits.
const FAILURES_AT_ONCE: u32 = 3;
/// The longest wait before another invitation.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Why participants are moved to another bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MoveReason {
    /// The bridge is gone, or no longer does its work.
    Failure,
    /// The bridge is about to exit.
    Shutdown,
    /// The bridge asks to be avoided, and somebody empties it over REST.
    Drain,
    /// Somebody asked for it over REST.
    Rest,
    /// The bridge has more load than it should.
    Hot,
}

impl MoveReason {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 5] = [
        Self::Failure,
        Self::Shutdown,
        Self::Drain,
        Self::Rest,
        Self::Hot,
    ];

    /// Its name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Shutdown => "shutdown",
            Self::Drain => "drain",
            Self::Rest => "rest",
            Self::Hot => "hot",
        }
    }

    /// Whether staying is worse than a bridge that asks to be avoided.
    pub fn is_urgent(self) -> bool {
        matches!(self, Self::Failure | Self::Shutdown)
    }
}

/// What a client is told when its session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Terminate {
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
            let declined = matches!(how, Terminate::Silently | Terminate::GeneralError);
            if declined {
                participant.invitation = Invitation::Declined;
            } else if participant.invitation == Invitation::WaitsForBridge {
                participant.invitation = Invitation::Due;
            }
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
            if declined {
                self.note_moved(nick);
            }
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
                participant.invitation = Invitation::Due;
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

    /// A bridge is gone with whatever it had of the conference.
    pub(super) fn lose_bridge(&mut self, bridge: &BridgeId, ctx: &mut Context<'_>) {
        if !self.on_bridges.iter().any(|b| b.bridge == *bridge) {
            return;
        }
        let nicks = self.forget_bridge(bridge);
        tracing::warn!(room = %self.room, %bridge, participants = nicks.len(),
            "the conference has lost its bridge");
        ctx.counters.bridges_removed += 1;
        ctx.counters.count_moved(MoveReason::Failure, nicks.len());
        self.reinvite(&nicks, Terminate::Moving, false, ctx);
    }

    /// Nobody new goes to a bridge that the conference is about to leave: it leaves first, so that all stay together.
    pub(super) fn leave_what_is_to_be_left(&mut self, ctx: &mut Context<'_>) {
        let left = self
            .on_bridges
            .iter()
            .find_map(|b| Some((b.bridge.clone(), ctx.bridges.to_be_left(&b.bridge)?)));
        if let Some((bridge, reason)) = left {
            self.move_away(&bridge, None, reason, ctx);
        }
    }

    /// The conference goes to another bridge. Clients are told to come over; whoever can keeps its old session until
    /// the new one has media, and the bridge that is left goes on that long.
    pub(super) fn move_away(
        &mut self,
        from: &BridgeId,
        to: Option<&BridgeId>,
        reason: MoveReason,
        ctx: &mut Context<'_>,
    ) {
        if !self.is_ready() {
            // Nobody can be told; what is to be left is left when the room is open.
            return;
        }
        let nicks = self.on_bridge(from);
        let Some(first) = nicks.first().and_then(|nick| self.participants.get(nick)) else {
            return;
        };
        let to = to
            .filter(|to| ctx.bridges.is_operational(to))
            .cloned()
            .or_else(|| {
                let region = first.region.as_deref();
                ctx.bridges
                    .select_other_than(from, region, reason.is_urgent(), ctx.now)
            });
        let Some(to) = to.filter(|to| to != from) else {
            tracing::warn!(room = %self.room, bridge = %from, reason = reason.as_str(),
                "the conference stays on its bridge, for there is no other");
            return;
        };
        tracing::info!(room = %self.room, %from, %to, participants = nicks.len(), reason = reason.as_str(),
            "the conference moves");
        self.forget_bridge(from);
        self.depart(from, &nicks);
        ctx.counters.bridges_removed += u64::from(reason.is_urgent());
        ctx.counters.participants_moved += nicks.len() as u64;
        ctx.counters.count_moved(reason, nicks.len());
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
            .filter(|p| p.invitation == Invitation::WaitsForBridge)
            .map(|p| p.nick.clone())
            .collect();
        for nick in waiting {
            self.invite(&nick, ctx);
        }
    }
}
