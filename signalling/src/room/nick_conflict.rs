//! A nick belongs to one account at a time (XEP-0045 §7.2.9).

use super::hooks::Verdict;
use super::{FOCUS_NICK, Join, Room, RoomKind};
use crate::context::Context;
use xmpp::stanza::{Condition, StanzaError};

pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, _: &Context<'_>) -> Verdict {
    if let Some(holder) = room.occupant_named(join.nick)
        && holder.session.bare != join.session.bare
    {
        return Verdict::Refuse(StanzaError::new(Condition::Conflict));
    }
    // The focus's nick opens the room and is trusted by clients.
    if room.kind == RoomKind::Conference && join.nick == FOCUS_NICK && !join.session.is_admin() {
        return Verdict::Refuse(StanzaError::new(Condition::Conflict));
    }
    Verdict::Continue
}
