//! What owners decide about a room (XEP-0045 §10.2).

use super::whois::Whois;
use super::{Affiliation, Room, meeting_id};
use crate::context::{Context, Outbox};
use crate::render::Writer;
use crate::session::Session;
use std::sync::Arc;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::xml::parse_bool;
use xmpp::{Element, ns};

/// Most bytes of a name, description or password.
const MOST_BYTES: usize = 4_096;

/// The room's settings.
pub(super) struct Configuration {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) password: Option<String>,
    pub(super) members_only: bool,
    pub(super) whois: Whois,
    pub(super) change_subject: bool,
    pub(super) history_length: usize,
}

impl Configuration {
    pub(super) fn new(context: &Context<'_>) -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            password: None,
            members_only: false,
            whois: Whois::Anyone,
            change_subject: false,
            history_length: context.settings.rooms.history,
        }
    }
}

/// The form that owners fill in.
pub(super) struct Form(Writer);

impl Form {
    pub(super) fn text(&mut self, name: &str, label: &str, value: &str) {
        self.field(name, "text-single", label, value);
    }

    fn field(&mut self, name: &str, kind: &str, label: &str, value: &str) {
        self.0
            .open("field", ns::DATA)
            .attr("var", name)
            .attr("type", kind)
            .attr("label", label);
        self.0.leaf("value", ns::DATA, value).close();
    }

    fn flag(&mut self, name: &str, label: &str, value: bool) {
        self.field(name, "boolean", label, if value { "1" } else { "0" });
    }

    fn choice(&mut self, name: &str, label: &str, value: &str, options: &[&str]) {
        self.0
            .open("field", ns::DATA)
            .attr("var", name)
            .attr("type", "list-single")
            .attr("label", label);
        self.0.leaf("value", ns::DATA, value);
        for option in options {
            self.0.open("option", ns::DATA).attr("label", option);
            self.0.leaf("value", ns::DATA, option).close();
        }
        self.0.close();
    }
}

fn only_owners() -> StanzaError {
    StanzaError::new(Condition::Forbidden).with_text("Only owners can configure rooms")
}

impl Room {
    pub(super) fn handle_form_request(
        &self,
        from: &Arc<Session>,
        stanza: &Element,
        out: &mut Outbox,
    ) -> Result<(), StanzaError> {
        if self.affiliation(from) < Affiliation::Owner {
            return Err(only_owners());
        }
        let mut form = Form(Writer::fragment());
        form.0
            .open("query", ns::MUC_OWNER)
            .open("x", ns::DATA)
            .attr("type", "form");
        form.0.leaf(
            "title",
            ns::DATA,
            &format!("Configuration for {}", self.jid),
        );
        form.0.leaf(
            "instructions",
            ns::DATA,
            "Complete and submit this form to configure the room.",
        );
        form.0
            .open("field", ns::DATA)
            .attr("var", "FORM_TYPE")
            .attr("type", "hidden");
        form.0.leaf("value", ns::DATA, ns::MUC_ROOMCONFIG).close();
        let configuration = &self.configuration;
        form.text("muc#roomconfig_roomname", "Title", &configuration.name);
        form.text(
            "muc#roomconfig_roomdesc",
            "Description",
            &configuration.description,
        );
        form.flag(
            "muc#roomconfig_persistentroom",
            "Keep the room when it is empty",
            false,
        );
        form.flag("muc#roomconfig_publicroom", "List the room", false);
        form.flag(
            "muc#roomconfig_membersonly",
            "Only members may enter",
            configuration.members_only,
        );
        let password = configuration.password.as_deref();
        form.flag(
            "muc#roomconfig_passwordprotectedroom",
            "A password is needed",
            password.is_some(),
        );
        form.field(
            "muc#roomconfig_roomsecret",
            "text-private",
            "Password",
            password.unwrap_or(""),
        );
        let whois = configuration.whois.as_str();
        form.choice(
            "muc#roomconfig_whois",
            "Who sees real addresses",
            whois,
            &["moderators", "anyone"],
        );
        form.flag(
            "muc#roomconfig_moderatedroom",
            "Only participants with voice may speak",
            false,
        );
        form.flag(
            "muc#roomconfig_changesubject",
            "Everybody may change the subject",
            configuration.change_subject,
        );
        let length = configuration.history_length.to_string();
        form.text(
            "muc#roomconfig_historylength",
            "Messages kept for newcomers (0–20)",
            &length,
        );
        meeting_id::form(self, &mut form);
        let fragment = form.0.into_fragment();
        out.result(from, stanza, |writer| {
            writer.raw(&fragment);
        });
        Ok(())
    }

    pub(super) fn handle_form(
        &mut self,
        from: &Arc<Session>,
        stanza: &Element,
        query: &Element,
        context: &Context<'_>,
        out: &mut Outbox,
    ) -> Result<(), StanzaError> {
        if self.affiliation(from) < Affiliation::Owner {
            return Err(only_owners());
        }
        let bad_request = || StanzaError::new(Condition::BadRequest);
        let form = query.get_child("x", ns::DATA).ok_or_else(bad_request)?;
        if form.attr("type") == Some("cancel") {
            out.result(from, stanza, |_| {});
            return Ok(());
        }
        let was_members_only = self.configuration.members_only;
        let codes = self.apply(form, from, context)?;
        out.result(from, stanza, |_| {});
        if !codes.is_empty() {
            self.announce(&codes, out);
        }
        if self.configuration.members_only && !was_members_only {
            self.throw_out_strangers(context, out);
        }
        Ok(())
    }

    /// Applies a submitted form; the status codes that announce what changed. Unknown fields are ignored, as are
    /// those that this server does not let anybody change.
    fn apply(
        &mut self,
        form: &Element,
        from: &Session,
        context: &Context<'_>,
    ) -> Result<Vec<&'static str>, StanzaError> {
        let bad_request = |name: &str| {
            StanzaError::new(Condition::BadRequest).with_text(format!("{name} is not valid"))
        };
        let mut changed = false;
        let mut codes = Vec::new();
        for field in form.children().filter(|child| child.is("field", ns::DATA)) {
            let name = field.attr("var").unwrap_or_default();
            let value = field
                .get_child("value", ns::DATA)
                .map(Element::text)
                .unwrap_or_default();
            if value.len() > MOST_BYTES {
                return Err(bad_request(name));
            }
            let flag = || parse_bool(&value).ok_or_else(|| bad_request(name));
            let configuration = &mut self.configuration;
            match name {
                "muc#roomconfig_roomname" => changed |= replace(&mut configuration.name, value),
                "muc#roomconfig_roomdesc" => {
                    changed |= replace(&mut configuration.description, value)
                }
                "muc#roomconfig_roomsecret" => {
                    changed |= replace(
                        &mut configuration.password,
                        Some(value).filter(|value| !value.is_empty()),
                    );
                }
                "muc#roomconfig_membersonly" => {
                    changed |= replace(&mut configuration.members_only, flag()?)
                }
                "muc#roomconfig_changesubject" => {
                    changed |= replace(&mut configuration.change_subject, flag()?)
                }
                "muc#roomconfig_historylength" | "muc#maxhistoryfetch" => {
                    let length: usize = value.parse().map_err(|_| bad_request(name))?;
                    changed |= replace(
                        &mut configuration.history_length,
                        length.min(context.settings.rooms.history),
                    );
                }
                "muc#roomconfig_whois" => {
                    let whois = match value.as_str() {
                        "anyone" => Whois::Anyone,
                        "moderators" => Whois::Moderators,
                        _ => return Err(bad_request(name)),
                    };
                    if replace(&mut configuration.whois, whois) {
                        codes.push(whois.code());
                    }
                }
                meeting_id::FIELD if from.is_admin() => changed |= self.meeting.set_id(&value),
                _ => {}
            }
        }
        if changed {
            codes.push("104");
            self.remembered.changed();
        }
        Ok(codes)
    }

    pub(super) fn announce(&self, codes: &[&str], out: &mut Outbox) {
        let mut writer = Writer::stanza("message");
        writer
            .attr("type", "groupchat")
            .attr("from", self.jid.as_str());
        writer.open("x", ns::MUC_USER);
        for code in codes {
            writer
                .open("status", ns::MUC_USER)
                .attr("code", code)
                .close();
        }
        let message = Arc::new(writer.finish());
        self.occupants
            .values()
            .for_each(|to| out.share(&to.session, &message));
    }
}

fn replace<T: PartialEq>(place: &mut T, value: T) -> bool {
    let changed = *place != value;
    *place = value;
    changed
}
