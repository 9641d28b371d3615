//! Rooms for members only (XEP-0045 §7.2.7).

use super::disco::RoomInfo;
use super::hooks::Verdict;
use super::presence::Change;
use super::{Affiliation, Join, Room};
use crate::context::{Context, Outbox};
use xmpp::stanza::{Condition, StanzaError};

pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, _: &Context<'_>) -> Verdict {
    if room.configuration.members_only && join.affiliation == Affiliation::None {
        return Verdict::Refuse(StanzaError::new(Condition::RegistrationRequired));
    }
    Verdict::Continue
}

pub(super) fn info(room: &Room, info: &mut RoomInfo) {
    info.feature(if room.configuration.members_only {
        "muc_membersonly"
    } else {
        "muc_open"
    });
}

impl Room {
    /// The room has become members-only: everybody else is out (XEP-0045 §9.3, status 322).
    pub(super) fn throw_out_strangers(&mut self, context: &Context<'_>, out: &mut Outbox) {
        let strangers: Vec<u64> = self
            .occupants
            .iter()
            .filter(|(_, occupant)| self.affiliation(&occupant.session) < Affiliation::Member)
            .map(|(key, _)| *key)
            .collect();
        let change = Change {
            unavailable: true,
            codes: &["322"],
            ..Change::default()
        };
        for key in strangers {
            self.remove(key, &change, None, context, out);
        }
    }
}
