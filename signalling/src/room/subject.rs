//! The room's subject (XEP-0045 §7.2.15, §8.1). Every joiner gets it last, empty or not.

use super::{Join, Occupant, Role, Room};
use crate::context::{Context, Outbox};
use crate::render::{Rendered, Writer};
use crate::session::Session;
use std::sync::Arc;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{Element, ns};

/// Longest subject, in bytes: the room keeps it, and everybody who enters gets a copy.
const MOST_BYTES: usize = 4 * 1024;

#[derive(Default)]
pub(super) struct Subject {
    text: String,
    /// Address of the occupant who set it.
    author: Option<Box<str>>,
}

/// The subject that a message sets: it has one, and is no chat message.
pub(super) fn of(stanza: &Element) -> Option<String> {
    if stanza.has_child("body", ns::CLIENT) || stanza.has_child("thread", ns::CLIENT) {
        return None;
    }
    stanza.get_child("subject", ns::CLIENT).map(Element::text)
}

pub(super) fn joined(
    room: &mut Room,
    session: &Arc<Session>,
    _: &Join<'_>,
    _: &Context<'_>,
    out: &mut Outbox,
) {
    out.send(session, room.render_subject(None));
}

impl Room {
    fn render_subject(&self, id: Option<&str>) -> Rendered {
        let mut writer = Writer::stanza("message");
        writer.attr("type", "groupchat").opt("id", id);
        writer.attr(
            "from",
            self.subject.author.as_deref().unwrap_or(self.jid.as_str()),
        );
        writer.leaf("subject", ns::CLIENT, &self.subject.text);
        writer.finish()
    }

    pub(super) fn set_subject(
        &mut self,
        author: &Occupant,
        text: String,
        id: &str,
    ) -> Result<Arc<Rendered>, StanzaError> {
        if author.role != Role::Moderator && !self.configuration.change_subject {
            return Err(StanzaError::new(Condition::Forbidden));
        }
        if text.len() > MOST_BYTES {
            let text = format!("A subject may have {MOST_BYTES} bytes");
            return Err(StanzaError::new(Condition::PolicyViolation).with_text(text));
        }
        self.subject = Subject {
            text,
            author: Some(author.address.clone()),
        };
        Ok(Arc::new(self.render_subject(Some(id))))
    }
}
