//! Lasting rights in a room, and the roles that follow from them (XEP-0045 §5.2, §5.1.2).

use super::presence::Change;
use super::{Affiliation, Role, Room};
use crate::context::{Context, Outbox};
use crate::session::Session;
use xmpp::BareJid;
use xmpp::stanza::{Condition, StanzaError};

/// Most affiliations that a room remembers.
const MOST: usize = 10_000;

impl Room {
    /// Whether the room has a place for so many more affiliations.
    pub(super) fn may_note_affiliations(&self, more: usize) -> Result<(), StanzaError> {
        if self.affiliations.len().saturating_add(more) > MOST {
            let text = format!("A room remembers {MOST} affiliations");
            return Err(StanzaError::new(Condition::ResourceConstraint).with_text(text));
        }
        Ok(())
    }

    /// The affiliation of a session: admins own every room.
    pub(crate) fn affiliation(&self, session: &Session) -> Affiliation {
        if session.is_admin() {
            return Affiliation::Owner;
        }
        self.affiliations
            .get(&session.bare)
            .copied()
            .unwrap_or(Affiliation::None)
    }

    /// The affiliation of an address, logged in or not.
    pub(super) fn affiliation_of(&self, jid: &BareJid, context: &Context<'_>) -> Affiliation {
        if context
            .settings
            .accounts
            .get(jid)
            .is_some_and(|account| account.admin)
        {
            return Affiliation::Owner;
        }
        self.affiliations
            .get(jid)
            .copied()
            .unwrap_or(Affiliation::None)
    }

    /// The role with which somebody of this affiliation starts.
    pub(super) fn default_role(&self, affiliation: Affiliation) -> Role {
        match affiliation {
            Affiliation::Owner | Affiliation::Admin => Role::Moderator,
            Affiliation::Member => Role::Participant,
            Affiliation::None if self.configuration.members_only => Role::None,
            Affiliation::None => Role::Participant,
            Affiliation::Outcast => Role::None,
        }
    }

    /// Writes an affiliation down, and nothing else.
    pub(super) fn note_affiliation(&mut self, jid: &BareJid, affiliation: Affiliation) {
        let was_earned = self.earned.remove(jid);
        let before = if affiliation == Affiliation::None {
            self.affiliations.remove(jid)
        } else {
            self.affiliations.insert(jid.clone(), affiliation)
        };
        // What a token alone had given is in nobody's memory.
        if !was_earned && affiliation < before.unwrap_or(Affiliation::None) {
            self.remembered.revoke();
        } else {
            self.remembered.changed();
        }
    }

    /// Changes an affiliation; occupants with that address get the role that goes with it, or are thrown out.
    pub(super) fn change_affiliation(
        &mut self,
        jid: &BareJid,
        affiliation: Affiliation,
        change: &Change,
        context: &Context<'_>,
        out: &mut Outbox,
    ) {
        self.note_affiliation(jid, affiliation);
        let role = self.default_role(affiliation);
        for key in self.keys_of(jid) {
            if role == Role::None {
                let codes: &[&str] = if affiliation == Affiliation::Outcast {
                    &["301"]
                } else {
                    &["321"]
                };
                let change = Change {
                    unavailable: true,
                    codes,
                    ..change.clone()
                };
                self.remove(key, &change, None, context, out);
            } else {
                if let Some(occupant) = self.occupants.get_mut(&key) {
                    occupant.role = role;
                }
                self.show_to_all(key, change, out);
            }
        }
    }

    /// Somebody has left: what only a token had earned ends with the visit, for the next one has another address.
    pub(super) fn forget_earned(&mut self, jid: &BareJid) {
        if self.earned.contains(jid) && self.keys_of(jid).is_empty() {
            self.note_affiliation(jid, Affiliation::None);
        }
    }

    /// Whether anybody but `jid` owns the room.
    pub(super) fn has_other_owner(&self, jid: &BareJid) -> bool {
        let admins = self
            .occupants
            .values()
            .any(|occupant| occupant.session.is_admin());
        admins
            || self
                .affiliations
                .iter()
                .any(|(other, affiliation)| *affiliation == Affiliation::Owner && other != jid)
    }

    pub(super) fn keys_of(&self, jid: &BareJid) -> Vec<u64> {
        self.occupants
            .iter()
            .filter(|(_, occupant)| occupant.session.bare == *jid)
            .map(|(key, _)| *key)
            .collect()
    }
}
