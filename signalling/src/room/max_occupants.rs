//! A full room. Services do not count.

use super::hooks::Verdict;
use super::{Join, Room, RoomKind};
use crate::context::Context;
use crate::session::Kind;
use xmpp::stanza::{Condition, StanzaError};

pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, context: &Context<'_>) -> Verdict {
    let Some(limit) = context.settings.rooms.max_occupants else {
        return Verdict::Continue;
    };
    if room.kind == RoomKind::Service || join.session.kind != Kind::Guest {
        return Verdict::Continue;
    }
    let people = room
        .occupants
        .values()
        .filter(|occupant| occupant.session.kind == Kind::Guest)
        .count();
    if people >= limit {
        return Verdict::Refuse(
            StanzaError::new(Condition::ServiceUnavailable)
                .with_type(xmpp::stanza::ErrorType::Cancel),
        );
    }
    Verdict::Continue
}
