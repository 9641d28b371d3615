//! A token opens only the room that it names.

use super::hooks::{Creation, Verdict};
use super::{Join, Room};
use crate::config::AuthMode;
use crate::context::Context;
use crate::session::{Kind, Session, token};
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
    let Some(rules) = &settings.token else {
        return Ok(());
    };
    let exempt = session.kind != Kind::Guest
        || settings.auth == AuthMode::Anonymous
        || Settings::listed(&rules.allow_list, &session.bare);
    if exempt {
        return Ok(());
    }
    let profile = session.profile();
    let names = &settings.names;
    let name = room.node().map_or("", |node| node.as_str());
    let tenant = names.conferences.tenant(room.domain().as_str());
    let required = settings.auth == AuthMode::Token;
    token::check_room(
        profile.claims.as_ref(),
        rules,
        required,
        (tenant, name),
        &names.domain,
    )
    .map_err(|cause| {
        StanzaError::new(Condition::NotAllowed)
            .with_text("Room and token mismatched")
            .with_application(element(cause, ns::JITMEET))
    })
}
