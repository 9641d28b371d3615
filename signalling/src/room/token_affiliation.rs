//! A token can make its bearer owner before anybody sees the join.

use super::hooks::Verdict;
use super::{Affiliation, Join, Room, hosts};
use crate::context::Context;

pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, context: &Context<'_>) -> Verdict {
    let earned = hosts::earned(join.session, context.settings);
    // In a members-only room the lobby decides about those whom nobody knows.
    let known = join.affiliation != Affiliation::None || room.is_password(join.password.as_deref());
    let asks = room.configuration.members_only && !known;
    let may_rise = join.affiliation != Affiliation::Outcast && !asks && !join.session.is_admin();
    if may_rise && join.affiliation < earned {
        join.earned = join.affiliation == Affiliation::None;
        join.affiliation = earned;
    }
    Verdict::Continue
}
