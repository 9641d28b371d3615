//! The focus's alias `focus.D`: a request goes to a session of the focus as from `focus.D/SENDER`, and the answer
//! to that address goes back to the sender as from `focus.D`.

use crate::context::Outbox;
use crate::host::Host;
use crate::render::Writer;
use crate::router::Destination;
use crate::session::Session;
use std::sync::Arc;
use xmpp::Element;
use xmpp::stanza::{Condition, StanzaError};

pub(crate) fn forward(
    host: &Host,
    from: &Arc<Session>,
    stanza: &Element,
    out: &mut Outbox,
) -> Result<(), StanzaError> {
    let names = &host.settings.names;
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
    let mut writer = Writer::stanza("iq");
    writer.attr("from", &format!("{}/{}", names.focus_alias, from.jid));
    writer
        .attributes_of(stanza, &["to", "from"])
        .children_of(stanza);
    out.send(focus, writer.finish());
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
