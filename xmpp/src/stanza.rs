//! IQ, message and presence: builders, replies and accessors (RFC 6120 §8).

mod error;

pub use error::{Condition, ErrorType, StanzaError};

use std::fmt;
use std::str::FromStr;

use crate::xml::{ElementExt, element};
use crate::{Element, Jid, ns};

/// Type of an IQ stanza (RFC 6120 §8.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IqType {
    /// Asks for information.
    Get,
    /// Asks for a change.
    Set,
    /// Answers with success.
    Result,
    /// Answers with an error.
    Error,
}

impl IqType {
    /// The value of the `type` attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Result => "result",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for IqType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for IqType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "get" => Ok(Self::Get),
            "set" => Ok(Self::Set),
            "result" => Ok(Self::Result),
            "error" => Ok(Self::Error),
            _ => Err(()),
        }
    }
}

/// A new, unguessable stanza id (RFC 6120 §8.1.3).
pub fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// An IQ with everything given. `to` and `from` are left out where `None`.
pub fn iq(kind: IqType, id: &str, to: Option<&Jid>, payload: Option<Element>) -> Element {
    let mut iq = element("iq", ns::CLIENT)
        .with_attr("type", kind)
        .with_attr("id", id)
        .with_opt("to", to);
    if let Some(payload) = payload {
        iq.append_child(payload);
    }
    iq
}

/// An IQ of type get to `to`, with a new id.
pub fn iq_get(to: &Jid, payload: impl Into<Element>) -> Element {
    iq(IqType::Get, &new_id(), Some(to), Some(payload.into()))
}

/// An IQ of type set to `to`, with a new id.
pub fn iq_set(to: &Jid, payload: impl Into<Element>) -> Element {
    iq(IqType::Set, &new_id(), Some(to), Some(payload.into()))
}

/// The result of `request`: same id, `to` and `from` exchanged.
pub fn iq_result(request: &Element, payload: Option<Element>) -> Element {
    let mut reply = reply_to(request, "iq");
    reply.put_attr("type", IqType::Result);
    if let Some(payload) = payload {
        reply.append_child(payload);
    }
    reply
}

/// The error answer to `stanza`: same name and id, type `error`, `to` and `from` exchanged. The
/// offending payload is not echoed (RFC 6120 §8.3.1 permits this), so that an attacker gains no
/// amplification. A stanza that is an error itself must not be answered: see [`may_be_answered`].
pub fn error_reply(stanza: &Element, error: &StanzaError) -> Element {
    let mut reply = reply_to(stanza, stanza.name());
    reply.put_attr("type", "error");
    reply.append_child(error.into());
    reply
}

fn reply_to(stanza: &Element, name: &str) -> Element {
    element(name, ns::CLIENT)
        .with_opt("id", stanza.attr("id"))
        .with_opt("to", stanza.attr("from"))
        .with_opt("from", stanza.attr("to"))
}

/// Whether an error may be sent in answer: not to errors, not to IQ results (RFC 6120 §8.3.1,
/// §8.2.3).
pub fn may_be_answered(stanza: &Element) -> bool {
    match stanza.attr("type") {
        Some("error") => false,
        Some("result") => stanza.name() != "iq",
        _ => true,
    }
}

/// A message to `to`. `kind` is `chat`, `groupchat`, `normal`, …; `None` leaves the type out.
pub fn message(to: &Jid, kind: Option<&str>) -> Element {
    element("message", ns::CLIENT)
        .with_attr("to", to)
        .with_opt("type", kind)
}

/// A message with a `<body/>`.
pub fn message_with_body(to: &Jid, kind: Option<&str>, body: &str) -> Element {
    message(to, kind).with_child(element("body", ns::CLIENT).with_text(body))
}

/// An available presence to `to`.
pub fn presence(to: &Jid) -> Element {
    element("presence", ns::CLIENT).with_attr("to", to)
}

/// An unavailable presence to `to`.
pub fn presence_unavailable(to: &Jid) -> Element {
    presence(to).with_attr("type", "unavailable")
}

/// Whether the element is an `<iq/>` of the client namespace.
pub fn is_iq(stanza: &Element) -> bool {
    stanza.is("iq", ns::CLIENT)
}

/// Whether the element is a `<message/>` of the client namespace.
pub fn is_message(stanza: &Element) -> bool {
    stanza.is("message", ns::CLIENT)
}

/// Whether the element is a `<presence/>` of the client namespace.
pub fn is_presence(stanza: &Element) -> bool {
    stanza.is("presence", ns::CLIENT)
}

/// Whether the element is a stanza: counted by stream management, routed, answered with stanza
/// errors. Everything else belongs to the stream (RFC 6120 §8).
pub fn is_stanza(element: &Element) -> bool {
    is_iq(element) || is_message(element) || is_presence(element)
}

/// Type of an IQ; `None` if the element is no IQ or its type is none of the four.
pub fn iq_type(stanza: &Element) -> Option<IqType> {
    if is_iq(stanza) {
        stanza.attr("type")?.parse().ok()
    } else {
        None
    }
}

/// The `id` attribute.
pub fn id(stanza: &Element) -> Option<&str> {
    stanza.attr("id")
}

/// The `to` attribute as a JID; `None` if it is absent or no JID.
pub fn to(stanza: &Element) -> Option<Jid> {
    Jid::new(stanza.attr("to")?).ok()
}

/// The `from` attribute as a JID; `None` if it is absent or no JID.
pub fn from(stanza: &Element) -> Option<Jid> {
    Jid::new(stanza.attr("from")?).ok()
}

/// The first child element that is not `<error/>`: what an IQ asks or answers.
pub fn payload(stanza: &Element) -> Option<&Element> {
    stanza
        .children()
        .find(|child| !child.is("error", ns::CLIENT))
}

/// The stanza error inside a stanza of type `error`. An error whose content cannot be understood
/// counts as `undefined-condition`; `None` if the stanza is no error.
pub fn error_of(stanza: &Element) -> Option<StanzaError> {
    if stanza.attr("type") != Some("error") {
        return None;
    }
    Some(
        stanza
            .get_child("error", ns::CLIENT)
            .and_then(|error| StanzaError::try_from(error).ok())
            .unwrap_or_else(|| StanzaError::new(Condition::UndefinedCondition)),
    )
}
