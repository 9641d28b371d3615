//! Colibri2: the focus tells a bridge about conferences, endpoints and relays
//! (`xmlns='jitsi:colibri2'`).
//!
//! A [`ConferenceModify`] in an IQ of type get is answered by a [`ConferenceModified`], or by a
//! stanza error with a [`Colibri2Error`] inside.

mod connect;
mod endpoint;
mod error;
mod media;
mod transport;

pub use connect::{Connect, HttpHeader};
pub use endpoint::{Endpoint, ForceMute, Relay, capability};
pub use error::{Colibri2Error, ErrorReason};
pub use media::{Media, MediaSource};
pub use transport::{Sctp, SctpRole, Transport};

use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The largest accepted numbers of children.
const MAX_ENDPOINTS: usize = 2048;
const MAX_RELAYS: usize = 256;
const MAX_CONNECTS: usize = 16;

/// A `<conference-modify/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConferenceModify {
    /// Id of the meeting, the same on all bridges of a conference.
    pub meeting_id: String,
    /// Room JID, when the conference is created.
    pub name: Option<String>,
    /// Create the conference.
    pub create: bool,
    /// Expire the conference.
    pub expire: bool,
    /// Whether statistics of calls may be collected.
    pub rtcstats_enabled: Option<bool>,
    /// Endpoints to create, update or expire.
    pub endpoints: Vec<Endpoint>,
    /// Relays to create, update or expire.
    pub relays: Vec<Relay>,
    /// Media exports. `None`: no `<connects/>` element.
    pub connects: Option<Vec<Connect>>,
}

impl ConferenceModify {
    /// A request about a meeting with nothing in it.
    pub fn new(meeting_id: impl Into<String>) -> Self {
        Self {
            meeting_id: meeting_id.into(),
            ..Self::default()
        }
    }
}

impl TryFrom<&Element> for ConferenceModify {
    type Error = ParseError;

    fn try_from(modify: &Element) -> Result<Self, ParseError> {
        modify.expect_is("conference-modify", ns::COLIBRI2)?;
        let connects = match modify.get_child("connects", ns::COLIBRI2) {
            Some(connects) => Some(connects.views("connect", ns::COLIBRI2, MAX_CONNECTS)?),
            None => None,
        };
        Ok(Self {
            meeting_id: modify.required("meeting-id")?.to_owned(),
            name: modify.optional("name"),
            create: modify.flag("create")?.unwrap_or(false),
            expire: modify.flag("expire")?.unwrap_or(false),
            rtcstats_enabled: modify.flag("rtcstats-enabled")?,
            endpoints: modify.views("endpoint", ns::COLIBRI2, MAX_ENDPOINTS)?,
            relays: modify.views("relay", ns::COLIBRI2, MAX_RELAYS)?,
            connects,
        })
    }
}

impl From<&ConferenceModify> for Element {
    fn from(modify: &ConferenceModify) -> Self {
        let mut out = element("conference-modify", ns::COLIBRI2)
            .with_attr("meeting-id", &modify.meeting_id)
            .with_opt("name", modify.name.as_deref())
            .with_opt("rtcstats-enabled", modify.rtcstats_enabled)
            .with_flag("create", modify.create)
            .with_flag("expire", modify.expire)
            .with_children(&modify.endpoints)
            .with_children(&modify.relays);
        if let Some(connects) = &modify.connects {
            out.append_child(element("connects", ns::COLIBRI2).with_children(connects));
        }
        out
    }
}

/// A `<conference-modified/>`: one endpoint or relay for each one that was asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConferenceModified {
    /// Endpoints: id, `expire`, and the transport where one was made or restarted.
    pub endpoints: Vec<Endpoint>,
    /// Relays, likewise.
    pub relays: Vec<Relay>,
    /// Sources of the bridge itself, when a conference or endpoint was created. `None`: no
    /// `<sources/>` element.
    pub sources: Option<Vec<MediaSource>>,
}

impl TryFrom<&Element> for ConferenceModified {
    type Error = ParseError;

    fn try_from(modified: &Element) -> Result<Self, ParseError> {
        modified.expect_is("conference-modified", ns::COLIBRI2)?;
        Ok(Self {
            endpoints: modified.views("endpoint", ns::COLIBRI2, MAX_ENDPOINTS)?,
            relays: modified.views("relay", ns::COLIBRI2, MAX_RELAYS)?,
            sources: media::sources_of(modified)?,
        })
    }
}

impl From<&ConferenceModified> for Element {
    fn from(modified: &ConferenceModified) -> Self {
        element("conference-modified", ns::COLIBRI2)
            .with_children(&modified.endpoints)
            .with_children(&modified.relays)
            .with_children(modified.sources.as_deref().map(media::sources_element))
    }
}
