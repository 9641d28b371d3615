//! Inviting a participant: when, through which bridge, and with what offer.

use std::sync::Arc;

use xmpp::Element;
use xmpp::colibri2::Transport;
use xmpp::jingle::{
    Action as Verb, BridgeSession, Content, IceUdpTransport, Jingle, RtpDescription, SctpMap,
    Senders, StartMuted, sources,
};
use xmpp::source::{BRIDGE_OWNER, ConferenceSources, MediaType};
use xmpp::stanza::IqType;

use crate::bridges::BridgeId;
use crate::bridges::selection::{ConferenceView, InConference};

use super::action::{Ask, NoAnswer, Question};
use super::migration::Terminate;
use super::participant::{Invitation, Muted};
use super::session::{Session, State};
use super::source_signalling::for_receivers;
use super::{Conference, Context, Progress, offer};

impl Conference {
    /// Invites a participant if everything it takes is there; otherwise whatever is missing will call
    /// this again when it comes.
    pub(super) fn invite(&mut self, nick: &str, ctx: &mut Context<'_>) {
        if !self.started || !self.is_ready() {
            return;
        }
        let Some(participant) = self.participants.get(nick) else {
            return;
        };
        if participant.session.is_some()
            || participant.features().is_none()
            || participant.retry_at.is_some_and(|at| at > ctx.now)
        {
            return;
        }
        let max = ctx.settings.config.conference.max_participants;
        if max.is_some_and(|max| {
            self.participants
                .values()
                .filter(|p| p.session.is_some())
                .count()
                >= max
        }) {
            tracing::info!(room = %self.room, %nick, "the conference is full");
            return;
        }
        let region = participant.region.clone();
        let nick = participant.nick.clone();
        self.leave_what_is_to_be_left(ctx);
        let view = ConferenceView {
            bridges: self
                .on_bridges
                .iter()
                .filter(|b| b.progress != Progress::Closing || b.participants() > 0)
                .map(|b| InConference {
                    id: b.bridge.clone(),
                    participants: b.participants(),
                })
                .collect(),
        };
        let chosen = ctx.bridges.select(&view, region.as_deref(), ctx.now);
        let participant = self.participants.get_mut(&nick).expect("it was just read");
        participant.invitation = match chosen {
            Some(_) => Invitation::Due,
            None => Invitation::WaitsForBridge,
        };
        participant.retry_at = None;
        match chosen {
            Some(bridge) => {
                self.bridge_unavailable = false;
                self.allocate(&nick, &bridge, ctx);
            }
            None => {
                if !self.bridge_unavailable {
                    tracing::error!(room = %self.room,
                        "no bridge can be used; participants wait. Is a bridge running, healthy and in the brewery?");
                    ctx.counters.bridge_unavailable += 1;
                }
                self.bridge_unavailable = true;
            }
        }
        self.publish(ctx);
    }

    /// A session that is being set up.
    pub(super) fn new_session(
        &mut self,
        nick: &str,
        bridge: BridgeId,
        bridge_session: String,
        state: State,
        ctx: &mut Context<'_>,
    ) {
        let meeting_id = self.meeting_id.clone();
        let Some(participant) = self.participants.get_mut(nick) else {
            return;
        };
        let mut features = participant.features().unwrap_or(super::Features::UNKNOWN);
        features.ssrc_rewriting &= ctx.settings.config.conference.ssrc_rewriting;
        let sid = super::adoption::session_id(&meeting_id, participant, participant.sessions);
        participant.sessions = participant.sessions.wrapping_add(1);
        participant.session = Some(Session {
            sid,
            bridge,
            bridge_session,
            state,
            features,
            offered: None,
            transport: None,
            unconfirmed: false,
        });
    }

    /// The bridge has made the endpoint: the client is offered a session with it.
    pub(super) fn offer(&mut self, nick: &str, transport: Transport, ctx: &mut Context<'_>) {
        let config = &ctx.settings.config;
        let Some(participant) = self.participants.get_mut(nick) else {
            return;
        };
        let Some(session) = participant.session.as_mut() else {
            return;
        };
        let on_bridge = self.on_bridges.iter().find(|b| b.bridge == session.bridge);
        let features = session.features;
        let Some(ice) = transport.ice else {
            let bridge = session.bridge.clone();
            tracing::error!(room = %self.room, %bridge, %nick, "the bridge's transport has no ICE credentials");
            self.leave_bridge(&bridge, super::Mark::Failed, ctx);
            return;
        };
        session.state = State::Offered;

        let mut signalled = ConferenceSources::new();
        if let Some(on_bridge) = on_bridge {
            signalled.add(BRIDGE_OWNER, on_bridge.feedback.clone());
        }
        if !features.ssrc_rewriting {
            for (owner, sources) in self.sources.iter().filter(|(owner, _)| ***owner != *nick) {
                let sources = for_receivers(sources, ctx);
                if !sources.is_empty() {
                    signalled.add(owner, sources);
                }
            }
            session.offered = Some(self.sources.snapshot());
        }

        let mut jingle = Jingle::new(Verb::SessionInitiate, session.sid.clone());
        jingle.initiator = Some(self.me.to_string());
        let ice = for_client(ice);
        for mut description in offer::media(&features, &config.codecs) {
            if !features.json_sources {
                sources::add_to_description(&mut description, &signalled);
            }
            jingle.contents.push(content(description, ice.clone()));
        }
        if let Some(sctp) = transport
            .sctp
            .filter(|_| config.conference.sctp && features.sctp)
        {
            let mut with_sctp = ice;
            with_sctp.sctpmap = Some(SctpMap {
                number: sctp.port.unwrap_or(5000),
                protocol: "webrtc-datachannel".to_owned(),
                streams: Some(1024),
            });
            let mut data = content(RtpDescription::new(MediaType::Application), with_sctp);
            data.name = "data".to_owned();
            jingle.contents.push(data);
        }
        jingle.bundle();
        jingle.bridge_session = Some(BridgeSession {
            id: Some(session.bridge_session.clone()),
            region: ctx.bridges.region(&session.bridge).map(str::to_owned),
            ..BridgeSession::default()
        });
        let Muted { audio, video } = participant.start_muted;
        if audio || video {
            jingle.start_muted = Some(StartMuted { audio, video });
        }
        if features.json_sources {
            jingle.json_sources = Some(signalled);
        }
        ctx.counters.count_jingle_sent(&jingle.action);
        let ask = Ask {
            to: participant.occupant.clone().into(),
            kind: IqType::Set,
            payload: Element::from(&jingle),
            question: Question::Offer {
                nick: nick.to_owned(),
                sid: session.sid.clone(),
            },
        };
        self.ask(ask);
    }

    /// The client acknowledged the offer, or did not. One that stays silent may still accept.
    pub(super) fn handle_offered(
        &mut self,
        nick: &str,
        sid: &str,
        failure: Option<NoAnswer>,
        ctx: &mut Context<'_>,
    ) {
        if failure == Some(NoAnswer::Disconnected)
            && let Some(session) = self
                .participants
                .get_mut(nick)
                .and_then(|p| p.session.as_mut())
            && session.sid == sid
            && session.state == State::Offered
        {
            session.unconfirmed = true;
        }
        let Some(NoAnswer::Refused(error)) = failure else {
            return;
        };
        let is_current = self
            .participants
            .get(nick)
            .and_then(|p| p.session.as_ref())
            .is_some_and(|s| s.sid == sid && s.state == State::Offered);
        if is_current {
            tracing::warn!(room = %self.room, %nick, %error, "the client refuses the session");
            self.remove_sessions(&[Arc::from(nick)], Terminate::GeneralError, true, ctx);
        }
    }
}

fn content(description: RtpDescription, transport: IceUdpTransport) -> Content {
    let mut content = Content::new(description.media.map_or("data", MediaType::as_str));
    content.senders = Some(Senders::Both);
    content.description = Some(description);
    content.transport = Some(transport);
    content
}

/// Fingerprints as clients expect them.
fn for_client(mut transport: IceUdpTransport) -> IceUdpTransport {
    for fingerprint in &mut transport.fingerprints {
        fingerprint.required.get_or_insert(false);
        fingerprint.cryptex.get_or_insert(false);
    }
    transport.rtcp_mux = true;
    transport
}
