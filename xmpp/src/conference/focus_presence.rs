//! What the focus adds to its presence in a room.

use super::{Properties, properties_of, property_elements};
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// Names of conference properties that clients act on.
pub mod property {
    /// A client may ask for a new session with session-terminate.
    pub const SUPPORT_TERMINATE_RESTART: &str = "support-terminate-restart";
    /// Number of bridges of the conference.
    pub const BRIDGE_COUNT: &str = "bridge-count";
    /// Visitors are possible.
    pub const VISITORS_ENABLED: &str = "visitors-enabled";
    /// Number of visitors.
    pub const VISITOR_COUNT: &str = "visitor-count";
    /// Codecs of visitors, in order of preference.
    pub const VISITOR_CODECS: &str = "visitor-codecs";
    /// When the conference began, in ms since 1970.
    pub const CREATED_MS: &str = "created-ms";
    /// The largest number of audio senders is reached.
    pub const AUDIO_LIMIT_REACHED: &str = "audio-limit-reached";
    /// The largest number of video senders is reached.
    pub const VIDEO_LIMIT_REACHED: &str = "video-limit-reached";
}

/// Extensions of the focus's presence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FocusPresence {
    /// Name of the room's shared document.
    pub etherpad: Option<String>,
    /// Versions of components, name and version.
    pub versions: Vec<(String, String)>,
    /// Properties of the conference; see [`property`].
    pub properties: Properties,
    /// No bridge can be had.
    pub bridge_not_available: bool,
}

impl FocusPresence {
    /// The elements to put into a presence.
    pub fn to_elements(&self) -> Vec<Element> {
        let mut out = Vec::new();
        if let Some(name) = &self.etherpad {
            out.push(element("etherpad", ns::ETHERPAD).with_text(name));
        }
        if !self.versions.is_empty() {
            out.push(
                element("versions", ns::JITMEET).with_children(self.versions.iter().map(
                    |(name, version)| {
                        element("component", ns::JITMEET)
                            .with_attr("name", name)
                            .with_text(version)
                    },
                )),
            );
        }
        if !self.properties.is_empty() {
            out.push(
                element("conference-properties", ns::FOCUS)
                    .with_children(property_elements(&self.properties, "key")),
            );
        }
        if self.bridge_not_available {
            out.push(element("bridgeNotAvailable", ns::FOCUS));
        }
        out
    }

    /// Reads the extensions out of a presence.
    ///
    /// # Errors
    /// [`ParseError`] if a property has no key.
    pub fn from_presence(presence: &Element) -> Result<Self, ParseError> {
        Ok(Self {
            etherpad: presence
                .get_child("etherpad", ns::ETHERPAD)
                .map(Element::text),
            versions: presence
                .get_child("versions", ns::JITMEET)
                .map(|versions| {
                    versions
                        .children_named("component", ns::JITMEET)
                        .filter_map(|c| Some((c.optional("name")?, c.text())))
                        .collect()
                })
                .unwrap_or_default(),
            properties: match presence.get_child("conference-properties", ns::FOCUS) {
                Some(properties) => properties_of(properties, "key")?,
                None => Properties::new(),
            },
            bridge_not_available: presence.has_child("bridgeNotAvailable", ns::FOCUS),
        })
    }
}
