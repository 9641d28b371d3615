//! Stream management of a bound session (XEP-0198).

use super::Connection;
use crate::session::Session;
use std::sync::Arc;
use xmpp::stream::{StreamCondition, StreamError};
use xmpp::{Element, ns};

impl Connection {
    pub(super) fn handle_management(&mut self, session: &Arc<Session>, element: &Element) {
        match element.name() {
            "enable" => {
                let wants_resume = matches!(element.attr("resume"), Some("true" | "1"));
                if session.state.lock().handled.is_some() {
                    return self.fail_management("unexpected-request");
                }
                let answer = match self.host.manage(session, wants_resume) {
                    Some((id, seconds)) => {
                        format!(
                            "<enabled xmlns='{}' id='{id}' max='{seconds}' resume='true'/>",
                            ns::SM
                        )
                    }
                    None => format!("<enabled xmlns='{}'/>", ns::SM),
                };
                session.state.lock().mailbox.push_enabled(answer);
            }
            "r" => {
                let mut state = session.state.lock();
                if let Some(handled) = state.handled {
                    state
                        .mailbox
                        .push_nonza(format!("<a xmlns='{}' h='{handled}'/>", ns::SM));
                }
            }
            "a" => {
                let handled = element.attr("h").and_then(|handled| handled.parse().ok());
                let Some(handled) = handled else {
                    return self.fail(&StreamError::new(StreamCondition::InvalidXml));
                };
                let result = session.state.lock().mailbox.handle_acknowledgement(handled);
                if let Err(error) = result {
                    // XEP-0198 §4.
                    let text = format!("acknowledged {} of {} stanzas", error.handled, error.sent);
                    self.fail(
                        &StreamError::new(StreamCondition::UndefinedCondition).with_text(text),
                    );
                }
            }
            _ => self.fail_management("unexpected-request"),
        }
    }

    fn fail_management(&mut self, condition: &str) {
        let failed = format!(
            "<failed xmlns='{}'><{condition} xmlns='{}'/></failed>",
            ns::SM,
            ns::STANZA_ERRORS
        );
        self.send(failed);
    }
}
