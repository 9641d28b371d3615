//! Asking whether somebody is in the room (XEP-0045 §17.3).

use super::Room;
use super::message::not_here;
use crate::context::Outbox;
use crate::session::Session;
use std::sync::Arc;
use xmpp::Element;
use xmpp::stanza::{Condition, StanzaError};

impl Room {
    /// A probe of a nick, or of the asker's own where it goes to the room.
    pub(super) fn handle_probe(
        &mut self,
        from: &Arc<Session>,
        nick: Option<&str>,
        stanza: &Element,
        out: &mut Outbox,
    ) {
        let Some(prober) = self.occupant(from) else {
            return out.refuse(from, stanza, &not_here());
        };
        let with_jid = self.sees_addresses(prober);
        let nick = nick.unwrap_or(&prober.nick);
        match self.by_nick.get(nick).copied() {
            Some(key) => {
                let shown = self.shown(key, with_jid);
                out.share(from, &shown);
            }
            None => out.refuse(from, stanza, &StanzaError::new(Condition::ItemNotFound)),
        }
    }
}
