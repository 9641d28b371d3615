//! The conference's part on one bridge, and how participants come to have endpoints there.

use std::collections::VecDeque;
use std::sync::Arc;

use xmpp::colibri2::{ConferenceModified, MediaSource};
use xmpp::source::{EndpointSources, MediaType, Source};
use xmpp::stanza::{Condition, StanzaError};

use crate::bridges::BridgeId;

use super::action::{Answer, NoAnswer};
use super::colibri_errors::{Mark, Request};
use super::session::State;
use super::{Conference, Context};

/// How far the conference's part on a bridge has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The request that creates it is on its way.
    Creating,
    /// It exists.
    Ready,
    /// The request that ends it is on its way.
    Closing,
}

/// The conference's part on one bridge.
#[derive(Debug)]
pub(super) struct OnBridge {
    /// Which of the bridges it is.
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

impl OnBridge {
    /// Participants that have an endpoint there, or wait for one.
    pub(super) fn participants(&self) -> usize {
        self.endpoints + self.queued.len()
    }
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
        // Also of those who wait for the conference: what comes next is to see the whole of it.
        ctx.bridges.handle_participant_added(&bridge, ctx.now);
        self.new_session(nick, bridge, id, state, ctx);
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
    pub(super) fn allocate_one_queued(
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
}

/// The view of an answer; one that cannot be understood counts as a refusal.
pub(super) fn modified(answer: Answer<'_>) -> Result<ConferenceModified, NoAnswer> {
    let bad = |text: String| {
        NoAnswer::Refused(StanzaError::new(Condition::UndefinedCondition).with_text(text))
    };
    let payload = answer?.ok_or_else(|| bad("the answer is empty".to_owned()))?;
    ConferenceModified::try_from(payload).map_err(|e| bad(e.to_string()))
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
