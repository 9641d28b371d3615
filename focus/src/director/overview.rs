//! What an operator sees of everything.

use std::collections::HashMap;
use std::time::Instant;

use serde::Serialize;
use xmpp::BareJid;

use crate::bridges::BridgeId;
use crate::conference::Summary;
use crate::context::Counters;

use super::Director;

/// Numbers at one moment.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(missing_docs, reason = "each is named after the metric that it feeds")]
pub struct Overview {
    pub online: bool,
    pub brewery_joined: bool,
    /// Why no meeting can begin, as far as that is known.
    pub no_room: Option<String>,
    pub conferences: usize,
    pub participants: usize,
    pub largest_conference: usize,
    pub conference_seconds: u64,
    pub bridges: usize,
    pub bridges_operational: usize,
    pub bridges_in_shutdown: usize,
    pub bridge_versions: usize,
    pub bridges_lost: u64,
    pub iqs_waiting: usize,
}

/// A bridge at a glance: the entries of `bridges` in `/stats` and `/debug`.
#[derive(Debug, Clone, Serialize)]
pub struct BridgeSummary {
    /// Nickname in the brewery: the bridge's `websocket.server_id` unless it has a nick of its own.
    pub id: String,
    /// As its statistics say; bridges of two versions are never in one conference.
    pub version: Option<String>,
    /// As its statistics say; `None` where they say none.
    pub region: Option<String>,
    /// Corrected stress, 1 = full.
    pub stress: f64,
    /// Healthy: it passes its checks and can be used.
    pub operational: bool,
    /// It asked to be avoided, or is avoided for a while after a failure.
    pub draining: bool,
    /// Takes no new conferences.
    pub graceful_shutdown: bool,
    /// About to exit.
    pub shutting_down: bool,
    /// Conferences of this focus that it takes part in. A bridge of several shards has those of the others besides.
    pub conferences: usize,
    /// Participants of this focus on it.
    pub participants: usize,
}

/// A conference with its age.
#[derive(Debug, Clone, Serialize)]
pub struct Aged {
    /// For how long this focus has had it, in seconds.
    pub seconds: u64,
    /// The rest.
    #[serde(flatten)]
    pub summary: Summary,
}

impl Director {
    /// Numbers at this moment.
    pub fn overview(&self, now: Instant) -> Overview {
        let candidates = self.bridges.candidates(now);
        let versions: std::collections::BTreeSet<_> =
            candidates.iter().map(|c| c.version.clone()).collect();
        Overview {
            online: self.online,
            brewery_joined: self.brewery.is_joined(),
            no_room: self.no_room(),
            conferences: self.conferences.len(),
            participants: self
                .conferences
                .values()
                .map(|s| s.conference.participant_count())
                .sum(),
            largest_conference: self
                .conferences
                .values()
                .map(|s| s.conference.participant_count())
                .max()
                .unwrap_or(0),
            conference_seconds: self
                .conferences
                .values()
                .map(|s| now.duration_since(s.since).as_secs())
                .sum(),
            bridges: self.bridges.len(),
            bridges_operational: self.bridges.operational(),
            bridges_in_shutdown: candidates
                .iter()
                .filter(|c| c.graceful_shutdown || c.shutting_down)
                .count(),
            bridge_versions: versions.len(),
            bridges_lost: self.bridges.lost_total,
            iqs_waiting: self.pending.len(),
        }
    }

    fn no_room(&self) -> Option<String> {
        let most = self.settings.config.max_conferences;
        if self.conferences.len() >= most {
            return Some(format!(
                "there are {most} conferences, no more are taken (max_conferences)"
            ));
        }
        let trouble = self.probe.trouble()?;
        Some(format!("no room can be opened: {trouble}"))
    }

    /// What has happened.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// All rooms.
    pub fn rooms(&self) -> Vec<String> {
        let mut rooms: Vec<String> = self.conferences.keys().map(ToString::to_string).collect();
        rooms.sort_unstable();
        rooms
    }

    /// By the room's bare address; `None` when there is none.
    pub fn conference(&self, room: &str) -> Option<Summary> {
        let room = BareJid::new(room).ok()?;
        self.conferences
            .get(&room)
            .map(|slot| slot.conference.summary())
    }

    /// All conferences.
    pub fn conferences(&self, now: Instant) -> Vec<Aged> {
        let mut all: Vec<Aged> = self
            .conferences
            .values()
            .map(|slot| Aged {
                seconds: now.duration_since(slot.since).as_secs(),
                summary: slot.conference.summary(),
            })
            .collect();
        all.sort_by(|a, b| a.summary.name.cmp(&b.summary.name));
        all
    }

    /// All bridges.
    pub fn bridge_summaries(&self, now: Instant) -> Vec<BridgeSummary> {
        let mut used: HashMap<&BridgeId, (usize, usize)> = HashMap::new();
        let conferences = self.conferences.values();
        for (bridge, participants) in
            conferences.flat_map(|slot| slot.conference.endpoints_by_bridge())
        {
            let (conferences, all) = used.entry(bridge).or_default();
            *conferences += 1;
            *all += participants;
        }
        self.bridges
            .candidates(now)
            .into_iter()
            .map(|c| {
                let (conferences, participants) = used.get(&c.id).copied().unwrap_or_default();
                BridgeSummary {
                    conferences,
                    participants,
                    id: c.id.nick().to_owned(),
                    version: c.version,
                    region: c.region,
                    stress: c.stress,
                    operational: c.operational,
                    draining: c.draining,
                    graceful_shutdown: c.graceful_shutdown,
                    shutting_down: c.shutting_down,
                }
            })
            .collect()
    }

    /// Capabilities that are known, by `node#ver`.
    pub fn known_caps(&self) -> Vec<String> {
        let mut known: Vec<String> = self.caps.iter().map(|(caps, _)| caps.clone()).collect();
        known.sort_unstable();
        known
    }
}
