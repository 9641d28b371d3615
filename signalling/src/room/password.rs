//! Rooms with a password (XEP-0045 §7.2.6).

use super::disco::RoomInfo;
use super::hooks::Verdict;
use super::{Join, Room};
use crate::context::Context;
use crate::settings::Settings;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use xmpp::stanza::{Condition, StanzaError};

/// Services, and whoever is listed, get the password put into their join.
pub(super) fn allow_listed(room: &mut Room, join: &mut Join<'_>, context: &Context<'_>) -> Verdict {
    let list = &context.settings.rooms.password_allow_list;
    if join.session.is_admin() || Settings::listed(list, &join.session.bare) {
        join.password.clone_from(&room.configuration.password);
    }
    Verdict::Continue
}

pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, _: &Context<'_>) -> Verdict {
    if room.configuration.password.is_some() && !room.is_password(join.password.as_deref()) {
        return Verdict::Refuse(StanzaError::new(Condition::NotAuthorized));
    }
    Verdict::Continue
}

pub(super) fn info(room: &Room, info: &mut RoomInfo) {
    let protected = room.configuration.password.is_some();
    info.feature(if protected {
        "muc_passwordprotected"
    } else {
        "muc_unsecured"
    });
}

impl Room {
    /// Whether `given` is the room's password; false where there is none.
    pub(super) fn is_password(&self, given: Option<&str>) -> bool {
        match (&self.configuration.password, given) {
            (Some(password), Some(given)) => {
                verify_slices_are_equal(password.as_bytes(), given.as_bytes()).is_ok()
            }
            _ => false,
        }
    }
}
