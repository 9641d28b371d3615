//! Rooms that a focus makes to check its own health: only it may enter.

use super::hooks::{Creation, Verdict};
use super::{FOCUS_NICK, Join, Room};
use crate::context::Context;
use xmpp::BareJid;
use xmpp::stanza::{Condition, StanzaError};

const PREFIX: &str = "__jicofo-health-check";

/// Whether the room is one of them.
pub(super) fn is_health_room(room: &BareJid) -> bool {
    room.node()
        .is_some_and(|node| node.as_str().starts_with(PREFIX))
}

pub(super) fn pre_create(creation: &Creation<'_>, _: &Context<'_>) -> Result<(), StanzaError> {
    check(creation.room, creation.nick)
}

pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, _: &Context<'_>) -> Verdict {
    check(&room.jid, join.nick).map_or_else(Verdict::Refuse, |()| Verdict::Continue)
}

fn check(room: &BareJid, nick: &str) -> Result<(), StanzaError> {
    if is_health_room(room) && nick != FOCUS_NICK {
        return Err(StanzaError::new(Condition::ServiceUnavailable));
    }
    Ok(())
}
