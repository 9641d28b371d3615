//! What a room or service may look at while it handles something, and where its output goes.

use crate::addresses::Addresses;
use crate::counters::Counters;
use crate::now::Now;
use crate::random::Random;
use crate::render::{Rendered, Writer};
use crate::room::Invitation;
use crate::session::Session;
use crate::settings::Settings;
use std::sync::Arc;
use xmpp::Element;
use xmpp::stanza::{Condition, StanzaError, may_be_answered};

/// Bytes of long answers that wait for one address.
const MOST_UNREAD: usize = 4 * 1024 * 1024;

/// Surroundings of one piece of work.
pub(crate) struct Context<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) addresses: &'a Arc<Addresses>,
    pub(crate) counters: &'a Counters,
    pub(crate) random: &'a Random,
    /// What tells this process from others of the cluster, and from itself before.
    pub(crate) process: u64,
    pub(crate) now: Now,
}

/// Deliveries, in order. A broadcast is one pointer for each recipient.
#[derive(Default)]
pub(crate) struct Outbox {
    pub(crate) deliveries: Vec<(Arc<Session>, Arc<Rendered>)>,
    /// To people whom the room does not know; the host finds their sessions.
    pub(crate) invitations: Vec<Invitation>,
}

impl Outbox {
    pub(crate) fn send(&mut self, to: &Arc<Session>, stanza: Rendered) {
        self.share(to, &Arc::new(stanza));
    }

    /// A stanza that goes to several.
    pub(crate) fn share(&mut self, to: &Arc<Session>, stanza: &Arc<Rendered>) {
        self.deliveries.push((Arc::clone(to), Arc::clone(stanza)));
    }

    /// The answer to an IQ, from whom it was addressed to; `write` adds the payload.
    pub(crate) fn result(
        &mut self,
        to: &Arc<Session>,
        request: &Element,
        write: impl FnOnce(&mut Writer),
    ) {
        let mut writer = result(request);
        write(&mut writer);
        let answer = writer.finish();
        to.charge(answer.len());
        self.send(to, answer);
    }

    /// The same for an answer that may be much longer than its question. What waits of such for one address has a bound.
    pub(crate) fn long_result(
        &mut self,
        to: &Arc<Session>,
        request: &Element,
        context: &Context<'_>,
        write: impl FnOnce(&mut Writer),
    ) -> Result<(), StanzaError> {
        let mut writer = result(request);
        write(&mut writer);
        let mut answer = writer.finish();
        to.charge(answer.len());
        let kept = context
            .addresses
            .keep(to.address, answer.len(), MOST_UNREAD)
            .ok_or_else(|| {
                StanzaError::new(Condition::ResourceConstraint)
                    .with_text("too many lists wait for your address to read them")
            })?;
        answer.count_in(kept);
        self.send(to, answer);
        Ok(())
    }

    /// The error that answers a stanza, if it may be answered (RFC 6120 §8.3.1). Refused joins repeat `<x/>`.
    pub(crate) fn refuse(&mut self, to: &Arc<Session>, stanza: &Element, error: &StanzaError) {
        if !may_be_answered(stanza) {
            return;
        }
        let mut writer = Writer::stanza(stanza.name());
        writer.attr("type", "error");
        writer
            .opt("id", stanza.attr("id"))
            .opt("from", stanza.attr("to"));
        writer.element(&Element::from(error));
        if stanza.name() == "presence" {
            writer.open("x", xmpp::ns::MUC).close();
        }
        self.send(to, writer.finish());
    }
}

/// The head of the answer to an IQ.
fn result(request: &Element) -> Writer {
    let mut writer = Writer::stanza("iq");
    writer.attr("type", "result");
    writer
        .opt("id", request.attr("id"))
        .opt("from", request.attr("to"));
    writer
}
