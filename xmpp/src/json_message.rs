//! `<json-message xmlns='http://jitsi.org/jitmeet'/>`: JSON inside a stanza.
//!
//! In messages it carries what room components tell clients and focus: a JSON object with a
//! `type`. In Jingle it carries sources: see [`crate::source::json`].

use serde_json::{Map, Value};

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// A JSON object with its element's `room` attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonMessage {
    /// Room that it is about, where the sender says so.
    pub room: Option<String>,
    /// The object.
    pub content: Map<String, Value>,
}

impl JsonMessage {
    /// A message of a type, with no other keys.
    pub fn new(kind: &str) -> Self {
        Self {
            room: None,
            content: Map::from_iter([("type".to_owned(), Value::from(kind))]),
        }
    }

    /// The message with a key set.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.content.insert(key.to_owned(), value.into());
        self
    }

    /// The message with the `room` attribute set.
    #[must_use]
    pub fn in_room(mut self, room: impl Into<String>) -> Self {
        self.room = Some(room.into());
        self
    }

    /// The `type` key.
    pub fn kind(&self) -> Option<&str> {
        self.content.get("type").and_then(Value::as_str)
    }
}

impl TryFrom<&Element> for JsonMessage {
    type Error = ParseError;

    fn try_from(message: &Element) -> Result<Self, ParseError> {
        message.expect_is("json-message", ns::JITMEET)?;
        Ok(Self {
            room: message.optional("room"),
            content: serde_json::from_str(&message.text())
                .map_err(|error| ParseError::content(message, error))?,
        })
    }
}

impl From<&JsonMessage> for Element {
    fn from(message: &JsonMessage) -> Self {
        element("json-message", ns::JITMEET)
            .with_opt("room", message.room.as_deref())
            .with_text(
                serde_json::to_string(&message.content)
                    .expect("maps with string keys always serialise"),
            )
    }
}
