//! What workers and the time do to conferences and endpoints.

use std::time::Instant;

use super::Manager;
use crate::event::{Event, FailureReason};
use crate::ids::{ConferenceKey, EndpointKey, WorkerId};

impl Manager {
    /// Takes news of a worker. Statistics and channel messages are not for the manager.
    pub fn handle_event(&mut self, event: &Event, now: Instant) {
        match event {
            Event::IceConnected { endpoint, .. } => {
                if let Some(endpoint) = self.endpoints.get_mut(endpoint) {
                    self.totals.ice_succeeded += u64::from(!endpoint.ice_connected);
                    endpoint.ice_connected = true;
                }
            }
            Event::DtlsConnected(endpoint) => {
                if let Some(endpoint) = self.endpoints.get_mut(endpoint) {
                    if !endpoint.connected {
                        let age = now.saturating_duration_since(endpoint.created);
                        self.totals.connects.connected(age);
                    }
                    endpoint.connected = true;
                }
            }
            Event::EndpointFailed { endpoint, reason } => {
                if let Some(known) = self.endpoints.get(endpoint) {
                    tracing::info!(conference = %known.conference, endpoint = %known.id, ?reason, "endpoint expired");
                    match reason {
                        FailureReason::Ice => self.totals.ice_failed += 1,
                        FailureReason::Dtls => self.totals.dtls_failed += 1,
                        FailureReason::Silent | FailureReason::NeverConnected => {
                            self.totals.endpoints_silent += 1
                        }
                    }
                    self.expire_endpoint(*endpoint, now);
                }
            }
            Event::DominantSpeaker {
                conference,
                endpoint,
            } => {
                if let Some(conference) = self.conferences.get_mut(conference) {
                    self.totals.dominant_speaker_changes += 1;
                    conference.dominant_speaker = endpoint.clone();
                }
            }
            Event::IceRestarted { .. } | Event::ChannelText(..) | Event::Statistics(_) => {}
        }
    }

    /// A worker lost all that it held: conferences that it had a part in end, so that the focus learns of it by the next
    /// request and invites their participants again.
    pub fn handle_worker_failed(&mut self, worker: WorkerId, now: Instant) {
        let with_endpoint = self
            .endpoints
            .values()
            .filter(|endpoint| endpoint.owner == worker);
        let mut lost: Vec<ConferenceKey> =
            with_endpoint.map(|endpoint| endpoint.conference).collect();
        lost.extend(
            self.conferences
                .values()
                .filter(|c| c.home == worker)
                .map(|c| c.key),
        );
        for conference in lost {
            // Other workers keep endpoints that only a living home would have told to go.
            let members: Vec<EndpointKey> = match self.conferences.get(&conference) {
                Some(conference) => conference.endpoints.values().copied().collect(),
                None => continue,
            };
            for member in members {
                self.expire_endpoint(member, now);
            }
            self.expire_conference(conference, now);
        }
    }

    /// Ends conferences that were empty for too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((since, key)) = self.empty.front().copied() {
            if since + self.settings.empty_conference > now {
                break;
            }
            self.empty.pop_front();
            if self
                .conferences
                .get(&key)
                .and_then(|conference| conference.empty_since)
                == Some(since)
            {
                self.expire_conference(key, now);
            }
        }
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.empty
            .front()
            .map(|(since, _)| *since + self.settings.empty_conference)
    }
}
