//! The Jingle session with one participant (XEP-0166): what the client may ask, and the answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use xmpp::jingle::{Action as Verb, IceState, IceUdpTransport, Jingle};
use xmpp::source::EndpointSources;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{Element, ns};

use crate::bridges::BridgeId;

use super::features::Features;
use super::migration::Terminate;
use super::{Conference, Context};

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for the conference to exist on the bridge.
    Queued,
    /// The bridge makes the endpoint.
    Allocating,
    /// Offered to the client.
    Offered,
    /// Accepted.
    Active,
}

/// A Jingle session with a participant.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub sid: String,
    /// Bridge that has the endpoint.
    pub bridge: BridgeId,
    /// Id of the bridge session, as the client knows it.
    pub bridge_session: String,
    /// How far it has come.
    pub state: State,
    /// The client's features at the time of the offer.
    pub features: Features,
    /// Others' sources as they were signalled in the offer, until it is accepted.
    pub offered: Option<BTreeMap<Arc<str>, Arc<EndpointSources>>>,
    /// The client's transport, kept to repeat what a bridge may have missed.
    pub transport: Option<IceUdpTransport>,
    /// The last update did not reach the bridge for certain.
    pub unconfirmed: bool,
}

/// The answer to an IQ: a result with or without payload, or an error.
pub(super) type Reply = Result<Option<Element>, StanzaError>;

fn error(condition: Condition, text: &str) -> StanzaError {
    StanzaError::new(condition).with_text(text)
}

fn out_of_order() -> StanzaError {
    error(
        Condition::UnexpectedRequest,
        "not in this state of the session",
    )
    .with_application(xmpp::xml::element("out-of-order", ns::JINGLE_ERRORS))
}

impl Conference {
    pub(super) fn handle_jingle(
        &mut self,
        nick: &str,
        payload: &Element,
        ctx: &mut Context<'_>,
    ) -> Reply {
        let jingle = Jingle::try_from(payload)?;
        let Some(participant) = self.participants.get(nick) else {
            return Err(error(
                Condition::ItemNotFound,
                "not a participant of this conference",
            ));
        };
        let Some(session) = participant.session.as_ref().filter(|s| s.sid == jingle.sid) else {
            if participant.had_session(&jingle.sid) {
                return Err(error(Condition::Gone, "that session is over"));
            }
            return Err(error(Condition::ItemNotFound, "no such session")
                .with_application(xmpp::xml::element("unknown-session", ns::JINGLE_ERRORS)));
        };
        let state = session.state;
        ctx.counters.count_jingle_received(&jingle.action);
        match &jingle.action {
            Verb::SessionAccept | Verb::TransportAccept if state == State::Offered => {
                self.handle_accept(nick, &jingle, ctx)
            }
            Verb::SessionInfo => self.handle_session_info(nick, &jingle, ctx),
            Verb::SessionTerminate => self.handle_session_terminate(nick, &jingle, ctx),
            Verb::TransportInfo => self.handle_transport_info(nick, &jingle),
            Verb::TransportReject => {
                tracing::info!(room = %self.room, %nick, "the client refuses the transport");
                Ok(None)
            }
            Verb::SourceAdd if state == State::Active => self.handle_source_add(nick, &jingle, ctx),
            Verb::SourceRemove if state == State::Active => {
                self.handle_source_remove(nick, &jingle, ctx)
            }
            Verb::SessionAccept | Verb::TransportAccept | Verb::SourceAdd | Verb::SourceRemove => {
                Err(out_of_order())
            }
            other => Err(error(
                Condition::FeatureNotImplemented,
                &format!("action {other}"),
            )),
        }
    }

    fn handle_accept(&mut self, nick: &str, jingle: &Jingle, ctx: &mut Context<'_>) -> Reply {
        let sources = jingle.own_sources();
        self.check_may_send(nick, &sources, ctx)?;
        let Some(transport) = jingle.transport().cloned() else {
            return Err(error(Condition::BadRequest, "missing transport"));
        };
        let added = self
            .sources
            .try_add(nick, sources, ctx.source_limits())
            .map_err(|e| error(Condition::BadRequest, &e.to_string()))?;
        let last_n = jingle.contents.iter().find_map(|c| c.initial_last_n);
        let participant = self
            .participants
            .get_mut(nick)
            .expect("the sender was looked up");
        participant.failures = 0;
        let session = participant
            .session
            .as_mut()
            .expect("the session was looked up");
        session.state = State::Active;
        session.transport = Some(transport.clone());
        let offered = session.offered.take();
        self.note_moved(nick);
        self.update_endpoint(nick, Some(transport), true, last_n);
        self.signal_added(nick, &added, ctx);
        if let Some(offered) = offered {
            self.signal_difference(nick, &offered, ctx);
        }
        Ok(None)
    }

    fn handle_session_info(&mut self, nick: &str, jingle: &Jingle, ctx: &mut Context<'_>) -> Reply {
        let participant = self
            .participants
            .get_mut(nick)
            .expect("the sender was looked up");
        let session = participant
            .session
            .as_ref()
            .expect("the session was looked up");
        let names_it = jingle
            .bridge_session
            .as_ref()
            .is_some_and(|b| b.id.as_deref() == Some(session.bridge_session.as_str()));
        if jingle
            .bridge_session
            .as_ref()
            .is_some_and(|b| b.ice_restart)
        {
            return self.handle_ice_restart_request(nick, names_it, ctx);
        }
        if jingle.ice_state == Some(IceState::Failed) {
            ctx.counters.ice_failed += 1;
            if !names_it {
                tracing::debug!(room = %self.room, %nick, "ICE failed on a bridge session that is over");
                return Ok(None);
            }
            if !participant.restarts.handle_request(ctx.now) {
                return Err(error(Condition::ResourceConstraint, "too many restarts"));
            }
            tracing::info!(room = %self.room, %nick, bridge = %session.bridge, "ICE failed, inviting again");
            self.reinvite(&[nick.into()], Terminate::Moving, true, ctx);
        }
        Ok(None)
    }

    fn handle_session_terminate(
        &mut self,
        nick: &str,
        jingle: &Jingle,
        ctx: &mut Context<'_>,
    ) -> Reply {
        let participant = self
            .participants
            .get_mut(nick)
            .expect("the sender was looked up");
        let session = participant
            .session
            .as_ref()
            .expect("the session was looked up");
        if let Some(id) = jingle.bridge_session.as_ref().and_then(|b| b.id.as_deref())
            && id != session.bridge_session
        {
            return Err(error(Condition::ItemNotFound, "no such bridge session"));
        }
        let restart = jingle.bridge_session.as_ref().is_some_and(|b| b.restart);
        let reason = jingle
            .reason
            .as_ref()
            .and_then(|r| r.condition)
            .map_or("none", |c| c.as_str());
        if !restart {
            tracing::info!(room = %self.room, %nick, reason, "the client ended its session");
            self.remove_sessions(&[nick.into()], Terminate::Silently, true, ctx);
            return Ok(None);
        }
        ctx.counters.restart_requested += 1;
        if participant.restarts.handle_request(ctx.now) {
            tracing::info!(room = %self.room, %nick, reason, "the client asks for a new session");
            self.reinvite(&[nick.into()], Terminate::Silently, true, ctx);
            return Ok(None);
        }
        tracing::warn!(room = %self.room, %nick, reason, "the client asks for new sessions too often");
        self.remove_sessions(&[nick.into()], Terminate::Silently, true, ctx);
        Err(error(Condition::ResourceConstraint, "too many restarts"))
    }
}
