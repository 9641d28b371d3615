//! The focus's alias `focus.D`: a request goes to a session of the focus as from `focus.D/SENDER`, and the answer
//! to that address goes back to the sender as from `focus.D`.

use crate::context::Outbox;
use crate::host::Host;
use crate::render::Writer;
use crate::room::hosts;
use crate::router::Destination;
use crate::session::Session;
use std::sync::Arc;
use std::time::Instant;
use xmpp::muc::ConferenceDomain;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{BareJid, Element, ElementExt, ns};

pub(crate) fn forward(
    host: &Host,
    from: &Arc<Session>,
    stanza: &Element,
    now: Instant,
    out: &mut Outbox,
) -> Result<(), StanzaError> {
    let names = &host.settings.names;
    may_ask(host, from, stanza, now)?;
    let sessions = host.sessions_of(&names.focus_account);
    if sessions.is_empty() {
        return Err(StanzaError::new(Condition::ServiceUnavailable));
    }
    // One that waits to be resumed is asked only if there is no other.
    let (awake, asleep): (Vec<_>, Vec<_>) = sessions
        .into_iter()
        .partition(|session| session.is_attached());
    let choices = if awake.is_empty() { asleep } else { awake };
    let focus = &choices[host.random.below(choices.len())];
    let translated = with_canonical_room(stanza, &names.conferences);
    let stanza = translated.as_ref().unwrap_or(stanza);
    let mut writer = Writer::stanza("iq");
    writer.attr("from", &format!("{}/{}", names.focus_alias, from.jid));
    writer
        .attributes_of(stanza, &["to", "from"])
        .children_of(stanza);
    out.send(focus, writer.finish());
    Ok(())
}

/// A conference request that names its room in another form than the one in which the focus will see it, translated: any
/// focus waits for presence from the address that it joined.
fn with_canonical_room(stanza: &Element, conferences: &ConferenceDomain) -> Option<Element> {
    let room = stanza.get_child("conference", ns::FOCUS)?.attr("room")?;
    let room = BareJid::new(room).ok()?;
    let canonical = conferences.canonical(room.clone());
    if canonical == room {
        return None;
    }
    let mut stanza = stanza.clone();
    stanza
        .get_child_mut("conference", ns::FOCUS)?
        .put_attr("room", &canonical);
    Some(stanza)
}

/// Who may not open a room may ask for one that is there, and so may whose address has asked for too many of late. A focus that knows of logins refuses the same by itself; for
/// one that does not, this is what protects rooms.
fn may_ask(host: &Host, from: &Session, stanza: &Element, now: Instant) -> Result<(), StanzaError> {
    let request = stanza.get_child("conference", ns::FOCUS);
    let room = request.and_then(|request| BareJid::new(request.attr("room")?).ok());
    // What is no request for a room is the focus's to judge.
    let Some(room) = room.map(|room| host.settings.names.conferences.canonical(room)) else {
        return Ok(());
    };
    if host.has_room(&room) {
        return Ok(());
    }
    if !hosts::may_open(from, &room, &host.settings) {
        return Err(StanzaError::new(Condition::NotAuthorized).with_text("log in to open a room"));
    }
    let most = host.settings.limits.new_rooms_per_second_and_address;
    if !host.openings.handle_request(from.address, &room, most, now) {
        let text = "your network address asks for too many rooms";
        return Err(StanzaError::new(Condition::ResourceConstraint).with_text(text));
    }
    Ok(())
}

pub(crate) fn answer(
    host: &Host,
    from: &Arc<Session>,
    stanza: &Element,
    destination: &Destination,
    out: &mut Outbox,
) -> Result<(), StanzaError> {
    let names = &host.settings.names;
    let Destination::BehindFocusAlias(asker) = destination else {
        return Ok(());
    };
    let asker = host
        .find(asker)
        .filter(|_| from.bare == names.focus_account);
    let Some(asker) = asker else {
        // Nobody but the focus speaks for it, and who asked may have left.
        host.counters.dropped_unroutable.increase();
        return Ok(());
    };
    let mut writer = Writer::stanza("iq");
    writer.attr("from", &names.focus_alias);
    writer
        .attributes_of(stanza, &["to", "from"])
        .children_of(stanza);
    out.send(&asker, writer.finish());
    Ok(())
}
