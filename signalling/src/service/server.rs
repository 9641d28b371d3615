//! IQs to the domain: ping, disco, TURN, session, private storage, an empty roster for libraries that ask.

use super::{disco, extdisco, hosts, private};
use crate::context::Outbox;
use crate::host::Host;
use crate::now::Now;
use crate::session::Session;
use std::sync::Arc;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{Element, ns};

const ROSTER: &str = "jabber:iq:roster";
/// The older form of XEP-0215, which some clients still use.
const EXTDISCO_1: &str = "urn:xmpp:extdisco:1";

pub(crate) fn handle_iq(
    host: &Host,
    from: &Arc<Session>,
    stanza: &Element,
    now: Now,
    out: &mut Outbox,
) -> Result<(), StanzaError> {
    let unavailable = || StanzaError::new(Condition::ServiceUnavailable);
    let payload = stanza.children().next().ok_or_else(unavailable)?;
    let namespace = payload.ns();
    match (stanza.attr("type"), payload.name(), namespace.as_str()) {
        (Some("get"), "ping", ns::PING) | (Some("set"), "session", ns::SESSION) => {
            out.result(from, stanza, |_| {});
        }
        (Some("get"), "query", ns::DISCO_INFO) => {
            if payload
                .attr("node")
                .is_some_and(|node| !host.domain_info.is_own_node(node))
            {
                return Err(StanzaError::new(Condition::ItemNotFound));
            }
            out.result(from, stanza, |writer| {
                host.domain_info.write_query(payload.attr("node"), writer)
            });
        }
        (Some("get"), "query", ns::DISCO_ITEMS) => {
            out.result(from, stanza, |writer| {
                disco::write_items(&host.settings.names, writer)
            });
        }
        (Some("get"), "services", ns::EXTDISCO | EXTDISCO_1) => {
            let services = extdisco::services(&host.settings.turn, now);
            let kind = payload.attr("type");
            out.result(from, stanza, |writer| {
                extdisco::write(&services, kind, &namespace, writer)
            });
        }
        (Some("get"), "opening", ns::HOSTS) => {
            hosts::handle_iq(host, from, stanza, payload, now, out)?;
        }
        (Some("get" | "set"), "query", ns::PRIVATE) => {
            private::handle_iq(host, from, stanza, payload, out)?;
        }
        (Some("get"), "query", ROSTER) => {
            out.result(from, stanza, |writer| {
                writer.open("query", ROSTER).close();
            });
        }
        _ => return Err(unavailable()),
    }
    Ok(())
}
