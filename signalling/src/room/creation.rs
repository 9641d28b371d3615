//! Who may create a conference room: by default only the focus, which does it when it answers a conference request.

use super::hooks::Creation;
use super::hosts;
use crate::config::RoomCreation;
use crate::context::Context;
use xmpp::stanza::{Condition, StanzaError};

pub(super) fn pre_create(
    creation: &Creation<'_>,
    context: &Context<'_>,
) -> Result<(), StanzaError> {
    let settings = context.settings;
    let restricted = settings.rooms.creation == RoomCreation::Admins
        || !hosts::may_open(creation.session, creation.room, settings);
    if restricted && !creation.is_service_room && !creation.session.is_admin() {
        // Clients match on this text and repeat their conference request.
        return Err(
            StanzaError::new(Condition::NotAllowed).with_text("Room creation is restricted")
        );
    }
    Ok(())
}
