//! Transport updates from the client, and the restart of ICE in place.

use xmpp::Element;
use xmpp::colibri2::{ConferenceModified, ConferenceModify, Endpoint, Transport};
use xmpp::jingle::{Action as Verb, Content, Jingle};
use xmpp::stanza::{Condition, IqType, StanzaError};

use super::action::{Ask, NoAnswer, Question};
use super::migration::Terminate;
use super::session::{Reply, State};
use super::{Conference, Context};

impl Conference {
    pub(super) fn handle_transport_info(&mut self, nick: &str, jingle: &Jingle) -> Reply {
        let Some(transport) = jingle.transport().cloned() else {
            return Err(StanzaError::new(Condition::BadRequest).with_text("missing transport"));
        };
        self.update_endpoint(nick, Some(transport), false, None);
        Ok(None)
    }

    pub(super) fn handle_ice_restart_request(
        &mut self,
        nick: &str,
        names_it: bool,
        ctx: &mut Context<'_>,
    ) -> Reply {
        ctx.counters.ice_restarts_requested += 1;
        if !ctx.settings.config.conference.ice_restart {
            return Err(StanzaError::new(Condition::FeatureNotImplemented));
        }
        if !names_it {
            return Err(
                StanzaError::new(Condition::ItemNotFound).with_text("no such bridge session")
            );
        }
        let participant = self
            .participants
            .get_mut(nick)
            .expect("the sender was looked up");
        if !participant.ice_restarts.handle_request(ctx.now) {
            return Err(
                StanzaError::new(Condition::ResourceConstraint).with_text("too many restarts")
            );
        }
        let session = participant
            .session
            .as_ref()
            .expect("the session was looked up");
        let mut endpoint = Endpoint::new(nick);
        endpoint.stats_id.clone_from(&participant.stats_id);
        endpoint.transport = Some(Transport {
            ice_restart: true,
            ..Transport::default()
        });
        let mut modify = ConferenceModify::new(self.meeting_id.clone());
        modify.endpoints.push(endpoint);
        let (bridge, sid) = (session.bridge.clone(), session.sid.clone());
        self.ask(Ask {
            to: bridge.jid().clone().into(),
            kind: IqType::Get,
            payload: Element::from(&modify),
            question: Question::RestartIce {
                bridge,
                nick: nick.to_owned(),
                sid,
            },
        });
        Ok(None)
    }

    /// The bridge's answer: a transport with a generation has restarted, one without is not up yet,
    /// none means that the participant has to be invited again.
    pub(super) fn handle_ice_restarted(
        &mut self,
        nick: &str,
        sid: &str,
        modified: Result<ConferenceModified, NoAnswer>,
        ctx: &mut Context<'_>,
    ) {
        let Some(participant) = self.participants.get(nick) else {
            return;
        };
        let Some(session) = participant
            .session
            .as_ref()
            .filter(|s| s.sid == sid && s.state == State::Active)
        else {
            return;
        };
        let transport = match modified {
            Ok(modified) => modified
                .endpoints
                .into_iter()
                .find(|e| e.id == nick)
                .and_then(|e| e.transport)
                .and_then(|t| t.ice),
            Err(NoAnswer::Timeout | NoAnswer::Disconnected) => return,
            Err(NoAnswer::Refused(_)) => None,
        };
        let Some(transport) = transport else {
            ctx.counters.ice_restarts_failed += 1;
            self.reinvite(&[nick.into()], Terminate::Moving, true, ctx);
            return;
        };
        if transport.ice_generation.is_none() {
            ctx.counters.ice_restarts_not_needed += 1;
            return;
        }
        ctx.counters.ice_restarts_relayed += 1;
        let mut jingle = Jingle::new(Verb::TransportInfo, session.sid.clone());
        let mut content = Content::new("audio");
        content.transport = Some(transport);
        jingle.contents.push(content);
        let to = participant.occupant.clone();
        self.send_iq(to, &jingle);
    }
}
