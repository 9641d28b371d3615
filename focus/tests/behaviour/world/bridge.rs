//! A bridge that answers Colibri2 as Jitsi Videobridge does.

use std::collections::BTreeMap;

use xmpp::brewery::BridgeStats;
use xmpp::colibri2::{
    Colibri2Error, ConferenceModified, ConferenceModify, Endpoint, ErrorReason, MediaSource, Sctp,
    SctpRole, Transport,
};
use xmpp::source::{MediaType, Source};
use xmpp::stanza::{Condition, StanzaError};

use super::stanzas::bridge_transport;

#[derive(Clone, PartialEq)]
pub(crate) enum Mood {
    Answers,
    Silent,
    Refuses(StanzaError),
}

#[derive(Default)]
pub(crate) struct BridgeConference {
    pub endpoints: BTreeMap<String, Endpoint>,
}

pub(crate) struct Bridge {
    pub conferences: BTreeMap<String, BridgeConference>,
    pub mood: Mood,
    pub health: Mood,
    pub requests: Vec<ConferenceModify>,
    pub ice_generation: Option<u32>,
    pub stats: BridgeStats,
    /// Its real address.
    pub session: String,
}

impl Bridge {
    pub(crate) fn handle(
        &mut self,
        name: &str,
        modify: ConferenceModify,
    ) -> Result<ConferenceModified, StanzaError> {
        self.requests.push(modify.clone());
        let refuse = |reason| Err(Colibri2Error::new(reason).into_stanza_error(""));
        let meeting = modify.meeting_id.clone();
        if modify.create {
            if self.conferences.contains_key(&meeting) {
                return refuse(ErrorReason::ConferenceAlreadyExists);
            }
            self.conferences
                .insert(meeting.clone(), BridgeConference::default());
        }
        if modify.expire {
            return match self.conferences.remove(&meeting) {
                Some(_) => Ok(ConferenceModified::default()),
                None => refuse(ErrorReason::ConferenceNotFound),
            };
        }
        let Some(conference) = self.conferences.get_mut(&meeting) else {
            return refuse(ErrorReason::ConferenceNotFound);
        };
        assert!(
            modify.endpoints.len() == 1
                || modify
                    .endpoints
                    .iter()
                    .all(|e| e.expire || e.force_mute.is_some()),
            "several endpoints in one request only to expire or mute them"
        );
        let mut modified = ConferenceModified::default();
        for endpoint in modify.endpoints {
            let mut answer = Endpoint::new(endpoint.id.clone());
            if endpoint.expire {
                answer.expire = true;
                conference.endpoints.remove(&endpoint.id);
            } else if endpoint.create {
                if conference.endpoints.contains_key(&endpoint.id) {
                    return Err(StanzaError::new(Condition::Conflict));
                }
                assert!(endpoint.has_capability("source-names"));
                assert!(endpoint.transport.as_ref().unwrap().ice_controlling);
                answer.transport = Some(Transport {
                    ice: Some(bridge_transport(name, &endpoint.id)),
                    sctp: endpoint.transport.as_ref().unwrap().sctp.map(|_| Sctp {
                        role: Some(SctpRole::Server),
                        port: Some(5000),
                    }),
                    ..Transport::default()
                });
                modified.sources = Some(vec![
                    MediaSource::new(
                        "jvb-a0",
                        MediaType::Audio,
                        vec![Source::new(11).with_name("jvb-a0")],
                    ),
                    MediaSource::new(
                        "jvb-v0",
                        MediaType::Video,
                        vec![Source::new(12).with_name("jvb-v0")],
                    ),
                ]);
                conference.endpoints.insert(endpoint.id.clone(), endpoint);
            } else {
                let Some(known) = conference.endpoints.get_mut(&endpoint.id) else {
                    return Err(Colibri2Error::unknown_endpoint(&endpoint.id).into_stanza_error(""));
                };
                if endpoint.transport.as_ref().is_some_and(|t| t.ice_restart) {
                    if let Some(generation) = self.ice_generation {
                        let mut ice = bridge_transport(name, &endpoint.id);
                        ice.ice_generation = (generation > 0).then_some(generation);
                        answer.transport = Some(Transport {
                            ice: Some(ice),
                            ..Transport::default()
                        });
                    }
                } else if let Some(transport) = endpoint.transport {
                    known.transport = Some(transport);
                }
                if let Some(sources) = endpoint.sources {
                    known.sources = Some(sources);
                }
                if let Some(mute) = endpoint.force_mute {
                    known.force_mute = Some(mute);
                }
            }
            modified.endpoints.push(answer);
        }
        if conference.endpoints.is_empty() {
            self.conferences.remove(&meeting);
        }
        Ok(modified)
    }
}
