//! Whether rooms can be opened: now and then the focus opens one that nobody else may enter, as a Jicofo does.

use std::time::{Duration, Instant};

use xmpp::stanza::{self, StanzaError};
use xmpp::xml::{ElementExt, element};
use xmpp::{BareJid, Element, FullJid, Jid, ns};

use super::{Director, Output};

/// How the rooms' names begin. Servers know it and let only a focus in.
pub(super) const TEST_ROOM: &str = "__jicofo-health-check";
/// Time between two of them.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long the server may take to open one.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the focus stands with its test rooms.
#[derive(Debug, Default)]
pub(super) struct Probe {
    /// The room that is being opened.
    opening: Option<FullJid>,
    /// When that is given up, or else the next one is opened.
    due: Option<Instant>,
    /// Why the last one could not be opened.
    trouble: Option<String>,
}

impl Probe {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Why no room can be opened, as far as that is known.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// A new session begins.
    pub(super) fn handle_connected(&mut self, now: Instant) {
        *self = Self {
            due: Some(now),
            ..Self::default()
        };
    }

    /// The session goes on after an outage: the server has its time again.
    pub(super) fn handle_resumed(&mut self, now: Instant) {
        if self.opening.is_some() {
            self.due = Some(now + PATIENCE);
        }
    }

    /// Whether presence from this room is an answer.
    pub(super) fn is_about(&self, room: &BareJid) -> bool {
        self.opening
            .as_ref()
            .is_some_and(|occupant| occupant.to_bare() == *room)
    }

    /// What became of the room that is being opened.
    fn handle_outcome(&mut self, outcome: Result<(), String>, now: Instant) {
        self.opening = None;
        self.due = Some(now + INTERVAL);
        let trouble = outcome.err();
        match (&trouble, &self.trouble) {
            (Some(error), None) => tracing::error!(%error, "no room can be opened"),
            (None, Some(_)) => tracing::info!("rooms can be opened again"),
            _ => {}
        }
        self.trouble = trouble;
    }
}

impl Director {
    pub(super) fn probe_if_due(&mut self, now: Instant) {
        if self.probe.due.is_none_or(|at| at > now) {
            return;
        }
        if let Some(occupant) = self.probe.opening.take() {
            self.leave_test_room(occupant);
            let text = format!("the server did not open a room within {PATIENCE:?}");
            self.probe.handle_outcome(Err(text), now);
            return;
        }
        let number = self.random.next_u64();
        let room = format!("{TEST_ROOM}-{number:016x}@{}", self.settings.muc);
        let Ok(occupant) = FullJid::new(&format!("{room}/{}", self.settings.config.nick)) else {
            self.probe.due = None;
            return;
        };
        let join = stanza::presence(&Jid::from(occupant.clone())).with_child(element("x", ns::MUC));
        self.out.push_back(Output::Send(join));
        self.probe.opening = Some(occupant);
        self.probe.due = Some(now + PATIENCE);
    }

    pub(super) fn handle_probe_presence(&mut self, presence: &Element, now: Instant) {
        let outcome = match presence.attr("type") {
            None => Ok(()),
            Some("error") => Err(stanza::error_of(presence).as_ref().map_or_else(
                || "an error without a reason".to_owned(),
                StanzaError::to_string,
            )),
            Some(_) => return,
        };
        if let Some(occupant) = self.probe.opening.take().filter(|_| outcome.is_ok()) {
            self.leave_test_room(occupant);
        }
        self.probe.handle_outcome(outcome, now);
    }

    fn leave_test_room(&mut self, occupant: FullJid) {
        let leave = stanza::presence_unavailable(&Jid::from(occupant));
        self.out.push_back(Output::Send(leave));
    }
}
