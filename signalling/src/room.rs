//! A room and its occupants (XEP-0045). The room delegates: each feature is a file in `room/`, and
//! [`hooks`] lists their order.
//!
//! A room is pure: it takes a parsed stanza and a [`Context`] and puts deliveries into an [`Outbox`].

mod admin;
mod affiliation;
mod configuration;
mod creation;
mod destroy;
pub(crate) mod disco;
mod filter_access;
mod focus_lock;
mod health;
mod hide_all;
mod history;
pub(crate) mod hooks;
pub(crate) mod hosts;
mod identity;
mod invite;
mod iq;
mod join;
mod leave;
mod limits;
mod max_occupants;
mod meeting_id;
mod members_only;
pub(crate) mod memory;
mod message;
mod nick_conflict;
mod occupant;
mod occupant_id;
mod outcast;
mod password;
mod presence;
mod probe;
mod region;
mod resource_validate;
mod self_ping;
mod subject;
mod token_affiliation;
mod token_room;
mod whois;

pub(crate) use invite::Invitation;
pub(crate) use join::Join;
pub(crate) use occupant::{Affiliation, Occupant, Role};

use crate::context::{Context, Outbox};
use crate::session::Session;
use configuration::Configuration;
use hooks::Creation;
use presence::Change;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{BareJid, Element};

pub(crate) const FOCUS_NICK: &str = "focus";

/// What a room is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoomKind {
    /// A meeting.
    Conference,
    /// A meeting place of services, such as a brewery: only accounts of the auth domain.
    Service,
}

pub(crate) struct Room {
    pub(crate) jid: BareJid,
    pub(crate) kind: RoomKind,
    affiliations: HashMap<BareJid, Affiliation>,
    /// Who has theirs from a token alone.
    earned: HashSet<BareJid>,
    /// In order of arrival.
    occupants: BTreeMap<u64, Occupant>,
    by_nick: HashMap<Box<str>, u64>,
    by_session: HashMap<u64, u64>,
    next_occupant: u64,
    configuration: Configuration,
    meeting: meeting_id::Meeting,
    subject: subject::Subject,
    history: history::History,
    remembered: memory::Remembered,
    waiting: focus_lock::Waiting,
    salt: [u8; 32],
    /// Nobody has entered yet.
    fresh: bool,
    born: Instant,
    destroyed: bool,
}

impl Room {
    /// Whether a session may bring a room into being by entering it.
    ///
    /// # Errors
    /// What the first feature against it says.
    pub(crate) fn may_create(
        creation: &Creation<'_>,
        context: &Context<'_>,
    ) -> Result<(), StanzaError> {
        hooks::PRE_CREATE
            .iter()
            .try_for_each(|(_, hook)| hook(creation, context))
    }

    pub(crate) fn new(jid: BareJid, kind: RoomKind, context: &Context<'_>) -> Self {
        Self {
            jid,
            kind,
            affiliations: HashMap::new(),
            earned: HashSet::new(),
            occupants: BTreeMap::new(),
            by_nick: HashMap::new(),
            by_session: HashMap::new(),
            next_occupant: 0,
            configuration: Configuration::new(context),
            meeting: meeting_id::Meeting::new(context),
            subject: subject::Subject::default(),
            history: history::History::default(),
            remembered: memory::Remembered::default(),
            waiting: focus_lock::Waiting::default(),
            salt: context.random.bytes(),
            fresh: true,
            born: context.now.instant,
            destroyed: false,
        }
    }

    /// A presence addressed to the room or to a nick in it.
    pub(crate) fn handle_presence(
        &mut self,
        from: &Arc<Session>,
        nick: Option<&str>,
        stanza: &Element,
        context: &Context<'_>,
        out: &mut Outbox,
    ) {
        match stanza.attr("type") {
            None => match self.by_session.get(&from.key) {
                Some(&key) => self.handle_presence_update(key, nick, stanza, context, out),
                None => self.handle_join(from, nick, stanza, context, out),
            },
            Some("unavailable") => self.handle_leave(from, stanza, context, out),
            Some("probe") => self.handle_probe(from, nick, stanza, out),
            Some("subscribe") => {
                let error = StanzaError::new(Condition::ServiceUnavailable);
                out.refuse(from, stanza, &error);
            }
            Some("error" | "subscribed" | "unsubscribe" | "unsubscribed") => {
                context.counters.dropped_stray_presence.increase();
            }
            Some(_) => out.refuse(from, stanza, &StanzaError::new(Condition::BadRequest)),
        }
    }

    /// When [`Room::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let waiting = self.waiting.poll_timeout();
        waiting.into_iter().chain(self.poll_renewal()).min()
    }

    /// A deadline has passed.
    pub(crate) fn handle_timeout(&mut self, context: &Context<'_>, out: &mut Outbox) {
        self.refuse_waiting_too_long(context, out);
        self.renew_if_due(context.now.instant);
    }

    /// A session is over: it leaves, and nobody is told to leave in its name twice.
    pub(crate) fn handle_session_ended(
        &mut self,
        session: &Arc<Session>,
        context: &Context<'_>,
        out: &mut Outbox,
    ) {
        self.stop_waiting(session, context);
        if let Some(&key) = self.by_session.get(&session.key) {
            self.remove(key, &Change::unavailable(), None, context, out);
        }
    }

    /// Whether the room has no reason to exist.
    pub(crate) fn is_over(&self) -> bool {
        self.destroyed || (self.occupants.is_empty() && self.waiting.is_empty())
    }

    /// Takes a room out of use, so that somebody who still holds it looks for it again.
    pub(crate) fn close(&mut self) {
        self.destroyed = true;
    }

    /// Whether the room is out of use.
    pub(crate) fn is_closed(&self) -> bool {
        self.destroyed
    }

    /// Number of occupants.
    pub(crate) fn len(&self) -> usize {
        self.occupants.len()
    }

    /// Occupants that are not of this account.
    pub(crate) fn count_besides(&self, account: &BareJid) -> usize {
        let others = self.occupants.values();
        others.filter(|it| it.session.bare != *account).count()
    }

    fn occupant(&self, session: &Session) -> Option<&Occupant> {
        self.occupants.get(self.by_session.get(&session.key)?)
    }

    fn occupant_named(&self, nick: &str) -> Option<&Occupant> {
        self.occupants.get(self.by_nick.get(nick)?)
    }

    /// The session of an occupant.
    pub(crate) fn session_named(&self, nick: &str) -> Option<Arc<Session>> {
        Some(Arc::clone(&self.occupant_named(nick)?.session))
    }

    fn has_focus(&self) -> bool {
        self.by_nick.contains_key(FOCUS_NICK)
    }
}
