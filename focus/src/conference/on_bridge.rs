//! The conference's part on one bridge: Colibri2 requests and their answers.
//!
//! A request carries what changed and nothing else, so its size does not grow with the conference.

use std::collections::VecDeque;
use std::sync::Arc;

use xmpp::Element;
use xmpp::colibri2::capability;
use xmpp::colibri2::{
    ConferenceModified, ConferenceModify, Endpoint, ForceMute, Media, MediaSource, Sctp, Transport,
};
use xmpp::jingle::IceUdpTransport;
use xmpp::source::{EndpointSources, MediaType, Source};
use xmpp::stanza::{Condition, IqType, StanzaError};

use crate::bridges::BridgeId;

use super::action::{Action, Answer, Ask, NoAnswer, Question};
use super::colibri_errors::{Mark, Reaction, Request, react};
use super::migration::Terminate;
use super::session::State;
use super::{Conference, Context, offer};

/// How far the conference's part on a bridge has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The request that creates it is on its way.
    Creating,
    /// It exists.
    Ready,
    /// The request that ends it is on its way.
    Closing,
}

/// The conference's part on one bridge.
#[derive(Debug)]
pub struct OnBridge {
    /// The bridge.
    pub bridge: BridgeId,
    /// Id of the bridge session, as clients know it.
    pub id: String,
    /// How far it has come.
    pub progress: Progress,
    /// Endpoints that were asked for and not expired.
    pub endpoints: usize,
    /// Sources of the bridge itself.
    pub feedback: EndpointSources,
    /// The bridge was asked once to forget an earlier conference of the same meeting.
    pub recreated: bool,
    /// Participants that wait until it exists.
    pub(super) queued: VecDeque<Arc<str>>,
}

impl Conference {
    /// Asks the bridge for an endpoint, as soon as the conference exists there.
    pub(super) fn allocate(&mut self, nick: &Arc<str>, bridge: &BridgeId, ctx: &mut Context<'_>) {
        let position = match self.on_bridges.iter().position(|b| b.bridge == *bridge) {
            Some(position) => position,
            None => {
                self.on_bridges.push(OnBridge {
                    bridge: bridge.clone(),
                    id: ctx.new_uuid(),
                    progress: if self.adopted {
                        Progress::Closing
                    } else {
                        Progress::Creating
                    },
                    endpoints: 0,
                    feedback: EndpointSources::default(),
                    recreated: false,
                    queued: VecDeque::new(),
                });
                let position = self.on_bridges.len() - 1;
                if self.adopted {
                    self.send_close(bridge);
                } else {
                    self.begin_session(nick, position, State::Allocating, ctx);
                    self.send_allocate(nick, true, ctx);
                    return;
                }
                position
            }
        };
        if self.on_bridges[position].progress == Progress::Ready {
            self.begin_session(nick, position, State::Allocating, ctx);
            self.send_allocate(nick, false, ctx);
        } else {
            self.begin_session(nick, position, State::Queued, ctx);
            self.on_bridges[position].queued.push_back(nick.clone());
        }
    }

    fn begin_session(
        &mut self,
        nick: &Arc<str>,
        position: usize,
        state: State,
        ctx: &mut Context<'_>,
    ) {
        let on_bridge = &mut self.on_bridges[position];
        if state == State::Allocating {
            on_bridge.endpoints += 1;
        }
        let (bridge, id) = (on_bridge.bridge.clone(), on_bridge.id.clone());
        self.new_session(nick, bridge, id, state, ctx);
    }

    fn send_allocate(&mut self, nick: &str, create: bool, ctx: &mut Context<'_>) {
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
        if participant.kind == super::Kind::Visitor {
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
        let (audio, video) = participant.force_muted;
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
        ctx.bridges.handle_participant_added(&bridge, ctx.now);
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

    /// The bridge answered a request for an endpoint.
    pub(super) fn handle_allocated(
        &mut self,
        bridge: &BridgeId,
        nick: &str,
        sid: &str,
        answer: Answer<'_>,
        ctx: &mut Context<'_>,
    ) {
        let is_current = |c: &Self| {
            c.participants
                .get(nick)
                .and_then(|p| p.session.as_ref())
                .is_some_and(|s| s.sid == sid && s.state == State::Allocating)
        };
        match modified(answer) {
            Ok(modified) => {
                if let Some(on_bridge) = self.on_bridges.iter_mut().find(|b| b.bridge == *bridge) {
                    if let Some(sources) = &modified.sources {
                        on_bridge.feedback = feedback(sources);
                    }
                    if on_bridge.progress == Progress::Creating {
                        on_bridge.progress = Progress::Ready;
                        self.allocate_queued(bridge, ctx);
                    }
                }
                if !is_current(self) {
                    return;
                }
                let transport = modified
                    .endpoints
                    .into_iter()
                    .find(|e| e.id == nick)
                    .and_then(|e| e.transport);
                match transport {
                    Some(transport) => self.offer(nick, transport, ctx),
                    None => {
                        tracing::error!(room = %self.room, %bridge, %nick,
                            "the bridge answered without a transport; is it a Colibri2 bridge?");
                        self.leave_bridge(bridge, Mark::Failed, ctx);
                    }
                }
            }
            Err(no_answer) => {
                if is_current(self) {
                    self.handle_colibri_failure(bridge, nick, Request::Allocate, no_answer, ctx);
                }
            }
        }
    }

    fn allocate_queued(&mut self, bridge: &BridgeId, ctx: &mut Context<'_>) {
        let Some(on_bridge) = self.on_bridges.iter_mut().find(|b| b.bridge == *bridge) else {
            return;
        };
        for nick in std::mem::take(&mut on_bridge.queued) {
            self.allocate_one_queued(bridge, &nick, false, ctx);
        }
    }

    /// True if the participant was still waiting.
    fn allocate_one_queued(
        &mut self,
        bridge: &BridgeId,
        nick: &str,
        create: bool,
        ctx: &mut Context<'_>,
    ) -> bool {
        let Some(session) = self
            .participants
            .get_mut(nick)
            .and_then(|p| p.session.as_mut())
        else {
            return false;
        };
        if session.bridge != *bridge || session.state != State::Queued {
            return false;
        }
        session.state = State::Allocating;
        let Some(on_bridge) = self.on_bridges.iter_mut().find(|b| b.bridge == *bridge) else {
            return false;
        };
        session.bridge_session.clone_from(&on_bridge.id);
        on_bridge.endpoints += 1;
        self.send_allocate(nick, create, ctx);
        true
    }

    /// Tells the bridge what changed of an endpoint: its transport, and with `sources` all it sends.
    pub(super) fn update_endpoint(
        &mut self,
        nick: &str,
        transport: Option<IceUdpTransport>,
        sources: bool,
        initial_last_n: Option<i32>,
        ctx: &mut Context<'_>,
    ) {
        let _ = ctx;
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

    fn handle_colibri_failure(
        &mut self,
        bridge: &BridgeId,
        nick: &str,
        request: Request,
        no_answer: NoAnswer,
        ctx: &mut Context<'_>,
    ) {
        let recreated = self
            .on_bridges
            .iter()
            .any(|b| b.bridge == *bridge && b.recreated);
        let reaction = react(request, &no_answer, recreated);
        tracing::warn!(room = %self.room, %bridge, %nick, ?request, error = %no_answer, ?reaction,
            "the bridge did not do what was asked");
        match reaction {
            Reaction::Ignore => {}
            Reaction::ConferenceLost => self.leave_bridge(bridge, Mark::None, ctx),
            Reaction::LeaveBridge(mark) => self.leave_bridge(bridge, mark, ctx),
            Reaction::EndpointsLost(ids) => {
                let ids = if ids.is_empty() {
                    vec![nick.to_owned()]
                } else {
                    ids
                };
                let lost: Vec<Arc<str>> = ids
                    .iter()
                    .filter_map(|id| self.participants.get(id.as_str()))
                    .filter(|p| p.session.as_ref().is_some_and(|s| s.bridge == *bridge))
                    .map(|p| p.nick.clone())
                    .collect();
                self.note_failures(&lost, ctx);
                self.reinvite(&lost, Terminate::Moving, true, ctx);
            }
            Reaction::Recreate => self.recreate(bridge, nick),
            Reaction::DropParticipant { retry } => {
                let lost: [Arc<str>; 1] = [nick.into()];
                if retry {
                    self.note_failures(&lost, ctx);
                    self.reinvite(&lost, Terminate::Moving, true, ctx);
                } else {
                    self.remove_sessions(&lost, Terminate::GeneralError, true, ctx);
                }
            }
        }
    }

    /// The bridge still has a conference of this meeting, from an earlier focus: it is ended and made
    /// anew.
    fn recreate(&mut self, bridge: &BridgeId, nick: &str) {
        if let Some(session) = self
            .participants
            .get_mut(nick)
            .and_then(|p| p.session.as_mut())
        {
            session.state = State::Queued;
        }
        if let Some(on_bridge) = self.on_bridges.iter_mut().find(|b| b.bridge == *bridge) {
            on_bridge.recreated = true;
            on_bridge.endpoints = on_bridge.endpoints.saturating_sub(1);
            on_bridge.queued.push_front(nick.into());
            on_bridge.progress = Progress::Closing;
            self.send_close(bridge);
        }
    }

    /// Endpoints whose sessions are over are expired; the last one takes the conference with it.
    pub(super) fn release_endpoints(&mut self, bridge: &BridgeId, nicks: &[Arc<str>], tell: bool) {
        let Some(on_bridge) = self.on_bridges.iter_mut().find(|b| b.bridge == *bridge) else {
            return;
        };
        on_bridge.endpoints = on_bridge.endpoints.saturating_sub(nicks.len());
        if !tell {
            return;
        }
        if on_bridge.endpoints == 0 {
            on_bridge.progress = Progress::Closing;
            self.send_close(bridge);
            return;
        }
        let mut modify = ConferenceModify::new(self.meeting_id.clone());
        modify.endpoints = nicks
            .iter()
            .map(|nick| Endpoint {
                expire: true,
                ..Endpoint::new(&**nick)
            })
            .collect();
        self.tell_bridge(bridge, &modify);
    }

    fn send_close(&mut self, bridge: &BridgeId) {
        let mut modify = ConferenceModify::new(self.meeting_id.clone());
        modify.expire = true;
        self.ask(Ask {
            to: bridge.jid().clone().into(),
            kind: IqType::Get,
            payload: Element::from(&modify),
            question: Question::CloseOnBridge {
                bridge: bridge.clone(),
            },
        });
    }

    /// Ends the conference on a bridge without waiting for the answer.
    pub(super) fn send_farewell(&mut self, bridge: &BridgeId) {
        let mut modify = ConferenceModify::new(self.meeting_id.clone());
        modify.expire = true;
        self.tell_bridge(bridge, &modify);
    }

    fn tell_bridge(&mut self, bridge: &BridgeId, modify: &ConferenceModify) {
        let iq = xmpp::stanza::iq_get(&bridge.jid().clone().into(), modify);
        self.out.push(Action::Send(iq));
    }

    /// The bridge has ended its part; whoever came meanwhile begins a new one.
    pub(super) fn handle_closed(&mut self, bridge: &BridgeId, ctx: &mut Context<'_>) {
        let Some(position) = self
            .on_bridges
            .iter()
            .position(|b| b.bridge == *bridge && b.progress == Progress::Closing)
        else {
            return;
        };
        self.adopted = false;
        let id = ctx.new_uuid();
        let on_bridge = &mut self.on_bridges[position];
        on_bridge.id = id;
        on_bridge.progress = Progress::Creating;
        while let Some(nick) = self.on_bridges[position].queued.pop_front() {
            if self.allocate_one_queued(bridge, &nick, true, ctx) {
                return;
            }
        }
        self.on_bridges.remove(position);
        self.publish(ctx);
    }

    /// Everybody on the bridge is invited through another one.
    pub(super) fn leave_bridge(&mut self, bridge: &BridgeId, mark: Mark, ctx: &mut Context<'_>) {
        match mark {
            Mark::None => {}
            Mark::Graceful => ctx.bridges.handle_graceful_shutdown(bridge),
            Mark::Failed => ctx.bridges.handle_failure(bridge, ctx.now),
        }
        let nicks = self.forget_bridge(bridge);
        if mark == Mark::None {
            self.note_failures(&nicks, ctx);
        }
        self.reinvite(&nicks, Terminate::Moving, false, ctx);
    }

    /// Who has an endpoint there; the bridge is not part of the conference from then on.
    pub(super) fn forget_bridge(&mut self, bridge: &BridgeId) -> Vec<Arc<str>> {
        self.on_bridges.retain(|b| b.bridge != *bridge);
        self.on_bridge(bridge)
    }

    /// Participants with a session through a bridge.
    pub(super) fn on_bridge(&self, bridge: &BridgeId) -> Vec<Arc<str>> {
        self.participants
            .values()
            .filter(|p| p.session.as_ref().is_some_and(|s| s.bridge == *bridge))
            .map(|p| p.nick.clone())
            .collect()
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
            let (audio, video) = participant.force_muted;
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

/// The view of an answer; one that cannot be understood counts as a refusal.
pub(super) fn modified(answer: Answer<'_>) -> Result<ConferenceModified, NoAnswer> {
    let bad = |text: String| {
        NoAnswer::Refused(StanzaError::new(Condition::UndefinedCondition).with_text(text))
    };
    let payload = answer?.ok_or_else(|| bad("the answer is empty".to_owned()))?;
    ConferenceModified::try_from(payload).map_err(|e| bad(e.to_string()))
}

/// Sources for the bridge, which has no use for msids.
fn media_sources(nick: &str, sources: &EndpointSources) -> Vec<MediaSource> {
    let mut media_sources = MediaSource::from_sources(nick, sources);
    for source in media_sources.iter_mut().flat_map(|m| m.sources.iter_mut()) {
        source.msid = None;
    }
    media_sources
}

/// The bridge's own sources, with the msids under which clients expect them.
fn feedback(sources: &[MediaSource]) -> EndpointSources {
    let mut feedback = EndpointSources::default();
    for media_source in sources {
        let label = match media_source.media_type {
            MediaType::Audio => "mixedmslabel mixedlabelaudio0",
            _ => "mixedmslabel mixedlabelvideo0",
        };
        for source in &media_source.sources {
            feedback.push(
                media_source.media_type,
                Source::new(source.ssrc)
                    .with_name(media_source.id.clone())
                    .with_msid(label),
            );
        }
    }
    feedback
}
