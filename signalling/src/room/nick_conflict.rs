//! A nick belongs to one account at a time (XEP-0045 §7.2.9), and some belong to services or to clients' own use.

use super::hooks::Verdict;
use super::{FOCUS_NICK, Join, Room, RoomKind};
use crate::context::Context;
use crate::session::Kind;
use xmpp::stanza::{Condition, StanzaError};

/// Names that mean something to clients and bridges when they stand where a participant's does: the owner of the bridge's
/// own sources, services, and how the Jitsi Meet app calls the person in front of it.
const RESERVED: &[&str] = &[FOCUS_NICK, "jvb", "jibri", "jigasi", "transcriber", "local"];

pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, _: &Context<'_>) -> Verdict {
    if let Some(holder) = room.occupant_named(join.nick)
        && holder.session.bare != join.session.bare
    {
        return Verdict::Refuse(StanzaError::new(Condition::Conflict));
    }
    if room.kind == RoomKind::Conference && !may_have(join) {
        return Verdict::Refuse(StanzaError::new(Condition::Conflict));
    }
    Verdict::Continue
}

fn may_have(join: &Join<'_>) -> bool {
    let reserved = |nick: &&&str| nick.eq_ignore_ascii_case(join.nick);
    match (RESERVED.iter().find(reserved), join.session.kind) {
        (None, _) | (_, Kind::Service { admin: true }) => true,
        (Some(_), Kind::Guest) => false,
        // The focus's nick opens the room and is trusted by clients.
        (Some(nick), Kind::Service { admin: false }) => *nick != FOCUS_NICK,
    }
}
