//! Rooms tell nothing to people outside.

use super::Room;
use super::disco::RoomInfo;
use crate::session::Session;
use xmpp::stanza::{Condition, StanzaError};

pub(super) fn info(_: &Room, info: &mut RoomInfo) {
    info.feature("muc_hidden");
}

impl Room {
    /// Whether a session may look at the room: occupants and admins.
    ///
    /// # Errors
    /// `forbidden` for everybody else.
    pub(super) fn may_look(&self, session: &Session) -> Result<(), StanzaError> {
        if session.is_admin() || self.by_session.contains_key(&session.key) {
            return Ok(());
        }
        Err(StanzaError::new(Condition::Forbidden))
    }
}
