//! Who opens and owns meetings where that takes a token: everybody with a token, or whom the token names moderator.
//! Guests come to rooms that are there, and own one only if a person who does gives it to them.

use super::{Affiliation, Room, token_room};
use crate::session::token::Claims;
use crate::session::{Kind, Session};
use crate::settings::Settings;
use xmpp::BareJid;

/// Whether the session may bring this room into being.
pub(crate) fn may_open(session: &Session, room: &BareJid, settings: &Settings) -> bool {
    !settings.needs_hosts()
        || session.is_admin()
        || session
            .profile()
            .claims
            .as_ref()
            .is_some_and(|claims| opens(claims, room, settings))
}

/// Whether the bearer of a token with these claims may bring this room into being.
pub(crate) fn opens(claims: &Claims, room: &BareJid, settings: &Settings) -> bool {
    token_room::check_claims(Some(claims), room, settings).is_ok()
}

/// Whether the session may own a room because it made it, or because a focus wants it.
pub(super) fn may_own(session: &Session, settings: &Settings) -> bool {
    !settings.needs_hosts()
        || session.kind != Kind::Guest
        || earned(session, settings) == Affiliation::Owner
}

/// What the session's token is worth in every room that it opens.
pub(super) fn earned(session: &Session, settings: &Settings) -> Affiliation {
    let by_claim = settings.token.as_ref().is_some_and(|it| it.affiliation);
    match &session.profile().claims {
        _ if !settings.needs_hosts() => Affiliation::None,
        None => Affiliation::None,
        Some(claims) if by_claim && !claims.is_moderator() => Affiliation::Member,
        Some(_) => Affiliation::Owner,
    }
}

impl Room {
    /// Whether a focus may make this address owner: one that makes the first person owner does not know who has a token.
    pub(super) fn may_be_made_owner(&self, jid: &BareJid, settings: &Settings) -> bool {
        let mut sessions = self.keys_of(jid).into_iter().peekable();
        if sessions.peek().is_none() {
            return !settings.needs_hosts() || !settings.has_people_on(jid.domain().as_str());
        }
        sessions.all(|key| may_own(&self.occupants[&key].session, settings))
    }
}
