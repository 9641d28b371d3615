//! IQs: to the room itself, and through it from occupant to occupant (XEP-0045 §17.4).

use super::message::not_here;
use super::{Room, self_ping};
use crate::context::{Context, Outbox};
use crate::render::Writer;
use crate::session::Session;
use std::sync::Arc;
use xmpp::stanza::{Condition, IqType, StanzaError, iq_type};
use xmpp::{Element, ns};

impl Room {
    /// An IQ addressed to the room or to a nick in it. A request that nobody takes is refused.
    pub(crate) fn handle_iq(
        &mut self,
        from: &Arc<Session>,
        nick: Option<&str>,
        stanza: &Element,
        context: &Context<'_>,
        out: &mut Outbox,
    ) {
        let result = match nick {
            Some(nick) => self.relay(from, nick, stanza, out),
            None => self.handle_room_iq(from, stanza, context, out),
        };
        if let Err(error) = result {
            if xmpp::stanza::may_be_answered(stanza) {
                out.refuse(from, stanza, &error);
            } else {
                context.counters.dropped_unroutable.increase();
            }
        }
    }

    fn handle_room_iq(
        &mut self,
        from: &Arc<Session>,
        stanza: &Element,
        context: &Context<'_>,
        out: &mut Outbox,
    ) -> Result<(), StanzaError> {
        let unavailable = || StanzaError::new(Condition::ServiceUnavailable);
        let payload = stanza.children().next().ok_or_else(unavailable)?;
        match (iq_type(stanza), payload.name(), payload.ns().as_str()) {
            (Some(IqType::Get), "query", ns::DISCO_INFO) => {
                self.handle_info(from, stanza, payload, out)
            }
            (Some(IqType::Get), "query", ns::DISCO_ITEMS) => {
                self.handle_items(from, stanza, context, out)
            }
            (Some(IqType::Get), "query", ns::MUC_ADMIN) => {
                self.handle_list(from, stanza, payload, context, out)
            }
            (Some(IqType::Set), "query", ns::MUC_ADMIN) => {
                self.handle_admin(from, stanza, payload, context, out)
            }
            (Some(IqType::Get), "query", ns::MUC_OWNER) => {
                self.handle_form_request(from, stanza, out)
            }
            (Some(IqType::Set), "query", ns::MUC_OWNER) => {
                match payload.get_child("destroy", ns::MUC_OWNER) {
                    Some(destroy) => self.handle_destroy(from, stanza, destroy, context, out),
                    None => self.handle_form(from, stanza, payload, context, out),
                }
            }
            (Some(IqType::Get), "ping", ns::PING) => {
                self.may_look(from)?;
                out.result(from, stanza, |_| {});
                Ok(())
            }
            _ => Err(unavailable()),
        }
    }

    /// Passes an IQ on as from the sender's nick. A nick has one session, so the answer finds its way by the same
    /// rule, and the id stays as it is.
    fn relay(
        &self,
        from: &Arc<Session>,
        nick: &str,
        stanza: &Element,
        out: &mut Outbox,
    ) -> Result<(), StanzaError> {
        let sender = self.occupant(from).ok_or_else(not_here)?;
        if self_ping::is_self_ping(sender, nick, stanza) {
            out.result(from, stanza, |_| {});
            return Ok(());
        }
        let recipient = self.occupant_named(nick).ok_or_else(|| {
            StanzaError::new(Condition::ItemNotFound).with_text("Recipient not in room")
        })?;
        let mut writer = Writer::stanza("iq");
        writer
            .attr("from", &sender.address)
            .attributes_of(stanza, &["to", "from"]);
        writer.children_of(stanza);
        out.send(&recipient.session, writer.finish());
        Ok(())
    }
}
