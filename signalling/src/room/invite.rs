//! Invitations through the room (XEP-0045 §7.8.2), several in one message, as Jitsi's moderators admit people.

use super::message::not_here;
use super::{Affiliation, Room};
use crate::context::Outbox;
use crate::render::Writer;
use crate::session::Session;
use std::collections::BTreeSet;
use std::sync::Arc;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{BareJid, Element, Jid, ns};

/// Most people invited by one message.
const MOST: usize = 100;

pub(super) fn is_invitation(x: &Element) -> bool {
    x.has_child("invite", ns::MUC_USER)
}

/// An invitation that the host has to deliver: the room does not know people outside.
pub(crate) struct Invitation {
    pub(crate) to: Jid,
    pub(crate) stanza: crate::render::Rendered,
}

impl Room {
    pub(super) fn handle_invitations(
        &mut self,
        from: &Arc<Session>,
        x: &Element,
        out: &mut Outbox,
    ) -> Result<(), StanzaError> {
        let inviter = self.occupant(from).ok_or_else(not_here)?;
        if self.affiliation(from) < Affiliation::Admin {
            return Err(StanzaError::new(Condition::Forbidden));
        }
        let address = inviter.address.clone();
        let mut invited = Vec::new();
        for invite in x
            .children()
            .filter(|child| child.is("invite", ns::MUC_USER))
        {
            let to = invite.attr("to").and_then(|to| Jid::new(to).ok());
            invited.push((
                to.ok_or_else(|| StanzaError::new(Condition::JidMalformed))?,
                invite,
            ));
        }
        if invited.len() > MOST {
            return Err(StanzaError::new(Condition::PolicyViolation));
        }
        if self.configuration.members_only {
            let strangers: BTreeSet<BareJid> = invited
                .iter()
                .map(|(to, _)| to.to_bare())
                .filter(|bare| !self.affiliations.contains_key(bare))
                .collect();
            self.may_note_affiliations(strangers.len())?;
            let members = strangers
                .into_iter()
                .map(|bare| (bare, Affiliation::Member));
            self.affiliations.extend(members);
        }
        for (to, invite) in invited {
            let stanza = self.render_invitation(&address, invite);
            out.invitations.push(Invitation { to, stanza });
        }
        Ok(())
    }

    /// The password stays in the room: clients that were let in are members.
    fn render_invitation(&self, inviter: &str, invite: &Element) -> crate::render::Rendered {
        let mut writer = Writer::stanza("message");
        writer.attr("from", self.jid.as_str());
        writer
            .open("x", ns::MUC_USER)
            .open("invite", ns::MUC_USER)
            .attr("from", inviter);
        let reason = invite.get_child("reason", ns::MUC_USER).map(Element::text);
        writer.leaf("reason", ns::MUC_USER, reason.as_deref().unwrap_or(""));
        writer.finish()
    }
}
