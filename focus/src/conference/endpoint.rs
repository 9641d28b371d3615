//! Colibri2 requests about one endpoint: what is asked of the bridge for a participant.
//!
//! A request carries what changed and nothing else, so its size does not grow with the conference.

use std::sync::Arc;

use xmpp::Element;
use xmpp::colibri2::{
    ConferenceModify, Endpoint, ForceMute, Media, MediaSource, Sctp, Transport, capability,
};
use xmpp::jingle::IceUdpTransport;
use xmpp::source::{EndpointSources, MediaType};
use xmpp::stanza::IqType;

use crate::bridges::BridgeId;

use super::action::{Answer, Ask, NoAnswer, Question};
use super::colibri_errors::Request;
use super::participant::Muted;
use super::session::State;
use super::{Conference, Context, Kind, offer};

impl Conference {
    pub(super) fn send_allocate(&mut self, nick: &str, create: bool, ctx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(nick) else {
            return;
        };
        let Some(session) = &participant.session else {
            return;
        };
        let limits = &ctx.settings.config.conference;
        let features = session.features;
        let mut endpoint = Endpoint::new(nick);
        endpoint.create = true;
        endpoint.stats_id.clone_from(&participant.stats_id);
        if participant.kind == Kind::Visitor {
            endpoint.muc_role = Some("visitor".to_owned());
        }
        endpoint.media = offer::media(&features, &ctx.settings.config.codecs)
            .into_iter()
            .map(|d| Media {
                media_type: d.media.unwrap_or(MediaType::Audio),
                payload_types: d.payload_types,
                hdrexts: d.hdrexts,
                extmap_allow_mixed: d.extmap_allow_mixed,
            })
            .collect();
        endpoint.transport = Some(Transport {
            ice_controlling: true,
            sctp: (limits.sctp && features.sctp).then(Sctp::default),
            ..Transport::default()
        });
        endpoint.sources = Some(Vec::new());
        let Muted { audio, video } = participant.force_muted;
        if audio || video {
            endpoint.force_mute = Some(ForceMute {
                audio: Some(audio),
                video: Some(video),
            });
        }
        endpoint
            .capabilities
            .push(capability::SOURCE_NAMES.to_owned());
        if features.ssrc_rewriting {
            endpoint
                .capabilities
                .push(capability::SSRC_REWRITING.to_owned());
            if features.mid_demux {
                endpoint
                    .capabilities
                    .push(capability::RTP_MID_DEMUX.to_owned());
            }
        }
        let mut modify = ConferenceModify::new(self.meeting_id.clone());
        if create {
            modify.create = true;
            modify.name = Some(self.room.to_string());
            modify.rtcstats_enabled = Some(self.rtcstats_enabled);
        }
        modify.endpoints.push(endpoint);
        let bridge = session.bridge.clone();
        let sid = session.sid.clone();
        self.ask(Ask {
            to: bridge.jid().clone().into(),
            kind: IqType::Get,
            payload: Element::from(&modify),
            question: Question::Allocate {
                bridge,
                nick: nick.to_owned(),
                sid,
            },
        });
    }

    /// Tells the bridge what changed of an endpoint: its transport, and with `sources` all it sends.
    pub(super) fn update_endpoint(
        &mut self,
        nick: &str,
        transport: Option<IceUdpTransport>,
        sources: bool,
        initial_last_n: Option<i32>,
    ) {
        let Some(participant) = self.participants.get(nick) else {
            return;
        };
        let Some(session) = &participant.session else {
            return;
        };
        let mut endpoint = Endpoint::new(nick);
        endpoint.stats_id.clone_from(&participant.stats_id);
        endpoint.transport = transport.map(|ice| Transport {
            ice: Some(ice),
            ..Transport::default()
        });
        endpoint.initial_last_n = initial_last_n;
        if sources {
            endpoint.sources = Some(match self.sources.of(nick) {
                Some(sources) => media_sources(nick, sources),
                None => Vec::new(),
            });
        }
        let mut modify = ConferenceModify::new(self.meeting_id.clone());
        modify.endpoints.push(endpoint);
        let question = Question::Update {
            bridge: session.bridge.clone(),
            nick: nick.to_owned(),
            sid: session.sid.clone(),
        };
        let to = session.bridge.jid().clone().into();
        self.ask(Ask {
            to,
            kind: IqType::Get,
            payload: Element::from(&modify),
            question,
        });
    }

    /// The bridge answered an update.
    pub(super) fn handle_updated(
        &mut self,
        bridge: &BridgeId,
        nick: &str,
        sid: &str,
        answer: Answer<'_>,
        ctx: &mut Context<'_>,
    ) {
        let Some(session) = self
            .participants
            .get_mut(nick)
            .and_then(|p| p.session.as_mut())
        else {
            return;
        };
        if session.sid != sid {
            return;
        }
        match answer {
            Ok(_) => {}
            Err(NoAnswer::Disconnected) => session.unconfirmed = true,
            Err(no_answer) => {
                self.handle_colibri_failure(bridge, nick, Request::Update, no_answer, ctx)
            }
        }
    }

    /// Sets who is muted at the bridge, in one request for all.
    pub(super) fn force_mute(&mut self, nicks: &[Arc<str>]) {
        let mut by_bridge: Vec<(BridgeId, Vec<Endpoint>)> = Vec::new();
        for nick in nicks {
            let Some(participant) = self.participants.get(nick) else {
                continue;
            };
            let Some(session) = &participant.session else {
                continue;
            };
            if session.state == State::Queued {
                continue;
            }
            let Muted { audio, video } = participant.force_muted;
            let endpoint = Endpoint {
                force_mute: Some(ForceMute {
                    audio: Some(audio),
                    video: Some(video),
                }),
                ..Endpoint::new(&**nick)
            };
            match by_bridge.iter_mut().find(|(b, _)| *b == session.bridge) {
                Some((_, endpoints)) => endpoints.push(endpoint),
                None => by_bridge.push((session.bridge.clone(), vec![endpoint])),
            }
        }
        for (bridge, endpoints) in by_bridge {
            let mut modify = ConferenceModify::new(self.meeting_id.clone());
            modify.endpoints = endpoints;
            self.tell_bridge(&bridge, &modify);
        }
    }
}

/// Sources for the bridge, which has no use for msids.
fn media_sources(nick: &str, sources: &EndpointSources) -> Vec<MediaSource> {
    let mut media_sources = MediaSource::from_sources(nick, sources);
    for source in media_sources.iter_mut().flat_map(|m| m.sources.iter_mut()) {
        source.msid = None;
    }
    media_sources
}
