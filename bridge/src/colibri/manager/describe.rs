//! What is told of conferences and endpoints.

use super::super::conference::Conference;
use super::super::endpoint::Endpoint;
use super::{Manager, Totals};
use crate::ids::{ConferenceKey, EndpointId, EndpointKey};

impl Manager {
    /// Conferences at this moment.
    #[must_use]
    pub fn conference_count(&self) -> usize {
        self.conferences.len()
    }

    /// Endpoints at this moment, visitors too.
    #[must_use]
    pub fn endpoint_count(&self) -> usize {
        self.endpoints.len()
    }

    /// Visitors at this moment.
    #[must_use]
    pub fn visitor_count(&self) -> usize {
        self.visitors
    }

    /// Counts since the start.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The number of endpoints of each conference.
    pub fn conference_sizes(&self) -> impl Iterator<Item = usize> + '_ {
        self.conferences
            .values()
            .map(|conference| conference.endpoints.len())
    }

    /// How many endpoints announce audio, and how many video.
    #[must_use]
    pub fn sender_counts(&self) -> (usize, usize) {
        let count = |sends: fn(&Endpoint) -> bool| {
            self.endpoints
                .values()
                .filter(|endpoint| sends(endpoint))
                .count()
        };
        (
            count(|endpoint| endpoint.sends_audio),
            count(|endpoint| endpoint.sends_video),
        )
    }

    /// The state for people, without secrets; with the endpoints of each conference when `full`.
    #[must_use]
    pub fn describe(&self, full: bool) -> serde_json::Value {
        let conference = |conference: &Conference| {
            let mut told = serde_json::json!({
                "id": conference.key.to_string(),
                "meeting_id": &*conference.meeting_id,
                "name": conference.name.as_deref(),
                "worker": conference.home.0,
                "endpoint_count": conference.endpoints.len(),
                "dominant_speaker": conference.dominant_speaker.as_ref().map(EndpointId::as_str),
            });
            if full {
                let endpoints = conference
                    .endpoints
                    .values()
                    .filter_map(|key| self.endpoints.get(key));
                let endpoints: serde_json::Map<_, _> = endpoints
                    .map(|endpoint| (endpoint.id.to_string(), describe_endpoint(endpoint)))
                    .collect();
                told["endpoints"] = endpoints.into();
            }
            (conference.key.to_string(), told)
        };
        let conferences: serde_json::Map<_, _> =
            self.conferences.values().map(conference).collect();
        conferences.into()
    }

    /// The endpoint with this handle: conference and id.
    #[must_use]
    pub fn endpoint_name(&self, key: EndpointKey) -> Option<(ConferenceKey, EndpointId)> {
        let endpoint = self.endpoints.get(&key)?;
        Some((endpoint.conference, endpoint.id.clone()))
    }

    /// The dominant speaker of a meeting; `None`: no such meeting.
    #[must_use]
    pub fn dominant_speaker(&self, meeting_id: &str) -> Option<Option<EndpointId>> {
        let conference = self.conferences.get(self.by_meeting.get(meeting_id)?)?;
        Some(conference.dominant_speaker.clone())
    }
}

fn describe_endpoint(endpoint: &Endpoint) -> serde_json::Value {
    serde_json::json!({
        "key": endpoint.key.0,
        "worker": endpoint.owner.0,
        "visitor": endpoint.visitor,
        "ice_connected": endpoint.ice_connected,
        "connected": endpoint.connected,
        "ice_generation": endpoint.generation,
        "local_ufrag": endpoint.local_ice.ufrag,
        "ssrcs": endpoint.ssrcs.iter().map(|ssrc| ssrc.0).collect::<Vec<_>>(),
        "force_mute": { "audio": endpoint.force_mute.audio, "video": endpoint.force_mute.video },
    })
}
