//! Endpoints and relays of a Colibri2 request or answer.

use super::media::{self, Media, MediaSource};
use super::transport::Transport;
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The largest accepted numbers of children.
const MAX_MEDIA: usize = 8;
const MAX_CAPABILITIES: usize = 32;
const MAX_RELAYED_ENDPOINTS: usize = 2048;

/// Names of capabilities of endpoints.
pub mod capability {
    /// Sources carry names; mandatory when an endpoint is created.
    pub const SOURCE_NAMES: &str = "source-names";
    /// The bridge rewrites SSRCs towards this endpoint.
    pub const SSRC_REWRITING: &str = "ssrc-rewriting";
    /// Demultiplexing by MID; only together with SSRC rewriting.
    pub const RTP_MID_DEMUX: &str = "rtp-mid-demux";
    /// The endpoint can be reached on private addresses.
    pub const PRIVATE_ADDRESSES: &str = "private-address-connectivity";
}

/// Forced mute of an endpoint; what is absent stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForceMute {
    /// Drop its audio.
    pub audio: Option<bool>,
    /// Drop its video.
    pub video: Option<bool>,
}

impl TryFrom<&Element> for ForceMute {
    type Error = ParseError;

    fn try_from(mute: &Element) -> Result<Self, ParseError> {
        mute.expect_is("force-mute", ns::COLIBRI2)?;
        Ok(Self {
            audio: mute.flag("audio")?,
            video: mute.flag("video")?,
        })
    }
}

impl From<&ForceMute> for Element {
    fn from(mute: &ForceMute) -> Self {
        element("force-mute", ns::COLIBRI2)
            .with_opt("audio", mute.audio)
            .with_opt("video", mute.video)
    }
}

/// An `<endpoint/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Endpoint id: the participant's nick in the room.
    pub id: String,
    /// Create it.
    pub create: bool,
    /// Expire it; in an answer: it is expired.
    pub expire: bool,
    /// Name in statistics.
    pub stats_id: Option<String>,
    /// `visitor`, or absent for a participant.
    pub muc_role: Option<String>,
    /// Speakers of its audio shall be told apart in transcripts.
    pub diarize: bool,
    /// What it can receive.
    pub media: Vec<Media>,
    /// ICE, DTLS and SCTP of this endpoint; absent where nothing changes.
    pub transport: Option<Transport>,
    /// Everything that it sends: a full state, not a difference. `None`: no `<sources/>` element,
    /// nothing changes.
    pub sources: Option<Vec<MediaSource>>,
    /// Which media nobody gets, whatever comes.
    pub force_mute: Option<ForceMute>,
    /// How many video streams it wants at first. −1: no limit.
    pub initial_last_n: Option<i32>,
    /// Capabilities; see [`capability`].
    pub capabilities: Vec<String>,
}

impl Endpoint {
    /// An endpoint with its id only.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            ..Self::default()
        }
    }

    /// Whether the endpoint has a capability.
    pub fn has_capability(&self, name: &str) -> bool {
        self.capabilities
            .iter()
            .any(|capability| capability == name)
    }

    /// Whether it is a visitor, who receives and does not send.
    pub fn is_visitor(&self) -> bool {
        self.muc_role
            .as_deref()
            .is_some_and(|role| role.eq_ignore_ascii_case("visitor"))
    }
}

impl TryFrom<&Element> for Endpoint {
    type Error = ParseError;

    fn try_from(endpoint: &Element) -> Result<Self, ParseError> {
        endpoint.expect_is("endpoint", ns::COLIBRI2)?;
        let mut capabilities = Vec::new();
        for capability in endpoint.children_named("capability", ns::COLIBRI2) {
            if capabilities.len() == MAX_CAPABILITIES {
                return Err(ParseError::TooMany {
                    element: "endpoint".to_owned(),
                    child: "capability",
                    limit: MAX_CAPABILITIES,
                });
            }
            capabilities.push(capability.required("name")?.to_owned());
        }
        let initial_last_n = match endpoint.get_child("initial-last-n", ns::COLIBRI2) {
            Some(child) => Some(child.required_as("value")?),
            None => None,
        };
        Ok(Self {
            id: endpoint.required("id")?.to_owned(),
            create: endpoint.flag("create")?.unwrap_or(false),
            expire: endpoint.flag("expire")?.unwrap_or(false),
            stats_id: endpoint.optional("stats-id"),
            muc_role: endpoint.optional("muc-role"),
            diarize: endpoint.flag("diarize")?.unwrap_or(false),
            media: endpoint.views("media", ns::COLIBRI2, MAX_MEDIA)?,
            transport: endpoint.view("transport", ns::COLIBRI2)?,
            sources: media::sources_of(endpoint)?,
            force_mute: endpoint.view("force-mute", ns::COLIBRI2)?,
            initial_last_n,
            capabilities,
        })
    }
}

impl From<&Endpoint> for Element {
    fn from(endpoint: &Endpoint) -> Self {
        let mut out = element("endpoint", ns::COLIBRI2)
            .with_attr("id", &endpoint.id)
            .with_flag("create", endpoint.create)
            .with_flag("expire", endpoint.expire)
            .with_opt("stats-id", endpoint.stats_id.as_deref())
            .with_opt("muc-role", endpoint.muc_role.as_deref())
            .with_flag("diarize", endpoint.diarize)
            .with_children(&endpoint.media)
            .with_children(&endpoint.transport)
            .with_children(endpoint.sources.as_deref().map(media::sources_element))
            .with_children(&endpoint.force_mute);
        if let Some(value) = endpoint.initial_last_n {
            out.append_child(element("initial-last-n", ns::COLIBRI2).with_attr("value", value));
        }
        out.with_children(
            endpoint
                .capabilities
                .iter()
                .map(|name| element("capability", ns::COLIBRI2).with_attr("name", name)),
        )
    }
}

/// A `<relay/>`: a link to another bridge of the conference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relay {
    /// Relay id of the other bridge.
    pub id: String,
    /// Create it.
    pub create: bool,
    /// Expire it; in an answer: it is expired.
    pub expire: bool,
    /// Mesh that the link belongs to.
    pub mesh_id: Option<String>,
    /// Codecs that may cross the link.
    pub media: Vec<Media>,
    /// ICE, DTLS and SCTP of the bridge for this endpoint.
    pub transport: Option<Transport>,
    /// Endpoints on the other side, to create, update or expire. `None`: no `<endpoints/>`
    /// element.
    pub endpoints: Option<Vec<Endpoint>>,
}

impl Relay {
    /// A relay with its id only.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            ..Self::default()
        }
    }
}

impl TryFrom<&Element> for Relay {
    type Error = ParseError;

    fn try_from(relay: &Element) -> Result<Self, ParseError> {
        relay.expect_is("relay", ns::COLIBRI2)?;
        let endpoints = match relay.get_child("endpoints", ns::COLIBRI2) {
            Some(endpoints) => {
                Some(endpoints.views("endpoint", ns::COLIBRI2, MAX_RELAYED_ENDPOINTS)?)
            }
            None => None,
        };
        Ok(Self {
            id: relay.required("id")?.to_owned(),
            create: relay.flag("create")?.unwrap_or(false),
            expire: relay.flag("expire")?.unwrap_or(false),
            mesh_id: relay.optional("mesh-id"),
            media: relay.views("media", ns::COLIBRI2, MAX_MEDIA)?,
            transport: relay.view("transport", ns::COLIBRI2)?,
            endpoints,
        })
    }
}

impl From<&Relay> for Element {
    fn from(relay: &Relay) -> Self {
        let mut out = element("relay", ns::COLIBRI2)
            .with_attr("id", &relay.id)
            .with_flag("create", relay.create)
            .with_flag("expire", relay.expire)
            .with_opt("mesh-id", relay.mesh_id.as_deref())
            .with_children(&relay.media)
            .with_children(&relay.transport);
        if let Some(endpoints) = &relay.endpoints {
            out.append_child(element("endpoints", ns::COLIBRI2).with_children(endpoints));
        }
        out
    }
}
