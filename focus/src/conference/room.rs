//! The room itself: joining it, configuring it, leaving it (XEP-0045).

use std::time::{Duration, Instant};

use xmpp::stanza::{Condition, IqType, StanzaError};
use xmpp::xml::{ElementExt, element};
use xmpp::{Element, FullJid, Jid, ns, stanza};

use crate::config::seconds;

use super::action::{Action, Answer, Ask, NoAnswer, Question};
use super::migration::Terminate;
use super::participant::Sighting;
use super::session::State;
use super::{Conference, Context, Progress};

/// How long to wait before joining again when the nickname is taken (by the session of an earlier
/// focus that has not timed out).
const CONFLICT_WAIT: Duration = Duration::from_millis(500);
/// How often to try.
const CONFLICT_TRIES: u32 = 140;

/// What a join waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Own presence or an error; without either the room is given up then.
    Answer(Instant),
    /// The name to become free; the next try is then.
    Retry(Instant),
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoomState {
    /// Not in the room.
    Outside,
    /// The presence is on its way.
    Joining {
        /// Joins that met another occupant of the same name.
        conflicts: u32,
        /// What comes next, and when.
        next: Next,
    },
    /// In the room; these answers are awaited.
    Configuring {
        /// Whether the room has sent its configuration form.
        form: bool,
        /// The result of the configuration.
        configured: bool,
    },
    /// Participants may come.
    Open,
    /// Over.
    Left,
}

impl Conference {
    /// The connection is up: the room is joined (again).
    pub fn handle_connected(&mut self, me: FullJid, ctx: &mut Context<'_>) -> Vec<Action> {
        self.me = me;
        for participant in self.participants.values_mut() {
            participant.sighting = Sighting::Unseen;
        }
        self.published = None;
        self.send_join(0, ctx);
        self.take_actions()
    }

    /// The connection goes on after an outage: the room has some more time to answer.
    pub fn handle_resumed(&mut self, ctx: &Context<'_>) {
        if let RoomState::Joining {
            next: Next::Answer(at),
            ..
        } = &mut self.state
        {
            let timeout = seconds(ctx.settings.config.conference.iq_timeout_s);
            *at = (*at).max(ctx.now + timeout / 2);
        }
    }

    /// The connection is lost for good. Media goes on without the focus; the room is joined again with
    /// the next connection.
    pub fn handle_disconnected(&mut self) {
        if self.state != RoomState::Left {
            self.state = RoomState::Outside;
        }
    }

    fn send_join(&mut self, conflicts: u32, ctx: &mut Context<'_>) {
        let timeout = seconds(ctx.settings.config.conference.iq_timeout_s);
        self.state = RoomState::Joining {
            conflicts,
            next: Next::Answer(ctx.now + timeout),
        };
        self.join_id = format!("{:016x}", ctx.random.next_u64());
        let presence = self
            .own_presence(ctx)
            .with_attr("id", &self.join_id)
            .with_child(element("x", ns::MUC))
            .with_child(element("takeover", ns::FOCUS_TAKEOVER))
            .with_children(self.room_memory.to_element());
        self.out.push(Action::Send(presence));
    }

    /// Own presence, reflected by the room.
    pub(super) fn handle_own_presence(&mut self, presence: &Element, ctx: &mut Context<'_>) {
        match presence.attr("type") {
            Some("error") => self.handle_join_error(presence, ctx),
            Some("unavailable") => {
                // The end of an earlier stay may arrive after the next join was sent.
                if matches!(self.state, RoomState::Configuring { .. } | RoomState::Open) {
                    tracing::warn!(room = %self.room, "the room has ended or removed the focus");
                    self.state = RoomState::Outside;
                    self.end(
                        Some(StanzaError::new(Condition::Gone).with_text("the room has ended")),
                        ctx,
                    );
                }
            }
            _ => {
                let item = presence
                    .get_child("x", ns::MUC_USER)
                    .and_then(|x| x.get_child("item", ns::MUC_USER));
                let owner = item.and_then(|i| i.attr("affiliation")) == Some("owner");
                match self.state {
                    RoomState::Joining { .. } if owner => self.configure(ctx),
                    RoomState::Joining { .. } | RoomState::Configuring { .. } | RoomState::Open
                        if !owner =>
                    {
                        tracing::error!(room = %self.room,
                            "the focus is not owner of the room; make its account an admin of the XMPP server");
                        let error = StanzaError::new(Condition::InternalServerError)
                            .with_text("the focus is not owner of the room");
                        self.end(Some(error), ctx);
                    }
                    _ => {}
                }
            }
        }
    }

    fn handle_join_error(&mut self, presence: &Element, ctx: &mut Context<'_>) {
        let RoomState::Joining { conflicts, .. } = self.state else {
            return;
        };
        // What the room says to the end of an earlier stay may arrive after the next join was sent.
        if presence.attr("id").is_some_and(|id| id != self.join_id) {
            return;
        }
        let error = stanza::error_of(presence)
            .unwrap_or_else(|| StanzaError::new(Condition::UndefinedCondition));
        if error.condition == Condition::Conflict && conflicts < CONFLICT_TRIES {
            if conflicts == 0 {
                tracing::warn!(room = %self.room, "the nickname of the focus is taken; trying until it is free");
            }
            self.state = RoomState::Joining {
                conflicts: conflicts + 1,
                next: Next::Retry(ctx.now + CONFLICT_WAIT),
            };
            return;
        }
        tracing::error!(room = %self.room, %error, "the room cannot be joined");
        self.state = RoomState::Outside;
        self.end(Some(error), ctx);
    }

    /// When a join is tried again or given up.
    pub(super) fn join_deadline(&self) -> Option<Instant> {
        match self.state {
            RoomState::Joining {
                next: Next::Answer(at) | Next::Retry(at),
                ..
            } => Some(at),
            _ => None,
        }
    }

    pub(super) fn on_join_deadline(&mut self, ctx: &mut Context<'_>) {
        match self.state {
            RoomState::Joining {
                conflicts,
                next: Next::Retry(at),
            } if at <= ctx.now => self.send_join(conflicts, ctx),
            // A server that sends the room's presence from another address than the one that was joined, for instance.
            RoomState::Joining {
                next: Next::Answer(at),
                ..
            } if at <= ctx.now => self.fail("the room does not answer", NoAnswer::Timeout, ctx),
            _ => {}
        }
    }

    /// Reads the form and makes real addresses visible, in one go.
    fn configure(&mut self, ctx: &mut Context<'_>) {
        self.state = RoomState::Configuring {
            form: true,
            configured: true,
        };
        let to = Jid::from(self.room.clone());
        self.ask(Ask {
            to: to.clone(),
            kind: IqType::Get,
            payload: element("query", ns::MUC_OWNER),
            question: Question::RoomForm,
        });
        let field = |var: &str, value: &str| {
            element("field", ns::DATA)
                .with_attr("var", var)
                .with_child(element("value", ns::DATA).with_text(value))
        };
        let form = element("x", ns::DATA)
            .with_attr("type", "submit")
            .with_child(field("FORM_TYPE", ns::MUC_ROOMCONFIG))
            .with_child(field("muc#roomconfig_whois", "anyone"));
        self.ask(Ask {
            to,
            kind: IqType::Set,
            payload: element("query", ns::MUC_OWNER).with_child(form),
            question: Question::RoomConfigured,
        });
        let _ = ctx;
    }

    pub(super) fn handle_form(&mut self, answer: Answer<'_>, ctx: &mut Context<'_>) {
        let RoomState::Configuring { configured, .. } = self.state else {
            return;
        };
        match answer {
            Ok(form) => {
                let id = form
                    .and_then(|f| form_value(f, "muc#roominfo_meetingId"))
                    .filter(|id| !id.is_empty());
                if let Some(id) = id {
                    if !self.meeting_id.is_empty() && self.meeting_id != id {
                        tracing::warn!(room = %self.room, "the room is another one than before");
                        self.forget_sessions();
                        self.await_return(ctx);
                    }
                    self.meeting_id = id;
                } else if self.meeting_id.is_empty() {
                    self.meeting_id = ctx.new_uuid();
                    tracing::debug!(room = %self.room, "the room has no meeting id; made one");
                }
                self.state = RoomState::Configuring {
                    form: false,
                    configured,
                };
                self.open_if_configured(ctx);
            }
            Err(no_answer) => self.fail("the room's configuration cannot be read", no_answer, ctx),
        }
    }

    pub(super) fn handle_configured(&mut self, answer: Answer<'_>, ctx: &mut Context<'_>) {
        let RoomState::Configuring { form, .. } = self.state else {
            return;
        };
        match answer {
            Ok(_) => {
                self.state = RoomState::Configuring {
                    form,
                    configured: false,
                };
                self.open_if_configured(ctx);
            }
            Err(no_answer) => self.fail("the room does not take its configuration", no_answer, ctx),
        }
    }

    fn fail(&mut self, what: &str, no_answer: NoAnswer, ctx: &mut Context<'_>) {
        if no_answer == NoAnswer::Disconnected {
            // The room is joined again with the next connection.
            self.state = RoomState::Outside;
            return;
        }
        tracing::error!(room = %self.room, error = %no_answer, "{what}");
        let error = match no_answer {
            NoAnswer::Refused(error) => error,
            _ => StanzaError::new(Condition::RemoteServerTimeout),
        };
        self.end(Some(error.with_text(what)), ctx);
    }

    fn open_if_configured(&mut self, ctx: &mut Context<'_>) {
        if self.state
            != (RoomState::Configuring {
                form: false,
                configured: false,
            })
        {
            return;
        }
        self.state = RoomState::Open;
        self.room_memory.handle_open();
        self.out.push(Action::Answer(Ok(())));
        self.forget_unseen();
        if self.participants.is_empty() {
            self.on_empty(ctx);
            if self.state == RoomState::Left {
                return;
            }
        }
        self.resume_sessions(ctx);
        self.leave_what_is_to_be_left(ctx);
        self.elect_moderators(ctx);
        self.check_size(ctx);
        self.publish(ctx);
    }

    /// After a new connection: who did not turn up has left, and what a bridge may have missed is said
    /// again.
    fn resume_sessions(&mut self, ctx: &mut Context<'_>) {
        let nicks: Vec<_> = self.participants.keys().cloned().collect();
        for nick in nicks {
            let Some(participant) = self.participants.get_mut(&nick) else {
                continue;
            };
            if participant.sighting == Sighting::Found {
                participant.sighting = Sighting::Seen;
                self.adopted |= self.on_bridges.is_empty();
                self.end_unknown_sessions(&nick, ctx);
                continue;
            }
            let Some(session) = participant.session.as_mut().filter(|s| s.unconfirmed) else {
                continue;
            };
            session.unconfirmed = false;
            if session.state != State::Active {
                self.remove_sessions(&[nick], Terminate::Moving, true, ctx);
                continue;
            }
            let transport = session.transport.clone();
            self.update_endpoint(&nick, transport, true, None);
        }
    }

    /// The conference is over: bridges and room are left.
    pub(super) fn end(&mut self, error: Option<StanzaError>, ctx: &mut Context<'_>) {
        if self.state == RoomState::Left {
            return;
        }
        let in_room = !matches!(self.state, RoomState::Outside);
        self.state = RoomState::Left;
        // One that is being closed has been told already, and answers a second farewell with an error.
        let bridges: Vec<_> = self
            .on_bridges
            .drain(..)
            .filter(|b| b.progress != Progress::Closing)
            .map(|b| b.bridge)
            .collect();
        for bridge in bridges {
            self.send_farewell(&bridge);
        }
        self.participants.clear();
        if in_room {
            let to = Jid::from(self.occupant.clone());
            self.out
                .push(Action::Send(stanza::presence_unavailable(&to)));
        }
        if let Some(error) = error {
            ctx.counters.conferences_failed += 1;
            self.out.push(Action::Answer(Err(error)));
        }
        self.out.push(Action::End);
    }
}

/// A value in a data form (XEP-0004).
fn form_value(query: &Element, var: &str) -> Option<String> {
    query
        .get_child("x", ns::DATA)?
        .children()
        .find(|field| field.name() == "field" && field.attr("var") == Some(var))?
        .get_child("value", ns::DATA)
        .map(Element::text)
}
