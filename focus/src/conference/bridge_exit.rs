//! Leaving a bridge: after failures, when the last endpoint goes, and when somebody says so.

use std::sync::Arc;

use xmpp::Element;
use xmpp::colibri2::{ConferenceModify, Endpoint};
use xmpp::stanza::IqType;

use crate::bridges::BridgeId;

use super::action::{Action, Ask, NoAnswer, Question};
use super::colibri_errors::{Mark, Reaction, Request, react};
use super::migration::Terminate;
use super::session::State;
use super::{Conference, Context, Progress};

impl Conference {
    pub(super) fn handle_colibri_failure(
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
    pub(super) fn recreate(&mut self, bridge: &BridgeId, nick: &str) {
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

    pub(super) fn send_close(&mut self, bridge: &BridgeId) {
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

    pub(super) fn tell_bridge(&mut self, bridge: &BridgeId, modify: &ConferenceModify) {
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
        match mark {
            Mark::None => self.note_failures(&nicks, ctx),
            // It may still carry media, even if it no longer obeys.
            Mark::Failed => self.depart(bridge, &nicks),
            Mark::Graceful => {}
        }
        self.reinvite(&nicks, Terminate::Moving, false, ctx);
    }

    /// Who has an endpoint there; the bridge is not part of the conference from then on.
    pub(super) fn forget_bridge(&mut self, bridge: &BridgeId) -> Vec<Arc<str>> {
        self.on_bridges.retain(|b| b.bridge != *bridge);
        self.on_bridge(bridge)
    }

    /// Participants with a session through a bridge, in the order in which they came.
    pub(super) fn on_bridge(&self, bridge: &BridgeId) -> Vec<Arc<str>> {
        let mut there: Vec<_> = self
            .participants
            .values()
            .filter(|p| p.session.as_ref().is_some_and(|s| s.bridge == *bridge))
            .collect();
        there.sort_unstable_by_key(|p| p.order);
        there.into_iter().map(|p| p.nick.clone()).collect()
    }
}
