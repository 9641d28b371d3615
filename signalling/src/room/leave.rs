//! Leaving a room, willingly or not (XEP-0045 §7.14, §8.2, §9.1).

use super::occupant::Payload;
use super::presence::Change;
use super::{Occupant, Room};
use crate::context::{Context, Outbox};
use crate::session::Session;
use std::sync::Arc;
use xmpp::Element;

impl Room {
    pub(super) fn handle_leave(
        &mut self,
        session: &Arc<Session>,
        stanza: &Element,
        context: &Context<'_>,
        out: &mut Outbox,
    ) {
        if self.stop_waiting(session, context) {
            session.leave(&self.jid);
        }
        if let Some(&key) = self.by_session.get(&session.key) {
            let last_words = Payload::of(stanza, "");
            self.remove(key, &Change::unavailable(), Some(last_words), context, out);
        }
    }

    /// Takes an occupant out and tells everybody.
    pub(super) fn remove(
        &mut self,
        key: u64,
        change: &Change,
        last_words: Option<Payload>,
        context: &Context<'_>,
        out: &mut Outbox,
    ) {
        if let Some(mut gone) = self.take(key, context) {
            gone.presence = last_words.unwrap_or_default();
            self.show_departure(&gone, change, out);
            self.forget_earned(&gone.session.bare);
        }
    }

    /// Takes an occupant out of the tables, without a word.
    pub(super) fn take(&mut self, key: u64, context: &Context<'_>) -> Option<Occupant> {
        let gone = self.occupants.remove(&key)?;
        self.by_nick.remove(&gone.nick);
        self.by_session.remove(&gone.session.key);
        gone.session.leave(&self.jid);
        if self.affiliations.contains_key(&gone.session.bare) {
            self.remembered.changed();
        }
        context.addresses.leave(gone.session.address, &self.jid);
        Some(gone)
    }
}
