//! How many rooms and occupants one address and one session may have.

use super::hooks::Verdict;
use super::{Join, Room};
use crate::context::Context;
use crate::session::Kind;
use xmpp::stanza::{Condition, StanzaError};

pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, context: &Context<'_>) -> Verdict {
    if join.session.kind != Kind::Guest {
        return Verdict::Continue;
    }
    let limits = &context.settings.limits;
    let (rooms, here) = context.addresses.occupancy(join.session.address, &room.jid);
    let own_rooms = join.session.state.lock().rooms.len();
    let text = if here == 0 && rooms >= limits.rooms_per_address {
        "Too many rooms from your network address"
    } else if here >= limits.occupants_per_room_and_address {
        "Too many people in this room from your network address"
    } else if own_rooms >= limits.rooms_per_session {
        "You are in too many rooms"
    } else {
        return Verdict::Continue;
    };
    Verdict::Refuse(StanzaError::new(Condition::ResourceConstraint).with_text(text))
}
