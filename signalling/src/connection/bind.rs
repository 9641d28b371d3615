//! Between login and session: resource binding (RFC 6120 §7) or resumption (XEP-0198 §5).

use super::{Connection, Stage};
use crate::host::{Login, OpenError};
use crate::now::Now;
use crate::render::Writer;
use crate::session::Kind;
use std::sync::Arc;
use xmpp::stanza::{Condition, StanzaError};
use xmpp::stream::{StreamCondition, StreamError};
use xmpp::{Element, ns};

impl Connection {
    pub(super) fn bound_features(&self) -> String {
        let mut writer = Writer::fragment();
        writer
            .open("bind", ns::BIND)
            .open("required", ns::BIND)
            .close()
            .close();
        writer
            .open("session", ns::SESSION)
            .open("optional", ns::SESSION)
            .close()
            .close();
        writer
            .open("sm", ns::SM)
            .open("optional", ns::SM)
            .close()
            .close();
        writer.raw(&self.host.domain_info.caps());
        writer.into_fragment()
    }

    pub(super) fn handle_bind(&mut self, element: &Element, now: Now) {
        let Stage::Authenticated(login) = &self.stage else {
            return;
        };
        let mut login = login.clone();
        if element.is("resume", ns::SM) {
            return self.handle_resume(element, &login, now);
        }
        if element.has_ns(ns::SM) {
            return self.send(format!(
                "<failed xmlns='{}'><unexpected-request xmlns='{}'/></failed>",
                ns::SM,
                ns::STANZA_ERRORS
            ));
        }
        let bind = element.get_child("bind", ns::BIND);
        let (Some(bind), true) = (
            bind,
            element.is("iq", ns::CLIENT) && element.attr("type") == Some("set"),
        ) else {
            return self.fail(&StreamError::new(StreamCondition::NotAuthorized));
        };
        let resource = bind.get_child("resource", ns::BIND).map(Element::text);
        // The name of a session that could be resumed is kept for that only: it may tell of a token that is not here.
        let domain = (self.host.settings).people_domain(login.profile.claims.is_some());
        if login.kind == Kind::Guest && login.user.domain().as_str() != domain {
            login.user = self.host.new_person(login.profile.claims.is_some());
        }
        let opened =
            self.host
                .open_session(&login, resource.as_deref(), Arc::clone(&self.wake), now);
        let session = match opened {
            Ok(session) => session,
            Err(error) => {
                let error = match error {
                    OpenError::BadResource => StanzaError::new(Condition::BadRequest),
                    OpenError::TooMany => StanzaError::new(Condition::ResourceConstraint)
                        .with_text("Too many sessions from your network address"),
                };
                let mut reply = Element::bare("iq", ns::CLIENT);
                xmpp::ElementExt::put_attr(&mut reply, "type", "error");
                if let Some(id) = element.attr("id") {
                    xmpp::ElementExt::put_attr(&mut reply, "id", id);
                }
                reply.append_child(Element::from(&error));
                return self.send(self.origin.framing.element(&reply));
            }
        };
        let mut writer = Writer::stanza("iq");
        writer.attr("type", "result").opt("id", element.attr("id"));
        writer
            .open("bind", ns::BIND)
            .leaf("jid", ns::BIND, session.jid.as_str());
        session.deliver(Arc::new(writer.finish()));
        if self.host.settings.push_disco {
            let mut writer = Writer::stanza("message");
            writer.attr("from", &self.host.settings.names.domain);
            self.host.domain_info.write_query(None, &mut writer);
            session.deliver(Arc::new(writer.finish()));
        }
        self.host.watch_token(&session, now);
        self.stage = Stage::Bound(session, 1);
    }

    fn handle_resume(&mut self, element: &Element, login: &Login, now: Now) {
        let previous = element.attr("previd").unwrap_or_default();
        let handled = element.attr("h").and_then(|handled| handled.parse().ok());
        let resumed = handled.map(|handled| {
            self.host
                .resume(previous, handled, login, Arc::clone(&self.wake))
        });
        match resumed {
            Some(Ok((session, attachment, handled))) => {
                let mut writer = Writer::fragment();
                writer.open("resumed", ns::SM).attr("previd", previous);
                writer.attr("h", &handled.to_string());
                self.send(writer.into_fragment());
                self.host.watch_token(&session, now);
                self.stage = Stage::Bound(session, attachment);
            }
            _ => self.send(format!(
                "<failed xmlns='{}'><item-not-found xmlns='{}'/></failed>",
                ns::SM,
                ns::STANZA_ERRORS
            )),
        }
    }
}
