//! Too few participants, and everything else that waits for a time.

use std::sync::Arc;
use std::time::Instant;

use crate::config::seconds;

use super::action::Action;
use super::migration::Terminate;
use super::participant::Invitation;
use super::{Conference, Context};

/// So many times what a new room may be empty, an empty room is kept for those who ask for it again.
const MOST_WAITS: u32 = 4;

impl Conference {
    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let retry = if self.retries {
            self.participants.values().filter_map(|p| p.retry_at).min()
        } else {
            None
        };
        [
            self.empty_deadline,
            self.single_deadline,
            self.join_deadline(),
            self.room_memory.poll_timeout(),
            retry,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Somebody asked for the room, and will come within the time that a new room may be empty. Who only asks, and never
    /// enters, does not keep it for ever.
    pub fn handle_wanted(&mut self, ctx: &mut Context<'_>) -> Vec<Action> {
        let wait = seconds(ctx.settings.config.conference.initial_timeout_s);
        self.expected = self.expected.saturating_add(1);
        self.expected_until = Some(ctx.now + wait);
        if let (Some(until), Some(since)) = (self.empty_deadline, self.empty_since) {
            let last = until.max(since + wait * MOST_WAITS);
            self.empty_deadline = Some(last.min(ctx.now + wait).max(until));
        }
        self.take_actions()
    }

    /// Nobody is in the room: it is left, unless somebody who asked for it has yet to come.
    pub(super) fn on_empty(&mut self, ctx: &mut Context<'_>) {
        self.single_deadline = None;
        self.started = false;
        match self
            .expected_until
            .filter(|until| self.expected > 0 && *until > ctx.now)
        {
            Some(until) => {
                self.empty_since = Some(ctx.now);
                self.empty_deadline = Some(until);
                self.publish(ctx);
            }
            None => {
                tracing::info!(room = %self.room, "everybody has left");
                self.end(None, ctx);
            }
        }
    }

    /// Starts the conference when enough participants are there, and gives a lone one some time.
    pub(super) fn check_size(&mut self, ctx: &mut Context<'_>) {
        if !self.is_ready() {
            return;
        }
        let limits = &ctx.settings.config.conference;
        let enough = self.participants.len() >= limits.min_participants;
        if enough {
            self.started = true;
            self.single_deadline = None;
            let uninvited: Vec<Arc<str>> = self
                .participants
                .values()
                .filter(|p| p.session.is_none() && p.invitation != Invitation::Declined)
                .filter(|p| p.features().is_some())
                .map(|p| p.nick.clone())
                .collect();
            for nick in uninvited {
                self.invite(&nick, ctx);
            }
        } else if self.started && self.single_deadline.is_none() {
            self.single_deadline = Some(ctx.now + seconds(limits.single_participant_timeout_s));
        }
    }

    pub(super) fn on_timeout(&mut self, ctx: &mut Context<'_>) {
        self.stop_awaiting_owners_if_due(ctx);
        let due = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= ctx.now);
        if due(self.empty_deadline) {
            self.empty_deadline = None;
            if self.participants.is_empty() {
                tracing::info!(room = %self.room, "nobody came");
                self.end(None, ctx);
                return;
            }
        }
        if due(self.single_deadline) {
            self.single_deadline = None;
            self.started = false;
            let alone: Vec<Arc<str>> = self.participants.keys().cloned().collect();
            self.remove_sessions(&alone, Terminate::Idle, true, ctx);
        }
        self.on_join_deadline(ctx);
        if self.retries {
            let again: Vec<Arc<str>> = self
                .participants
                .values()
                .filter(|p| p.retry_at.is_some_and(|at| at <= ctx.now))
                .map(|p| p.nick.clone())
                .collect();
            for nick in &again {
                if let Some(participant) = self.participants.get_mut(nick) {
                    participant.retry_at = None;
                }
                self.invite(nick, ctx);
            }
            self.retries = self.participants.values().any(|p| p.retry_at.is_some());
        }
    }
}
