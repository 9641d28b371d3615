//! What an operator sees of a conference.

use serde::Serialize;

use super::Conference;

/// A conference at a glance.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The room.
    pub name: String,
    /// As bridges know the conference.
    pub meeting_id: String,
    /// Whether enough participants came.
    pub started: bool,
    /// No bridge can be had.
    pub bridge_unavailable: bool,
    /// Bridges with the number of endpoints on each.
    pub bridges: Vec<(String, usize)>,
    /// Everybody whom the focus knows in it.
    pub participants: Vec<ParticipantSummary>,
}

/// A participant at a glance.
#[derive(Debug, Clone, Serialize)]
pub struct ParticipantSummary {
    /// Nickname.
    pub id: String,
    /// Name in statistics.
    pub stats_id: Option<String>,
    /// As the bridge or the participant says; `None` where it says none.
    pub region: Option<String>,
    /// Has moderator's rights.
    pub moderator: bool,
    /// Session id, bridge and state, if there is a session.
    pub session: Option<(String, String, String)>,
    /// Number of SSRCs.
    pub ssrcs: usize,
}

impl Conference {
    /// The conference at a glance.
    pub fn summary(&self) -> Summary {
        let mut participants: Vec<_> = self.participants.values().collect();
        participants.sort_unstable_by_key(|p| p.order);
        Summary {
            name: self.room.to_string(),
            meeting_id: self.meeting_id.clone(),
            started: self.started,
            bridge_unavailable: self.bridge_unavailable,
            bridges: self
                .on_bridges
                .iter()
                .map(|b| (b.bridge.nick().to_owned(), b.endpoints))
                .collect(),
            participants: participants
                .into_iter()
                .map(|p| ParticipantSummary {
                    id: p.nick.to_string(),
                    stats_id: p.stats_id.clone(),
                    region: p.region.clone(),
                    moderator: p.is_moderator(),
                    session: p.session.as_ref().map(|s| {
                        (
                            s.sid.clone(),
                            s.bridge.nick().to_owned(),
                            format!("{:?}", s.state).to_lowercase(),
                        )
                    }),
                    ssrcs: self.sources.of(&p.nick).map_or(0, |s| s.iter().count()),
                })
                .collect(),
        }
    }

    /// Number of participants that would move with the conference away from a bridge.
    pub fn movable(&self, bridge: &crate::bridges::BridgeId) -> usize {
        let sessions = self
            .participants
            .values()
            .filter_map(|p| p.session.as_ref());
        sessions.filter(|s| s.bridge == *bridge).count()
    }

    /// The bridge of a participant's session.
    pub fn bridge_of(&self, participant: &str) -> Option<&crate::bridges::BridgeId> {
        self.participants
            .get(participant)?
            .session
            .as_ref()
            .map(|s| &s.bridge)
    }

    /// Number of sessions with each bridge.
    pub fn endpoints_by_bridge(&self) -> impl Iterator<Item = (&crate::bridges::BridgeId, usize)> {
        self.on_bridges.iter().map(|b| (&b.bridge, b.endpoints))
    }

    /// The meeting's id, if the bridge takes part in it.
    pub fn meeting_on(&self, bridge: &crate::bridges::BridgeId) -> Option<&str> {
        let takes_part = self.on_bridges.iter().any(|b| b.bridge == *bridge);
        takes_part.then_some(&*self.meeting_id)
    }
}
