//! A token opens only the room that it names.

use super::hooks::{Creation, Verdict};
use super::{Join, Room};
use crate::config::AuthMode;
use crate::context::Context;
use crate::session::token::{self, Claims};
use crate::session::{Kind, Session};
use crate::settings::Settings;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::xml::element;
use xmpp::{BareJid, ns};

pub(super) fn pre_create(
    creation: &Creation<'_>,
    context: &Context<'_>,
) -> Result<(), StanzaError> {
    if creation.is_service_room {
        return Ok(());
    }
    check(creation.room, creation.session, context)
}

pub(super) fn pre_join(room: &mut Room, join: &mut Join<'_>, context: &Context<'_>) -> Verdict {
    check(&room.jid, join.session, context).map_or_else(Verdict::Refuse, |()| Verdict::Continue)
}

fn check(room: &BareJid, session: &Session, context: &Context<'_>) -> Result<(), StanzaError> {
    let settings = context.settings;
    let listed =
        |rules: &crate::config::TokenConfig| Settings::listed(&rules.allow_list, &session.bare);
    if session.kind != Kind::Guest || settings.token.as_ref().is_some_and(listed) {
        return Ok(());
    }
    check_claims(session.profile().claims.as_ref(), room, settings).map_err(|cause| {
        StanzaError::new(Condition::NotAllowed)
            .with_text("Room and token mismatched")
            .with_application(element(cause, ns::JITMEET))
    })
}

/// Whether these claims, or none, let a person into a room that is there.
pub(super) fn check_claims(
    claims: Option<&Claims>,
    room: &BareJid,
    settings: &Settings,
) -> Result<(), token::Mismatch> {
    let (Some(rules), true) = (&settings.token, settings.needs_hosts()) else {
        return Ok(());
    };
    let Some(claims) = claims else {
        // Guests are guests, whatever is compared of tokens.
        return match settings.auth {
            AuthMode::Token => Err("authentication-required"),
            AuthMode::Both | AuthMode::Anonymous => Ok(()),
        };
    };
    let names = &settings.names;
    let name = room.node().map_or("", |node| node.as_str());
    let tenant = names.conferences.tenant(room.domain().as_str());
    token::check_room(claims, rules, (tenant, name), &names.domain)
}
