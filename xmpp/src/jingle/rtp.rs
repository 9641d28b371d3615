//! RTP descriptions: XEP-0167 with feedback (XEP-0293), header extensions (XEP-0294) and sources
//! (XEP-0339). Colibri2's `<media/>` uses the same parts.

use crate::source::ssma::OwnedSource;
use crate::source::{MediaType, SsrcGroup};
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The largest accepted numbers of children, each well above what any client sends.
pub(crate) const MAX_PAYLOAD_TYPES: usize = 128;
pub(crate) const MAX_HDREXTS: usize = 256;
const MAX_PARAMETERS: usize = 64;
const MAX_FEEDBACK: usize = 64;
const MAX_SOURCES: usize = 8192;

/// A `<payload-type/>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadType {
    /// RTP payload type, 0–127.
    pub id: u8,
    /// Encoding name (`opus`, `VP8`, `rtx`); letters in either case mean the same.
    pub name: String,
    /// Clock rate in Hz; 0 if the sender left it out.
    pub clockrate: u32,
    /// Number of channels; 1 if the sender left it out.
    pub channels: u8,
    /// Format parameters in the sender's order; a parameter may have no name (RED).
    pub parameters: Vec<(String, String)>,
    /// RTCP feedback.
    pub rtcp_fb: Vec<RtcpFb>,
}

impl PayloadType {
    /// A payload type with one channel and no parameters.
    pub fn new(id: u8, name: impl Into<String>, clockrate: u32) -> Self {
        Self {
            id,
            name: name.into(),
            clockrate,
            channels: 1,
            parameters: Vec::new(),
            rtcp_fb: Vec::new(),
        }
    }

    /// The payload type with a number of channels.
    #[must_use]
    pub fn with_channels(mut self, channels: u8) -> Self {
        self.channels = channels;
        self
    }

    /// The payload type with a parameter added.
    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// The payload type with a kind of feedback added.
    #[must_use]
    pub fn with_feedback(mut self, kind: &str, subtype: Option<&str>) -> Self {
        self.rtcp_fb.push(RtcpFb {
            kind: kind.to_owned(),
            subtype: subtype.map(str::to_owned),
        });
        self
    }

    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a kind of feedback is there.
    pub fn has_feedback(&self, kind: &str, subtype: Option<&str>) -> bool {
        self.rtcp_fb
            .iter()
            .any(|fb| fb.kind == kind && fb.subtype.as_deref() == subtype)
    }
}

impl TryFrom<&Element> for PayloadType {
    type Error = ParseError;

    fn try_from(payload: &Element) -> Result<Self, ParseError> {
        payload.expect_is("payload-type", ns::JINGLE_RTP)?;
        let id: u8 = payload.required_as("id")?;
        if id > 127 {
            return Err(ParseError::invalid(payload, "id"));
        }
        let mut parameters = Vec::new();
        for parameter in payload.children_named("parameter", ns::JINGLE_RTP) {
            if parameters.len() == MAX_PARAMETERS {
                return Err(ParseError::TooMany {
                    element: "payload-type".to_owned(),
                    child: "parameter",
                    limit: MAX_PARAMETERS,
                });
            }
            parameters.push((
                parameter.attr("name").unwrap_or_default().to_owned(),
                parameter.attr("value").unwrap_or_default().to_owned(),
            ));
        }
        Ok(Self {
            id,
            name: payload.attr("name").unwrap_or_default().to_owned(),
            clockrate: payload.optional_as("clockrate")?.unwrap_or(0),
            channels: payload.optional_as("channels")?.unwrap_or(1),
            parameters,
            rtcp_fb: payload.views("rtcp-fb", ns::JINGLE_RTCP_FB, MAX_FEEDBACK)?,
        })
    }
}

impl From<&PayloadType> for Element {
    fn from(payload: &PayloadType) -> Self {
        element("payload-type", ns::JINGLE_RTP)
            .with_attr("id", payload.id)
            .with_attr("name", &payload.name)
            .with_attr("clockrate", payload.clockrate)
            .with_opt(
                "channels",
                (payload.channels != 1).then_some(payload.channels),
            )
            .with_children(payload.parameters.iter().map(|(name, value)| {
                let parameter = element("parameter", ns::JINGLE_RTP);
                let name = (!name.is_empty()).then_some(name);
                parameter.with_opt("name", name).with_attr("value", value)
            }))
            .with_children(&payload.rtcp_fb)
    }
}

/// An `<rtcp-fb/>` (RFC 4585).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RtcpFb {
    /// `nack`, `ccm`, `transport-cc`, `goog-remb`.
    pub kind: String,
    /// `pli`, `fir`.
    pub subtype: Option<String>,
}

impl TryFrom<&Element> for RtcpFb {
    type Error = ParseError;

    fn try_from(feedback: &Element) -> Result<Self, ParseError> {
        feedback.expect_is("rtcp-fb", ns::JINGLE_RTCP_FB)?;
        Ok(Self {
            kind: feedback.required("type")?.to_owned(),
            subtype: feedback.optional("subtype"),
        })
    }
}

impl From<&RtcpFb> for Element {
    fn from(feedback: &RtcpFb) -> Self {
        element("rtcp-fb", ns::JINGLE_RTCP_FB)
            .with_attr("type", &feedback.kind)
            .with_opt("subtype", feedback.subtype.as_deref())
    }
}

/// An `<rtp-hdrext/>` (RFC 8285).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HdrExt {
    /// Extension id, 1–255 (1–14 in the one-byte form).
    pub id: u8,
    /// What it means.
    pub uri: String,
}

impl HdrExt {
    /// A header extension.
    pub fn new(id: u8, uri: impl Into<String>) -> Self {
        Self {
            id,
            uri: uri.into(),
        }
    }
}

impl TryFrom<&Element> for HdrExt {
    type Error = ParseError;

    fn try_from(extension: &Element) -> Result<Self, ParseError> {
        extension.expect_is("rtp-hdrext", ns::JINGLE_HDREXT)?;
        let id: u8 = extension.required_as("id")?;
        if id == 0 {
            return Err(ParseError::invalid(extension, "id"));
        }
        Ok(Self {
            id,
            uri: extension.required("uri")?.to_owned(),
        })
    }
}

impl From<&HdrExt> for Element {
    fn from(extension: &HdrExt) -> Self {
        element("rtp-hdrext", ns::JINGLE_HDREXT)
            .with_attr("id", extension.id)
            .with_attr("uri", &extension.uri)
    }
}

/// A `<description xmlns='urn:xmpp:jingle:apps:rtp:1'/>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpDescription {
    /// Kind of media; absent where the sender left it out.
    pub media: Option<MediaType>,
    /// Longest packet in ms.
    pub maxptime: Option<u32>,
    /// Codecs in order of preference.
    pub payload_types: Vec<PayloadType>,
    /// Header extensions.
    pub hdrexts: Vec<HdrExt>,
    /// One-byte and two-byte header extensions may be mixed (RFC 8285 §6).
    pub extmap_allow_mixed: bool,
    /// RTP and RTCP share one port (RFC 5761).
    pub rtcp_mux: bool,
    /// Sources in the XML form.
    pub sources: Vec<OwnedSource>,
    /// Groups of them.
    pub ssrc_groups: Vec<SsrcGroup>,
}

impl RtpDescription {
    /// A description of one kind of media with nothing in it.
    pub fn new(media: MediaType) -> Self {
        Self {
            media: Some(media),
            maxptime: None,
            payload_types: Vec::new(),
            hdrexts: Vec::new(),
            extmap_allow_mixed: false,
            rtcp_mux: false,
            sources: Vec::new(),
            ssrc_groups: Vec::new(),
        }
    }
}

impl TryFrom<&Element> for RtpDescription {
    type Error = ParseError;

    fn try_from(description: &Element) -> Result<Self, ParseError> {
        description.expect_is("description", ns::JINGLE_RTP)?;
        Ok(Self {
            media: description.optional_as("media")?,
            maxptime: description.optional_as("maxptime")?,
            payload_types: description.views("payload-type", ns::JINGLE_RTP, MAX_PAYLOAD_TYPES)?,
            hdrexts: description.views("rtp-hdrext", ns::JINGLE_HDREXT, MAX_HDREXTS)?,
            extmap_allow_mixed: description.has_child("extmap-allow-mixed", ns::JINGLE_HDREXT),
            rtcp_mux: description.has_child("rtcp-mux", ns::JINGLE_RTP),
            sources: description.views("source", ns::JINGLE_SSMA, MAX_SOURCES)?,
            ssrc_groups: description.views("ssrc-group", ns::JINGLE_SSMA, MAX_SOURCES)?,
        })
    }
}

impl From<&RtpDescription> for Element {
    fn from(description: &RtpDescription) -> Self {
        let mut out = element("description", ns::JINGLE_RTP)
            .with_opt("media", description.media)
            .with_opt("maxptime", description.maxptime)
            .with_children(&description.payload_types)
            .with_children(&description.hdrexts);
        if description.extmap_allow_mixed {
            out.append_child(element("extmap-allow-mixed", ns::JINGLE_HDREXT));
        }
        if description.rtcp_mux {
            out.append_child(element("rtcp-mux", ns::JINGLE_RTP));
        }
        out.with_children(&description.sources)
            .with_children(&description.ssrc_groups)
    }
}
