//! Which rooms a token opens.

use super::{Claims, pattern};
use crate::config::TokenConfig;

/// Why a token does not open a room; the name of the child in Jitsi's namespace (rooms reference §2.4).
pub(crate) type Mismatch = &'static str;

/// Whether a token opens the room `name`, a tenant's or else one of `domain` itself.
pub(crate) fn check_room(
    claims: &Claims,
    rules: &TokenConfig,
    (tenant, name): (Option<&str>, &str),
    domain: &str,
) -> Result<(), Mismatch> {
    let Some(room) = &claims.room else {
        return Ok(());
    };
    let fits = if claims.room_is_pattern && room != "*" {
        pattern::is_match(room, name).map_err(|_| "invalid-regex")?
    } else {
        let room = room.to_lowercase();
        let whole = tenant.map(|tenant| format!("[{tenant}]{name}"));
        // Whoever writes a token knows the room by what its link says.
        let linked = xmpp::room_name::canonical(&room) == name;
        room == "*" || room == name || linked || Some(room) == whole
    };
    if !fits {
        return Err("room-name-does-not-match");
    }
    if !rules.domain_verification {
        return Ok(());
    }
    let subject = claims.subject.to_lowercase();
    if subject == "*" || subject == tenant.unwrap_or(domain) {
        Ok(())
    } else {
        Err("room-mismatch")
    }
}
