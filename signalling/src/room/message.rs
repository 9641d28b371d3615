//! Messages to everybody and to one occupant (XEP-0045 §7.4, §7.5).

use super::hooks;
use super::{Occupant, Role, Room, invite, subject};
use crate::context::{Context, Outbox};
use crate::render::Writer;
use crate::session::Session;
use std::sync::Arc;
use xmpp::stanza::{Condition, ErrorType, StanzaError};
use xmpp::{Element, ns};

/// Length of the id that a message gets which has none.
const ID_LENGTH: usize = 16;

/// Children of a message that only the room may write, and the nick, which Jitsi's room strips.
fn is_reserved(child: &Element) -> bool {
    child.is("x", ns::MUC_USER)
        || child.is("occupant-id", ns::OCCUPANT_ID)
        || child.is("nick", ns::NICK)
        || child.is("delay", ns::DELAY)
        || child.is("addresses", "http://jabber.org/protocol/address")
}

/// The answer to somebody who is not in the room.
pub(super) fn not_here() -> StanzaError {
    StanzaError::new(Condition::NotAcceptable)
        .with_type(ErrorType::Cancel)
        .with_text("You are not currently connected to this chat")
}

impl Room {
    /// A message addressed to the room or to a nick in it.
    pub(crate) fn handle_message(
        &mut self,
        from: &Arc<Session>,
        nick: Option<&str>,
        stanza: &Element,
        context: &Context<'_>,
        out: &mut Outbox,
    ) {
        let result = match (nick, stanza.attr("type")) {
            (None, Some("error")) => Ok(()),
            (None, Some("groupchat")) => self.handle_groupchat(from, stanza, context, out),
            (None, _) => match stanza.get_child("x", ns::MUC_USER) {
                Some(x) if invite::is_invitation(x) => self.handle_invitations(from, x, out),
                _ => Err(StanzaError::new(Condition::BadRequest)),
            },
            (Some(_), Some("groupchat")) => Err(StanzaError::new(Condition::BadRequest)),
            (Some(nick), _) => self.handle_private(from, nick, stanza, out),
        };
        if let Err(error) = result {
            out.refuse(from, stanza, &error);
        }
    }

    fn handle_groupchat(
        &mut self,
        from: &Arc<Session>,
        stanza: &Element,
        context: &Context<'_>,
        out: &mut Outbox,
    ) -> Result<(), StanzaError> {
        let key = *self.by_session.get(&from.key).ok_or_else(not_here)?;
        let sender = &self.occupants[&key];
        if sender.role < Role::Participant {
            return Err(StanzaError::new(Condition::Forbidden));
        }
        for (_, hook) in hooks::GROUPCHAT {
            hook(self, sender, stanza)?;
        }
        // As stock servers do: reactions, replies, edits and retractions refer to it.
        let id = match stanza.attr("id").filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => context.random.letters(ID_LENGTH),
        };
        if let Some(text) = subject::of(stanza) {
            let sender = self
                .occupants
                .remove(&key)
                .expect("by_session names occupants");
            let result = self.set_subject(&sender, text, &id);
            self.occupants.insert(key, sender);
            let message = result?;
            self.occupants
                .values()
                .for_each(|to| out.share(&to.session, &message));
            return Ok(());
        }
        let message = Arc::new(groupchat(sender, &id, stanza).finish());
        self.occupants
            .values()
            .for_each(|to| out.share(&to.session, &message));
        let length = self.configuration.history_length;
        self.history
            .keep(stanza, self.jid.as_str(), length, context.now, || {
                groupchat(sender, &id, stanza)
            });
        Ok(())
    }

    fn handle_private(
        &self,
        from: &Arc<Session>,
        nick: &str,
        stanza: &Element,
        out: &mut Outbox,
    ) -> Result<(), StanzaError> {
        let sender = self.occupant(from).ok_or_else(not_here)?;
        let recipient = self.occupant_named(nick).ok_or_else(|| {
            StanzaError::new(Condition::ItemNotFound).with_text("Recipient not in room")
        })?;
        let mut writer = Writer::stanza("message");
        writer
            .attr("from", &sender.address)
            .attributes_of(stanza, &["to", "from"]);
        for child in stanza
            .children()
            .filter(|child| !child.is("x", ns::MUC_USER))
        {
            writer.element(child);
        }
        writer.open("x", ns::MUC_USER).close();
        out.send(&recipient.session, writer.finish());
        Ok(())
    }
}

fn groupchat(sender: &Occupant, id: &str, stanza: &Element) -> Writer {
    let mut writer = Writer::stanza("message");
    writer
        .attr("from", &sender.address)
        .attr("id", id)
        .attributes_of(stanza, &["to", "from", "id"]);
    for child in stanza.children().filter(|child| !is_reserved(child)) {
        writer.element(child);
    }
    writer
        .open("occupant-id", ns::OCCUPANT_ID)
        .attr("id", &sender.occupant_id)
        .close();
    writer
}
