//! A bridge that the conference leaves carries media until everybody who was on it has a new session.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bridges::BridgeId;

use super::Conference;
use super::action::Action;

/// A bridge that the conference is leaving.
#[derive(Debug)]
pub(super) struct Departure {
    bridge: BridgeId,
    /// Who has not accepted a new session yet.
    waiting: BTreeSet<Arc<str>>,
}

impl Conference {
    /// The participants get sessions elsewhere; what the bridge has of the conference stays meanwhile.
    pub(super) fn depart(&mut self, bridge: &BridgeId, nicks: &[Arc<str>]) {
        let meeting = self.meeting_id.clone();
        self.out.push(Action::ForgetLater(bridge.clone(), meeting));
        self.departures.retain(|d| d.bridge != *bridge);
        if nicks.is_empty() {
            return;
        }
        self.departures.push(Departure {
            bridge: bridge.clone(),
            waiting: nicks.iter().cloned().collect(),
        });
    }

    /// The participant needs its earlier session no more: it has accepted another one, wants none, or has left.
    pub(super) fn note_moved(&mut self, nick: &str) {
        let meeting = &self.meeting_id;
        let out = &mut self.out;
        self.departures.retain_mut(|departure| {
            departure.waiting.remove(nick);
            let over = departure.waiting.is_empty();
            if over {
                let bridge = departure.bridge.clone();
                out.push(Action::ForgetSoon(bridge, meeting.clone()));
            }
            !over
        });
    }

    /// Whether a move off this bridge would end sessions that are just being set up.
    pub fn is_settling(&self, bridge: &BridgeId) -> bool {
        let mut sessions = self
            .participants
            .values()
            .filter_map(|p| p.session.as_ref())
            .filter(|s| s.bridge == *bridge)
            .peekable();
        !self.departures.is_empty()
            || (sessions.peek().is_some() && sessions.all(|s| s.state != super::State::Active))
    }
}
