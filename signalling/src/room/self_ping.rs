//! Self-ping (XEP-0410): the room answers for the occupant, so that it learns only whether it is still in.

use super::Occupant;
use xmpp::{Element, ns};

pub(super) fn is_self_ping(sender: &Occupant, nick: &str, stanza: &Element) -> bool {
    *sender.nick == *nick
        && stanza.attr("type") == Some("get")
        && stanza.has_child("ping", ns::PING)
}
