//! The room of the bridges.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use xmpp::brewery::BridgeStats;
use xmpp::muc::MucUser;
use xmpp::stanza::{self, IqType};
use xmpp::xml::{ElementExt, element};
use xmpp::{Element, FullJid, Jid, healthcheck, ns};

use crate::bridges::{BridgeEvent, BridgeId, CheckResult, Continuity, Incarnation, Stats, Verdict};
use crate::config::seconds;

use super::iqs::Waiter;
use super::{Director, Output};

/// Wait before the brewery is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Most bridges that are taken notice of.
const MAX_BRIDGES: usize = 10_000;

/// Where the focus stands with the brewery.
#[derive(Debug, Default)]
pub(super) struct Brewery {
    joined: bool,
    /// When it is tried again, unless the room answers before.
    retry_at: Option<Instant>,
    /// Bridges that were known before the connection was lost and have not turned up again.
    unseen: BTreeSet<BridgeId>,
    complained: bool,
}

impl Brewery {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.retry_at
    }

    pub(super) fn is_joined(&self) -> bool {
        self.joined
    }
}

impl Director {
    pub(super) fn join_brewery(&mut self, now: Instant) {
        let patience = seconds(self.settings.config.conference.iq_timeout_s);
        self.brewery.retry_at = Some(now + patience);
        self.brewery.unseen = self.bridges.iter().map(|(id, _)| id.clone()).collect();
        self.brewery.joined = false;
        let Ok(me) = self
            .settings
            .brewery
            .with_resource_str(&self.settings.config.nick)
        else {
            return;
        };
        let presence = stanza::presence(&Jid::from(me))
            .with_child(element("x", ns::MUC))
            .with_child(element("takeover", ns::FOCUS_TAKEOVER));
        self.out.push_back(Output::Send(presence));
    }

    pub(super) fn handle_brewery_presence(&mut self, presence: &Element, now: Instant) {
        let kind = presence.attr("type");
        let from = presence
            .attr("from")
            .and_then(|from| FullJid::new(from).ok());
        let own = from
            .as_ref()
            .is_none_or(|from| from.resource().as_str() == self.settings.config.nick);
        if own {
            self.handle_own_brewery_presence(presence, now);
            return;
        }
        let Some(id) = from.map(BridgeId::new) else {
            return;
        };
        match kind {
            Some("unavailable") => self.handle_bridge_gone(&id, now),
            None => self.handle_bridge_presence(&id, presence, now),
            Some(_) => {}
        }
    }

    fn handle_own_brewery_presence(&mut self, presence: &Element, now: Instant) {
        match presence.attr("type") {
            None => {
                self.brewery.joined = true;
                self.brewery.retry_at = None;
                self.brewery.complained = false;
                for id in std::mem::take(&mut self.brewery.unseen) {
                    self.handle_bridge_gone(&id, now);
                }
                self.leave_unknown_bridges(now);
            }
            Some(_) => {
                self.brewery.joined = false;
                self.brewery.retry_at = Some(now + RETRY);
                if !std::mem::replace(&mut self.brewery.complained, true) {
                    let error = stanza::error_of(presence)
                        .map(|e| e.to_string())
                        .unwrap_or_default();
                    tracing::error!(room = %self.settings.brewery, %error,
                        "the brewery cannot be joined; no bridges are seen until it can");
                }
            }
        }
    }

    /// Remembered conferences may be on bridges that are no longer there.
    pub(super) fn leave_unknown_bridges(&mut self, now: Instant) {
        let used: BTreeSet<BridgeId> = self
            .conferences
            .values()
            .flat_map(|slot| slot.conference.endpoints_by_bridge())
            .map(|(id, _)| id.clone())
            .collect();
        for id in used {
            if !self.bridges.iter().any(|(known, _)| *known == id) {
                self.handle_bridge_away(&id, now);
                self.handle_bridge_event(&id, BridgeEvent::Gone, now);
            }
        }
    }

    fn handle_bridge_presence(&mut self, id: &BridgeId, presence: &Element, now: Instant) {
        let Some(stats) = presence.get_child("stats", ns::COLIBRI) else {
            return;
        };
        let Ok(stats) = BridgeStats::try_from(stats) else {
            return;
        };
        let sessions = MucUser::inside(presence).unwrap_or_default().items;
        let sessions = sessions.into_iter().filter_map(|item| item.jid);
        let incarnation = Incarnation::new(stats.instance_id(), sessions);
        let continuity = self.bridges.handle_incarnation(id, incarnation.clone());
        if continuity == Continuity::Replaced {
            tracing::warn!(bridge = %id, "a new process has taken the bridge's place");
            self.handle_bridge_gone(id, now);
        }
        let known = self.bridges.iter().any(|(known, _)| known == id);
        if !known && self.bridges.len() >= MAX_BRIDGES {
            return;
        }
        self.brewery.unseen.remove(id);
        let event = self.bridges.handle_presence(id, &Stats::from(&stats), now);
        if !known {
            self.bridges.handle_incarnation(id, incarnation);
        }
        if event.is_some() && !known {
            tracing::info!(bridge = %id, "a bridge came");
            self.handle_bridge_back(id, now);
        }
        match stats.stress_level() {
            // One that is being emptied cools down by that.
            Some(stress) if !self.bridges.is_avoided(id) => {
                self.redistribution.handle_stress(id, stress, now);
            }
            _ => self.redistribution.handle_gone(id),
        }
        self.doctor.handle_added(id, now);
        if let Some(event) = event {
            self.handle_bridge_event(id, event, now);
        }
        if stats.healthy() == Some(false) || continuity == Continuity::Doubled {
            self.handle_verdict(id, Verdict::Unhealthy, now);
        }
    }

    fn handle_bridge_gone(&mut self, id: &BridgeId, now: Instant) {
        self.doctor.handle_gone(id);
        self.redistribution.handle_gone(id);
        if let Some(event) = self.bridges.handle_gone(id) {
            tracing::warn!(bridge = %id, "a bridge left");
            self.handle_bridge_away(id, now);
            self.handle_bridge_event(id, event, now);
        }
    }

    pub(super) fn check_bridges(&mut self, now: Instant) {
        if self.brewery.retry_at.is_some_and(|at| at <= now) {
            self.join_brewery(now);
        }
        let deadline = now + seconds(self.settings.config.bridges.health_timeout_s);
        for id in self.doctor.handle_timeout(now) {
            let to = Jid::from(id.jid().clone());
            self.request(
                to,
                IqType::Get,
                healthcheck::request(),
                Waiter::Health(id),
                deadline,
            );
        }
    }

    pub(super) fn handle_health(&mut self, id: &BridgeId, result: CheckResult, now: Instant) {
        if let Some(verdict) = self.doctor.handle_result(id, result, now) {
            self.handle_verdict(id, verdict, now);
        }
    }

    fn handle_verdict(&mut self, id: &BridgeId, verdict: Verdict, now: Instant) {
        if let Some(event) = self.bridges.handle_verdict(id, verdict, now) {
            match event {
                BridgeEvent::Available => tracing::info!(bridge = %id, "the bridge is well again"),
                _ => {
                    tracing::error!(bridge = %id, ?verdict, "the bridge failed; its conferences move")
                }
            }
            self.handle_bridge_event(id, event, now);
        }
    }
}

impl From<&BridgeStats> for Stats {
    fn from(stats: &BridgeStats) -> Self {
        let text = |value: Option<&str>| value.filter(|v| !v.is_empty()).map(str::to_owned);
        Self {
            stress: stats.stress_level(),
            average_participant_stress: stats.average_participant_stress(),
            participants: stats.participants(),
            graceful_shutdown: stats.graceful_shutdown(),
            shutting_down: stats.shutting_down(),
            drain: stats.drain(),
            healthy: stats.healthy(),
            version: text(stats.version()),
            release: text(stats.release()),
            region: text(stats.region()),
            relay_id: text(stats.relay_id()),
        }
    }
}
