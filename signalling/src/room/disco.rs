//! What a room tells about itself (XEP-0045 §6.4, §6.5), to those who may look.

use super::Room;
use super::hooks;
use crate::context::{Context, Outbox};
use crate::render::Writer;
use crate::session::Session;
use std::sync::Arc;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::{Element, ns};

/// Features and form fields, as the features add them.
#[derive(Default)]
pub(crate) struct RoomInfo {
    features: Vec<&'static str>,
    fields: Vec<(&'static str, &'static str, String)>,
}

impl RoomInfo {
    pub(super) fn feature(&mut self, feature: &'static str) {
        self.features.push(feature);
    }

    pub(super) fn field(&mut self, name: &'static str, kind: &'static str, value: &str) {
        self.fields.push((name, kind, value.into()));
    }
}

impl Room {
    pub(super) fn handle_info(
        &self,
        from: &Arc<Session>,
        stanza: &Element,
        query: &Element,
        out: &mut Outbox,
    ) -> Result<(), StanzaError> {
        self.may_look(from)?;
        if query
            .attr("node")
            .is_some_and(|node| node != "x-roomuser-item")
        {
            return Err(StanzaError::new(Condition::ItemNotFound));
        }
        let mut info = RoomInfo::default();
        for feature in [
            ns::MUC,
            "http://jabber.org/protocol/muc#stable_id",
            "http://jabber.org/protocol/muc#self-ping-optimization",
            ns::OCCUPANT_ID,
            ns::PING,
            "muc_temporary",
            "muc_unmoderated",
        ] {
            info.feature(feature);
        }
        info.feature(match self.configuration.whois {
            super::whois::Whois::Anyone => "muc_nonanonymous",
            super::whois::Whois::Moderators => "muc_semianonymous",
        });
        info.field(
            "muc#roominfo_description",
            "text-single",
            &self.configuration.description,
        );
        info.field(
            "muc#roominfo_occupants",
            "text-single",
            &self.len().to_string(),
        );
        for (_, hook) in hooks::INFO {
            hook(self, &mut info);
        }
        out.result(from, stanza, |writer| self.write_info(&info, writer));
        Ok(())
    }

    fn write_info(&self, info: &RoomInfo, writer: &mut Writer) {
        writer
            .open("query", ns::DISCO_INFO)
            .open("identity", ns::DISCO_INFO);
        writer.attr("category", "conference").attr("type", "text");
        let name = Some(self.configuration.name.as_str()).filter(|name| !name.is_empty());
        writer.opt("name", name).close();
        for feature in &info.features {
            writer
                .open("feature", ns::DISCO_INFO)
                .attr("var", feature)
                .close();
        }
        writer.open("x", ns::DATA).attr("type", "result");
        let mut field = |name: &str, kind: &str, value: &str| {
            writer
                .open("field", ns::DATA)
                .attr("var", name)
                .attr("type", kind);
            writer.leaf("value", ns::DATA, value).close();
        };
        field("FORM_TYPE", "hidden", ns::MUC_ROOMINFO);
        for (name, kind, value) in &info.fields {
            field(name, kind, value);
        }
        writer.close().close();
    }

    pub(super) fn handle_items(
        &self,
        from: &Arc<Session>,
        stanza: &Element,
        context: &Context<'_>,
        out: &mut Outbox,
    ) -> Result<(), StanzaError> {
        self.may_look(from)?;
        out.long_result(from, stanza, context, |writer| {
            writer.open("query", ns::DISCO_ITEMS);
            for occupant in self.occupants.values() {
                writer.open("item", ns::DISCO_ITEMS);
                writer
                    .attr("jid", &occupant.address)
                    .attr("name", &occupant.nick)
                    .close();
            }
            writer.close();
        })
    }
}
