//! A token can make its bearer a moderator before anybody sees the join.

use super::hooks::Verdict;
use super::{Affiliation, Join, Room};
use crate::context::Context;

pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, context: &Context<'_>) -> Verdict {
    let enabled = context
        .settings
        .token
        .as_ref()
        .is_some_and(|token| token.affiliation);
    let profile = join.session.profile();
    let Some(claims) = profile.claims.as_ref().filter(|_| enabled) else {
        return Verdict::Continue;
    };
    // In a members-only room the lobby decides about those whom nobody knows.
    let known = join.affiliation != Affiliation::None || room.is_password(join.password.as_deref());
    if join.session.is_admin() || (room.configuration.members_only && !known) {
        return Verdict::Continue;
    }
    let earned = if claims.is_moderator() {
        Affiliation::Owner
    } else {
        Affiliation::Member
    };
    if join.affiliation != Affiliation::Outcast && join.affiliation < earned {
        join.earned = join.affiliation == Affiliation::None;
        join.affiliation = earned;
    }
    Verdict::Continue
}
