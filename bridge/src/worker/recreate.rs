//! An endpoint that is made anew under a name which others know: what they were told of the name
//! before is told again, as it is of the new endpoint.
//!
//! | what is announced | who knows it, by what | when the endpoint is made anew |
//! | --- | --- | --- |
//! | connectivity | everyone, by name | told active, if it was told inactive |
//! | dominant speaker | everyone, by name | in office again, if nobody took over |
//! | forwarded sources, source maps | receivers, by name; here by the source's key | the key is a new one, so they differ |
//! | sender constraints | the sender | told with its greeting |
//! | receiver constraints, audio subscriptions | receivers, by name | hold for the name |
//! | video types | the sender's, by name | kept until the source is signalled |
//! | layers, clocks | workers, by the source's key | told with the first packets, and to workers that come later |

use std::sync::Arc;
use std::time::Instant;

use super::Worker;
use crate::conference::Conference;
use crate::conference::home::Home;
use crate::ids::{EndpointId, EndpointKey, WorkerId};
use crate::message::{ConferenceMessage, DirectoryChange};

impl Worker {
    /// Home only: an endpoint of this name came.
    pub(super) fn reaffirm(&mut self, index: usize, id: &EndpointId, now: Instant) {
        let Some(conference) = self.conferences.get(index) else {
            return;
        };
        let Some(home) = &conference.at_home else {
            return;
        };
        let Some(member) = conference.member_by_id(id.as_str()) else {
            return;
        };
        let endpoint = member.info.endpoint;
        if home.believed.is_inactive(id) && !member.info.visitor {
            self.change(index, DirectoryChange::Active(endpoint, true), now);
        }
        self.return_to_office(index, id, now);
    }

    /// Home only: an endpoint left. If another of its name is there already, that one speaks on.
    pub(super) fn vacate_office(&mut self, index: usize, endpoint: EndpointKey, now: Instant) {
        let Some(conference) = self.conferences.get_mut(index) else {
            return;
        };
        let Some(home) = &mut conference.at_home else {
            return;
        };
        home.speakers.remove(endpoint);
        if let Some(id) = home.believed.speaker().cloned() {
            self.return_to_office(index, &id, now);
        }
    }

    fn return_to_office(&mut self, index: usize, id: &EndpointId, now: Instant) {
        let Some(conference) = self.conferences.get_mut(index) else {
            return;
        };
        let member = conference.member_by_id(id.as_str());
        let endpoint = member.map(|m| m.info.endpoint);
        let (Some(endpoint), Some(home)) = (endpoint, &mut conference.at_home) else {
            return;
        };
        if home.believed.speaker() == Some(id)
            && let Some(change) = home.speakers.reinstate(endpoint)
        {
            self.announce_speaker(index, change, now);
        }
    }

    /// Home only: remembers what all were told.
    pub(super) fn note_belief(&mut self, index: usize, note: impl FnOnce(&mut Home, &Conference)) {
        let Some(conference) = self.conferences.get_mut(index) else {
            return;
        };
        if let Some(mut home) = conference.at_home.take() {
            note(&mut home, conference);
            conference.at_home = Some(home);
        }
    }

    /// A worker has its first endpoint of a conference: it learns what this worker's sources send,
    /// which others were told when it changed.
    pub(super) fn tell_streams(&mut self, index: usize, newcomer: WorkerId) {
        let Some(conference) = self.conferences.get(index) else {
            return;
        };
        let key = conference.key();
        let mut news = Vec::new();
        for local in &conference.local {
            let Some(endpoint) = self.endpoints.get(*local) else {
                continue;
            };
            for source in &endpoint.ingress.sources.list {
                let Some(known) = conference
                    .slot_of(source.key)
                    .and_then(|slot| conference.source(slot))
                else {
                    continue;
                };
                let layers = Arc::from(&known.layers[..]);
                news.push(ConferenceMessage::Layers(source.key, layers));
                for encoding in 0..known.info.encodings {
                    let clock = known.clock(encoding);
                    news.extend(
                        clock.map(|c| ConferenceMessage::SenderReport(source.key, encoding, c)),
                    );
                }
            }
        }
        for message in news {
            self.send_to(newcomer, key, message);
        }
    }
}
