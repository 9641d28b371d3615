//! The bridges that the focus knows, from their presence in the brewery and from health checks.

mod bridge;
mod doctor;
mod incarnation;
pub mod selection;

pub use bridge::{Bridge, Stats};
pub use doctor::{CheckResult, Doctor, Verdict};
pub use incarnation::{Continuity, Incarnation};

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use xmpp::FullJid;

use crate::conference::MoveReason;
use crate::config::BridgeConfig;
use selection::{Candidate, ConferenceView, Strategy};

/// A bridge, named by its occupant JID in the brewery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BridgeId(FullJid);

impl BridgeId {
    /// The occupant that announced itself in the brewery.
    pub fn new(occupant: FullJid) -> Self {
        Self(occupant)
    }

    /// Where Colibri2 requests and health checks go.
    pub fn jid(&self) -> &FullJid {
        &self.0
    }

    /// Its nickname in the brewery.
    pub fn nick(&self) -> &str {
        self.0.resource().as_str()
    }

    #[cfg(test)]
    pub(crate) fn named(nick: &str) -> Self {
        Self(
            FullJid::new(&format!("jvbbrewery@internal-muc.meet.shoal/{nick}"))
                .expect("a nick without odd characters"),
        )
    }
}

impl fmt::Display for BridgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.nick())
    }
}

/// Why conferences must leave a bridge, or may use one again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BridgeEvent {
    /// It can be used: new, or healthy again.
    Available,
    /// It left the brewery.
    Gone,
    /// It said that it is unwell, or no longer answers.
    Failed,
    /// It is about to exit.
    ShuttingDown,
}

/// All bridges, and the way to choose one.
pub struct Bridges {
    config: BridgeConfig,
    strategy: Box<dyn Strategy>,
    bridges: BTreeMap<BridgeId, Bridge>,
    /// Bridges that left or failed since the start.
    pub lost_total: u64,
}

impl Bridges {
    /// No bridges yet.
    pub fn new(config: BridgeConfig) -> Self {
        Self {
            strategy: selection::strategy(config.strategy),
            config,
            bridges: BTreeMap::new(),
            lost_total: 0,
        }
    }

    /// A bridge announced itself or refreshed its statistics.
    pub fn handle_presence(
        &mut self,
        id: &BridgeId,
        stats: &Stats,
        now: Instant,
    ) -> Option<BridgeEvent> {
        let was_down = self.bridges.get(id).map(|b| b.is_shutting_down());
        let bridge = self
            .bridges
            .entry(id.clone())
            .or_insert_with(|| Bridge::new(now));
        bridge.handle_stats(stats, now);
        match (was_down, bridge.is_shutting_down()) {
            (None, false) => Some(BridgeEvent::Available),
            (None | Some(false), true) => Some(BridgeEvent::ShuttingDown),
            _ => None,
        }
    }

    /// Who speaks under a bridge's nick; how that continues what was known. A bridge is known from its first
    /// [`Self::handle_presence`].
    pub fn handle_incarnation(&mut self, id: &BridgeId, newer: Incarnation) -> Continuity {
        match self.bridges.get_mut(id) {
            Some(bridge) => bridge.incarnation.handle_newer(newer),
            None => Continuity::Same,
        }
    }

    /// A bridge left the brewery.
    pub fn handle_gone(&mut self, id: &BridgeId) -> Option<BridgeEvent> {
        self.bridges.remove(id)?;
        self.lost_total += 1;
        Some(BridgeEvent::Gone)
    }

    /// What the doctor found.
    pub fn handle_verdict(
        &mut self,
        id: &BridgeId,
        verdict: Verdict,
        now: Instant,
    ) -> Option<BridgeEvent> {
        let reset = crate::config::seconds(self.config.failure_reset_s);
        let bridge = self.bridges.get_mut(id)?;
        match verdict {
            Verdict::Healthy => bridge
                .handle_healthy(reset, now)
                .then_some(BridgeEvent::Available),
            Verdict::Unanswered if !self.config.move_on_timeout => {
                bridge.handle_failure(now);
                None
            }
            Verdict::Unhealthy | Verdict::Unanswered => bridge.handle_failure(now).then(|| {
                self.lost_total += 1;
                BridgeEvent::Failed
            }),
        }
    }

    /// A Colibri2 request failed in a way that says the bridge itself is at fault.
    pub fn handle_failure(&mut self, id: &BridgeId, now: Instant) {
        if let Some(bridge) = self.bridges.get_mut(id) {
            bridge.handle_failure(now);
        }
    }

    /// A Colibri2 answer said that the bridge takes no new conferences.
    pub fn handle_graceful_shutdown(&mut self, id: &BridgeId) {
        if let Some(bridge) = self.bridges.get_mut(id) {
            bridge.handle_graceful_shutdown();
        }
    }

    /// A participant was allocated on the bridge; its stress will rise before the bridge says so.
    pub fn handle_participant_added(&mut self, id: &BridgeId, now: Instant) {
        if let Some(bridge) = self.bridges.get_mut(id) {
            bridge.handle_participant_added(now);
        }
    }

    /// The bridge for one more participant of a conference; `None` when there is none.
    pub fn select(
        &self,
        conference: &ConferenceView,
        region: Option<&str>,
        now: Instant,
    ) -> Option<BridgeId> {
        // The usual case: the conference stays where it is.
        if let Some(used) = conference.bridges.first()
            && self
                .bridges
                .get(&used.id)
                .is_some_and(|b| b.is_operational() && !b.is_shutting_down())
        {
            return Some(used.id.clone());
        }
        let candidates: Vec<Candidate> = self.candidates(now);
        selection::select(
            &*self.strategy,
            &candidates,
            conference,
            region,
            false,
            &self.config,
        )
    }

    /// The best bridge but one for a conference whose first participant is in `region`; with `any` also one that
    /// asks to be avoided, when there is no better one.
    pub fn select_other_than(
        &self,
        avoided: &BridgeId,
        region: Option<&str>,
        any: bool,
        now: Instant,
    ) -> Option<BridgeId> {
        let mut candidates = self.candidates(now);
        candidates.retain(|c| c.id != *avoided && (any || !(c.draining || c.graceful_shutdown)));
        selection::select(
            &*self.strategy,
            &candidates,
            &ConferenceView::default(),
            region,
            false,
            &self.config,
        )
    }

    /// Every bridge as selection sees it.
    pub fn candidates(&self, now: Instant) -> Vec<Candidate> {
        self.bridges
            .iter()
            .map(|(id, bridge)| bridge.candidate(id.clone(), &self.config, now))
            .collect()
    }

    /// Whether conferences should leave this bridge, and why.
    pub fn to_be_left(&self, id: &BridgeId) -> Option<MoveReason> {
        let bridge = self.bridges.get(id)?;
        match (bridge.is_operational(), bridge.is_shutting_down()) {
            (false, _) => Some(MoveReason::Failure),
            (true, true) => Some(MoveReason::Shutdown),
            (true, false) => None,
        }
    }

    /// Whether this bridge asks not to be chosen.
    pub fn is_avoided(&self, id: &BridgeId) -> bool {
        self.bridges.get(id).is_some_and(Bridge::is_avoided)
    }

    /// Whether this bridge is known and works.
    pub fn is_operational(&self, id: &BridgeId) -> bool {
        self.bridges.get(id).is_some_and(Bridge::is_operational)
    }

    /// `None` where the bridge says none.
    pub fn region(&self, id: &BridgeId) -> Option<&str> {
        self.bridges.get(id)?.region()
    }

    /// Bridges by name.
    pub fn iter(&self) -> impl Iterator<Item = (&BridgeId, &Bridge)> {
        self.bridges.iter()
    }

    /// Number of bridges known.
    pub fn len(&self) -> usize {
        self.bridges.len()
    }

    /// Whether no bridge is known.
    pub fn is_empty(&self) -> bool {
        self.bridges.is_empty()
    }

    /// Number of bridges that can be used.
    pub fn operational(&self) -> usize {
        self.bridges.values().filter(|b| b.is_operational()).count()
    }

    /// A bridge by nickname or occupant JID.
    pub fn find(&self, name: &str) -> Option<&BridgeId> {
        self.bridges
            .keys()
            .find(|id| id.nick() == name || id.jid().as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::time::Duration;

    use super::*;

    fn stats() -> Stats {
        Stats {
            stress: Some(0.1),
            drain: Some(false),
            healthy: Some(true),
            ..Stats::default()
        }
    }

    #[test]
    fn a_bridge_counts_from_its_first_presence_until_it_leaves() {
        let now = Instant::now();
        let id = BridgeId::named("a");
        let mut bridges = Bridges::new(BridgeConfig::default());
        assert_eq!(bridges.select(&ConferenceView::default(), None, now), None);
        assert_eq!(
            bridges.handle_presence(&id, &stats(), now),
            Some(BridgeEvent::Available)
        );
        assert_eq!(bridges.handle_presence(&id, &stats(), now), None);
        assert_eq!(
            bridges.select(&ConferenceView::default(), None, now),
            Some(id.clone())
        );
        assert_eq!(bridges.handle_gone(&id), Some(BridgeEvent::Gone));
        assert_eq!(bridges.handle_gone(&id), None);
        assert_eq!(bridges.select(&ConferenceView::default(), None, now), None);
    }

    #[test]
    fn shutting_down_is_reported_once_and_stays() {
        let now = Instant::now();
        let id = BridgeId::named("a");
        let mut bridges = Bridges::new(BridgeConfig::default());
        bridges.handle_presence(&id, &stats(), now);
        let down = Stats {
            shutting_down: Some(true),
            ..stats()
        };
        assert_eq!(
            bridges.handle_presence(&id, &down, now),
            Some(BridgeEvent::ShuttingDown)
        );
        assert_eq!(bridges.handle_presence(&id, &stats(), now), None);
        assert_eq!(bridges.select(&ConferenceView::default(), None, now), None);
    }

    #[test]
    fn a_failed_bridge_is_left_alone_for_a_minute() {
        let now = Instant::now();
        let id = BridgeId::named("a");
        let mut bridges = Bridges::new(BridgeConfig::default());
        bridges.handle_presence(&id, &stats(), now);
        assert_eq!(
            bridges.handle_verdict(&id, Verdict::Unhealthy, now),
            Some(BridgeEvent::Failed)
        );
        let soon = now + Duration::from_secs(59);
        assert_eq!(bridges.handle_verdict(&id, Verdict::Healthy, soon), None);
        assert_eq!(bridges.operational(), 0);
        let later = now + Duration::from_secs(60);
        assert_eq!(
            bridges.handle_verdict(&id, Verdict::Healthy, later),
            Some(BridgeEvent::Available)
        );
        assert_eq!(bridges.operational(), 1);
    }

    #[test]
    fn unanswered_health_checks_move_conferences_only_when_configured() {
        for (move_on_timeout, event) in [(true, Some(BridgeEvent::Failed)), (false, None)] {
            let now = Instant::now();
            let id = BridgeId::named("a");
            let mut bridges = Bridges::new(BridgeConfig {
                move_on_timeout,
                ..BridgeConfig::default()
            });
            bridges.handle_presence(&id, &stats(), now);
            assert_eq!(bridges.handle_verdict(&id, Verdict::Unanswered, now), event);
            assert_eq!(bridges.operational(), 0);
        }
    }
}
