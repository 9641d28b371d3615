//! Banned users stay out (XEP-0045 §7.2.8).

use super::hooks::Verdict;
use super::{Affiliation, Join, Room};
use crate::context::Context;
use xmpp::stanza::{Condition, StanzaError};

pub(super) fn pre_join(_: &mut Room, join: &mut Join<'_>, _: &Context<'_>) -> Verdict {
    match join.affiliation {
        Affiliation::Outcast => Verdict::Refuse(StanzaError::new(Condition::Forbidden)),
        _ => Verdict::Continue,
    }
}
