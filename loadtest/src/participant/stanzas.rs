//! Answers to what others ask of a client.

use xmpp::disco::{self, Info};
use xmpp::jingle::Jingle;
use xmpp::stanza::{self, Condition, IqType, StanzaError};
use xmpp::{Element, ElementExt, FullJid, ns};

/// Whether an IQ is an answer.
pub(super) fn is_answer(iq: &Element) -> bool {
    matches!(
        stanza::iq_type(iq),
        Some(IqType::Result | IqType::Error) | None
    )
}

/// The answer to a request, and the Jingle element in it if it is one of the focus, whose
/// handling decides the answer.
pub(super) fn answer(
    iq: &Element,
    focus: Option<&FullJid>,
    info: &Info,
) -> (Element, Option<Box<Jingle>>) {
    let of_focus = stanza::from(iq)
        .zip(focus)
        .is_some_and(|(from, focus)| from == **focus);
    let Some(payload) = stanza::payload(iq) else {
        return (refuse(iq, Condition::BadRequest), None);
    };
    let get = stanza::iq_type(iq) == Some(IqType::Get);
    let answer = if get && disco::is_info(payload) {
        // The node is echoed (XEP-0030 §3.2).
        let own = Element::from(info).with_opt("node", payload.attr("node"));
        stanza::iq_result(iq, Some(own))
    } else if get && payload.is("ping", ns::PING) {
        stanza::iq_result(iq, None)
    } else if !get && of_focus && payload.is("jingle", ns::JINGLE) {
        return match Jingle::try_from(payload) {
            Ok(jingle) => (stanza::iq_result(iq, None), Some(Box::new(jingle))),
            Err(_) => (refuse(iq, Condition::BadRequest), None),
        };
    } else if !get && of_focus && payload.name() == "mute" {
        stanza::iq_result(iq, None)
    } else {
        refuse(iq, Condition::ServiceUnavailable)
    };
    (answer, None)
}

/// The answer to a request that was taken or refused.
pub(super) fn result(iq: &Element, taken: Result<(), Condition>) -> Element {
    match taken {
        Ok(()) => stanza::iq_result(iq, None),
        Err(condition) => refuse(iq, condition),
    }
}

fn refuse(iq: &Element, condition: Condition) -> Element {
    stanza::error_reply(iq, &StanzaError::new(condition))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::participant::features;

    fn ask(kind: IqType, from: &str, payload: Element) -> (Element, Option<Box<Jingle>>) {
        let focus = FullJid::new("r@muc.x/focus").unwrap();
        let iq = stanza::iq(kind, "1", None, Some(payload)).with_attr("from", from);
        answer(&iq, Some(&focus), &features::info())
    }

    #[test]
    fn anybody_may_ask_what_a_client_can_do_and_only_the_focus_may_offer_sessions() {
        let node = Some("https://x#y");
        let (info, _) = ask(IqType::Get, "r@muc.x/aa", disco::info_request(node));
        let query = stanza::payload(&info).unwrap();
        assert_eq!(query.attr("node"), node);
        assert!(
            Info::try_from(query)
                .unwrap()
                .has_feature(ns::feature::SSRC_REWRITING)
        );
        let jingle = || {
            xmpp::xml::element("jingle", ns::JINGLE)
                .with_attr("action", "session-initiate")
                .with_attr("sid", "s")
        };
        assert!(ask(IqType::Set, "r@muc.x/focus", jingle()).1.is_some());
        let (error, taken) = ask(IqType::Set, "r@muc.x/aa", jingle());
        assert!(taken.is_none());
        assert_eq!(
            stanza::error_of(&error).unwrap().condition,
            Condition::ServiceUnavailable
        );
    }
}
