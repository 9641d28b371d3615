//! Messages between clients, which the bridge passes on.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A message to one endpoint or to all. Fields that are not known here are passed on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Fields")]
pub struct EndpointMessage {
    /// Receiver; empty or absent: all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Sender; the bridge writes it, whatever the client wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// All other fields, `msgPayload` among them.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl EndpointMessage {
    /// Whether it goes to all others.
    pub fn is_broadcast(&self) -> bool {
        self.to.as_deref().is_none_or(str::is_empty)
    }

    /// `msgPayload`, whose shape is between clients.
    pub fn payload(&self) -> Option<&Value> {
        self.fields.get("msgPayload")
    }
}

/// Statistics that a client sends. All its fields are passed on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "StatsFields")]
pub struct EndpointStats {
    /// Sender; the bridge writes it, whatever the client wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// All other fields.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

#[derive(Deserialize)]
struct Fields {
    to: Option<String>,
    from: Option<String>,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl From<Fields> for EndpointMessage {
    fn from(mut message: Fields) -> Self {
        message.fields.remove("colibriClass");
        Self {
            to: message.to,
            from: message.from,
            fields: message.fields,
        }
    }
}

#[derive(Deserialize)]
struct StatsFields {
    from: Option<String>,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl From<StatsFields> for EndpointStats {
    fn from(mut stats: StatsFields) -> Self {
        stats.fields.remove("colibriClass");
        Self {
            from: stats.from,
            fields: stats.fields,
        }
    }
}
