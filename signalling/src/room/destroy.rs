//! The end of a room (XEP-0045 §10.9).

use super::presence::Change;
use super::{Affiliation, Role, Room};
use crate::context::{Context, Outbox};
use crate::render::Writer;
use crate::session::Session;
use std::sync::Arc;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{Element, Jid, ns};

impl Room {
    pub(super) fn handle_destroy(
        &mut self,
        from: &Arc<Session>,
        stanza: &Element,
        destroy: &Element,
        context: &Context<'_>,
        out: &mut Outbox,
    ) -> Result<(), StanzaError> {
        if self.affiliation(from) < Affiliation::Owner {
            return Err(StanzaError::new(Condition::Forbidden));
        }
        let successor = match destroy.attr("jid").filter(|jid| !jid.is_empty()) {
            Some(jid) => {
                Some(Jid::new(jid).map_err(|_| StanzaError::new(Condition::JidMalformed))?)
            }
            None => None,
        };
        let reason = destroy
            .get_child("reason", ns::MUC_OWNER)
            .map(Element::text);
        self.destroy(successor.as_ref(), reason.as_deref(), context, out);
        out.result(from, stanza, |_| {});
        Ok(())
    }

    /// Sends everybody away. With a successor, clients enter that room by themselves.
    pub(super) fn destroy(
        &mut self,
        successor: Option<&Jid>,
        reason: Option<&str>,
        context: &Context<'_>,
        out: &mut Outbox,
    ) {
        let mut writer = Writer::fragment();
        writer
            .open("destroy", ns::MUC_USER)
            .opt("jid", successor.map(Jid::as_str));
        if let Some(reason) = reason {
            writer.leaf("reason", ns::MUC_USER, reason);
        }
        let change = Change {
            unavailable: true,
            extra: writer.into_fragment(),
            ..Change::default()
        };
        let keys: Vec<u64> = self.occupants.keys().copied().collect();
        for key in keys {
            if let Some(mut gone) = self.take(key, context) {
                gone.presence = super::occupant::Payload::default();
                let stanza = self.render(&gone, Role::None, Affiliation::None, true, true, &change);
                out.send(&gone.session, stanza);
            }
        }
        self.refuse_waiting(context, out);
        self.close();
    }
}
