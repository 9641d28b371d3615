//! Service discovery of the domain and of the rooms' services (XEP-0030), and caps of the domain (XEP-0115).

use crate::context::Outbox;
use crate::host::Host;
use crate::render::Writer;
use crate::room::RoomKind;
use crate::router::Destination;
use crate::session::Session;
use crate::settings::{Names, Settings};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::sync::Arc;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{Element, ns};

const NODE: &str = "https://github.com/shoal";
const SOFTWARE: &str = "Shoal";

/// One `<identity/>`.
#[derive(Clone, Debug)]
struct Identity {
    category: &'static str,
    kind: &'static str,
    name: String,
}

/// What the domain says of itself. A Jitsi client turns a feature on when it finds its identity here; those that
/// are not built are not here.
pub(crate) struct DomainInfo {
    identities: Vec<Identity>,
    features: Vec<&'static str>,
    version: String,
}

impl DomainInfo {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut identities = vec![Identity {
            category: "server",
            kind: "im",
            name: SOFTWARE.into(),
        }];
        for (kind, name) in [
            ("shard", &settings.shard),
            ("region", &settings.region),
            ("release", &settings.release),
        ] {
            if !name.is_empty() {
                identities.push(Identity {
                    category: "server",
                    kind,
                    name: name.clone(),
                });
            }
        }
        let mut features = vec![
            ns::DISCO_INFO,
            ns::DISCO_ITEMS,
            ns::PING,
            ns::PRIVATE,
            ns::EXTDISCO,
            "urn:xmpp:extdisco:1",
        ];
        if settings.needs_hosts() {
            features.push(ns::HOSTS);
        }
        let version = version(&identities, &features);
        Self {
            identities,
            features,
            version,
        }
    }

    /// `<c/>` of the stream features.
    pub(crate) fn caps(&self) -> String {
        let mut writer = Writer::fragment();
        writer
            .open("c", ns::CAPS)
            .attr("hash", "sha-1")
            .attr("node", NODE)
            .attr("ver", &self.version);
        writer.into_fragment()
    }

    pub(crate) fn is_own_node(&self, node: &str) -> bool {
        node.is_empty()
            || node
                .strip_prefix(NODE)
                .is_some_and(|rest| rest.strip_prefix('#') == Some(&self.version))
    }

    /// `<query/>` with everything.
    pub(crate) fn write_query(&self, node: Option<&str>, writer: &mut Writer) {
        writer.open("query", ns::DISCO_INFO).opt("node", node);
        for identity in &self.identities {
            writer.open("identity", ns::DISCO_INFO);
            writer
                .attr("category", identity.category)
                .attr("type", identity.kind);
            writer.attr("name", &identity.name).close();
        }
        for feature in &self.features {
            writer
                .open("feature", ns::DISCO_INFO)
                .attr("var", feature)
                .close();
        }
        writer.close();
    }
}

/// The verification string (XEP-0115 §5.1).
fn version(identities: &[Identity], features: &[&str]) -> String {
    let mut identities: Vec<String> = identities
        .iter()
        .map(|identity| {
            format!(
                "{}/{}//{}<",
                identity.category, identity.kind, identity.name
            )
        })
        .collect();
    identities.sort();
    let mut features: Vec<String> = features
        .iter()
        .map(|feature| format!("{feature}<"))
        .collect();
    features.sort();
    let text = identities.concat() + &features.concat();
    BASE64.encode(digest::digest(
        &digest::SHA1_FOR_LEGACY_USE_ONLY,
        text.as_bytes(),
    ))
}

/// Services of the domain.
pub(crate) fn write_items(names: &Names, writer: &mut Writer) {
    writer.open("query", ns::DISCO_ITEMS);
    for address in [&names.muc, &names.focus_alias] {
        writer
            .open("item", ns::DISCO_ITEMS)
            .attr("jid", address)
            .close();
    }
    writer.close();
}

/// IQs to a rooms' service. Only admins learn which rooms there are: a focus finds its meetings again by it.
pub(crate) fn handle_rooms_iq(
    host: &Host,
    from: &Arc<Session>,
    stanza: &Element,
    destination: &Destination,
    out: &mut Outbox,
) -> Result<(), StanzaError> {
    let unavailable = || StanzaError::new(Condition::ServiceUnavailable);
    let Destination::Rooms(kind) = destination else {
        return Err(unavailable());
    };
    let payload = stanza.children().next().ok_or_else(unavailable)?;
    match (stanza.attr("type"), payload.name(), payload.ns().as_str()) {
        (Some("get"), "ping", ns::PING) => out.result(from, stanza, |_| {}),
        (Some("get"), "query", ns::DISCO_INFO) => out.result(from, stanza, |writer| {
            writer
                .open("query", ns::DISCO_INFO)
                .open("identity", ns::DISCO_INFO);
            writer
                .attr("category", "conference")
                .attr("type", "text")
                .attr("name", "Chatrooms")
                .close();
            for feature in [
                ns::DISCO_INFO,
                ns::DISCO_ITEMS,
                ns::MUC,
                ns::OCCUPANT_ID,
                ns::PING,
            ] {
                writer
                    .open("feature", ns::DISCO_INFO)
                    .attr("var", feature)
                    .close();
            }
            writer.close();
        }),
        (Some("get"), "query", ns::DISCO_ITEMS) => {
            let names = &host.settings.names;
            let rooms = match (from.is_admin(), kind) {
                (false, _) => Vec::new(),
                (true, RoomKind::Conference) => {
                    host.rooms.on(|domain| names.conferences.contains(domain))
                }
                (true, RoomKind::Service) => host.rooms.on(|domain| domain == names.internal_muc),
            };
            out.result(from, stanza, |writer| {
                writer.open("query", ns::DISCO_ITEMS);
                for room in &rooms {
                    writer
                        .open("item", ns::DISCO_ITEMS)
                        .attr("jid", room.as_str())
                        .close();
                }
                writer.close();
            });
        }
        _ => return Err(unavailable()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The simple generation example of XEP-0115 §5.2.
    #[test]
    fn the_verification_string_agrees_with_the_standard() {
        let identities = [Identity {
            category: "client",
            kind: "pc",
            name: "Exodus 0.9.1".into(),
        }];
        let features = [
            "http://jabber.org/protocol/disco#info",
            "http://jabber.org/protocol/disco#items",
            "http://jabber.org/protocol/muc",
            "http://jabber.org/protocol/caps",
        ];
        assert_eq!(
            version(&identities, &features),
            "QgayPKawpkPSDYmwT/WM94uAlu0="
        );
    }
}
