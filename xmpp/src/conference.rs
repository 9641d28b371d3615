//! The conference request, by which a client asks the focus to serve a room, in its XML and JSON
//! forms, and what the focus publishes in its presence ([`focus_presence`]).

pub mod focus_presence;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The largest accepted number of properties.
const MAX_PROPERTIES: usize = 128;

/// Properties by name, in the order of names.
pub type Properties = BTreeMap<String, String>;

/// A request: `<conference xmlns='http://jitsi.org/protocol/focus'/>` in an IQ set, or the body of
/// `POST /conference-request/v1`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConferenceRequest {
    /// Room: a bare MUC JID.
    pub room: String,
    /// Id of the client's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_uid: Option<String>,
    /// Session id of an earlier login; a bearer secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Who the client is, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Token (JWT); over HTTP it comes in the `Authorization` header.
    #[serde(skip)]
    pub token: Option<String>,
    /// Wishes: `startAudioMuted`, `startVideoMuted`, `rtcstatsEnabled`, `visitors-version`,
    /// `visitor`, ….
    #[serde(default)]
    pub properties: Properties,
}

impl std::fmt::Debug for ConferenceRequest {
    /// Leaves out session id and token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConferenceRequest")
            .field("room", &self.room)
            .field("machine_uid", &self.machine_uid)
            .field("properties", &self.properties)
            .finish_non_exhaustive()
    }
}

impl ConferenceRequest {
    /// A request without properties.
    pub fn new(room: impl Into<String>) -> Self {
        Self {
            room: room.into(),
            ..Self::default()
        }
    }

    /// A property that is a number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.properties.get(name)?.trim().parse().ok()
    }

    /// A property that is a boolean.
    pub fn flag(&self, name: &str) -> Option<bool> {
        crate::xml::parse_bool(self.properties.get(name)?)
    }
}

impl TryFrom<&Element> for ConferenceRequest {
    type Error = ParseError;

    fn try_from(conference: &Element) -> Result<Self, ParseError> {
        conference.expect_is("conference", ns::FOCUS)?;
        Ok(Self {
            room: conference.required("room")?.to_owned(),
            machine_uid: conference.optional("machine-uid"),
            session_id: conference.optional("session-id"),
            identity: conference.optional("identity"),
            token: conference.optional("token"),
            properties: properties_of(conference, "name")?,
        })
    }
}

impl From<&ConferenceRequest> for Element {
    fn from(request: &ConferenceRequest) -> Self {
        element("conference", ns::FOCUS)
            .with_attr("room", &request.room)
            .with_opt("machine-uid", request.machine_uid.as_deref())
            .with_opt("session-id", request.session_id.as_deref())
            .with_opt("identity", request.identity.as_deref())
            .with_opt("token", request.token.as_deref())
            .with_children(property_elements(&request.properties, "name"))
    }
}

/// The answer to a request.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConferenceAnswer {
    /// Bare address of the room.
    pub room: String,
    /// Whether the room can be joined at once.
    pub ready: bool,
    /// Bare JID of the focus; occupants recognise it by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focus_jid: Option<String>,
    /// Visitor node that the client is to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnode: Option<String>,
    /// Session id of the login; a bearer secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Who the client is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// What the focus offers: `authentication`, `visitors-supported`, ….
    #[serde(default)]
    pub properties: Properties,
}

impl std::fmt::Debug for ConferenceAnswer {
    /// Leaves out the session id.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConferenceAnswer")
            .field("room", &self.room)
            .field("ready", &self.ready)
            .field("focus_jid", &self.focus_jid)
            .field("vnode", &self.vnode)
            .field("properties", &self.properties)
            .finish_non_exhaustive()
    }
}

impl TryFrom<&Element> for ConferenceAnswer {
    type Error = ParseError;

    fn try_from(conference: &Element) -> Result<Self, ParseError> {
        conference.expect_is("conference", ns::FOCUS)?;
        Ok(Self {
            room: conference.required("room")?.to_owned(),
            ready: conference.flag("ready")?.unwrap_or(false),
            focus_jid: conference.optional("focusjid"),
            vnode: conference.optional("vnode"),
            session_id: conference.optional("session-id"),
            identity: conference.optional("identity"),
            properties: properties_of(conference, "name")?,
        })
    }
}

impl From<&ConferenceAnswer> for Element {
    fn from(answer: &ConferenceAnswer) -> Self {
        element("conference", ns::FOCUS)
            .with_attr("ready", answer.ready)
            .with_opt("focusjid", answer.focus_jid.as_deref())
            .with_attr("room", &answer.room)
            .with_opt("vnode", answer.vnode.as_deref())
            .with_opt("session-id", answer.session_id.as_deref())
            .with_opt("identity", answer.identity.as_deref())
            .with_children(property_elements(&answer.properties, "name"))
    }
}

/// Reads `<property/>` children; the name is in the attribute `key_attribute`.
fn properties_of(parent: &Element, key_attribute: &'static str) -> Result<Properties, ParseError> {
    let mut properties = Properties::new();
    for property in parent.children_named("property", ns::FOCUS) {
        if properties.len() == MAX_PROPERTIES {
            return Err(ParseError::TooMany {
                element: parent.name().to_owned(),
                child: "property",
                limit: MAX_PROPERTIES,
            });
        }
        properties.insert(
            property.required(key_attribute)?.to_owned(),
            property.attr("value").unwrap_or_default().to_owned(),
        );
    }
    Ok(properties)
}

fn property_elements<'a>(
    properties: &'a Properties,
    key_attribute: &'a str,
) -> impl Iterator<Item = Element> + 'a {
    properties.iter().map(move |(name, value)| {
        element("property", ns::FOCUS)
            .with_attr(key_attribute, name)
            .with_attr("value", value)
    })
}
