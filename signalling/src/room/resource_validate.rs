//! Nicks are endpoint ids: letters, digits and underscores.

use super::hooks::Verdict;
use super::{Join, Room, RoomKind, health};
use crate::context::Context;
use crate::session::Kind;
use xmpp::stanza::{Condition, StanzaError};

pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, context: &Context<'_>) -> Verdict {
    if room.kind == RoomKind::Service || health::is_health_room(&room.jid) {
        return Verdict::Continue;
    }
    let refuse = |text| Verdict::Refuse(StanzaError::new(Condition::NotAllowed).with_text(text));
    if !is_valid(join.nick) {
        return refuse("Invalid resource");
    }
    let user = join.session.bare.node().map_or("", |node| node.as_str());
    let strict = context.settings.rooms.strict_nicks && join.session.kind == Kind::Guest;
    if strict && user.get(..8) != Some(join.nick) {
        return refuse("Invalid anonymous user ID");
    }
    Verdict::Continue
}

fn is_valid(nick: &str) -> bool {
    !nick.starts_with('_')
        && nick
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn nicks_are_letters_digits_and_inner_underscores() {
        for (nick, valid) in [
            ("a1b2c3d4", true),
            ("A_b", true),
            ("_a", false),
            ("a b", false),
            ("ä", false),
            ("a-b", false),
        ] {
            assert_eq!(is_valid(nick), valid, "{nick}");
        }
    }
}
