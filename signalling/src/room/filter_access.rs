//! Service rooms are for accounts: presence from elsewhere is dropped without an answer.

use super::hooks::Verdict;
use super::{Join, Room, RoomKind};
use crate::context::Context;

pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, context: &Context<'_>) -> Verdict {
    let foreign = join.session.bare.domain().as_str() != context.settings.names.auth;
    if room.kind == RoomKind::Service && foreign {
        context.counters.dropped_foreign_presence.increase();
        return Verdict::Ignore;
    }
    Verdict::Continue
}
