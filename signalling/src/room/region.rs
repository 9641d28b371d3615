//! A joiner that does not say where it is gets the region that the front door saw.

use super::hooks::Verdict;
use super::{Join, Room};
use crate::context::Context;
use crate::render::Writer;
use xmpp::ns;

const ELEMENT: &str = "jitsi_participant_region";

pub(super) fn pre_join(_: &mut Room, join: &mut Join<'_>, _: &Context<'_>) -> Verdict {
    if let Some(region) = &join.session.profile().region
        && !join.stanza.has_child(ELEMENT, ns::CLIENT)
    {
        let mut writer = Writer::fragment();
        writer.leaf(ELEMENT, ns::CLIENT, region);
        join.extra.push_str(&writer.into_fragment());
    }
    Verdict::Continue
}
