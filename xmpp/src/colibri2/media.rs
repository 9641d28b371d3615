//! Codecs that an endpoint receives, and sources that it sends.

use crate::jingle::rtp::{MAX_HDREXTS, MAX_PAYLOAD_TYPES};
use crate::jingle::{HdrExt, PayloadType};
use crate::source::{EndpointSources, MediaType, Source, SsrcGroup};
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The largest accepted numbers of children.
const MAX_MEDIA_SOURCES: usize = 256;
const MAX_SSRCS: usize = 256;

/// A `<media/>`: what an endpoint can receive of one kind of media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Kind of media.
    pub media_type: MediaType,
    /// Codecs.
    pub payload_types: Vec<PayloadType>,
    /// Header extensions.
    pub hdrexts: Vec<HdrExt>,
    /// One-byte and two-byte header extensions may be mixed.
    pub extmap_allow_mixed: bool,
}

impl TryFrom<&Element> for Media {
    type Error = ParseError;

    fn try_from(media: &Element) -> Result<Self, ParseError> {
        media.expect_is("media", ns::COLIBRI2)?;
        Ok(Self {
            media_type: media.required_as("type")?,
            payload_types: media.views("payload-type", ns::JINGLE_RTP, MAX_PAYLOAD_TYPES)?,
            hdrexts: media.views("rtp-hdrext", ns::JINGLE_HDREXT, MAX_HDREXTS)?,
            extmap_allow_mixed: media.has_child("extmap-allow-mixed", ns::JINGLE_HDREXT),
        })
    }
}

impl From<&Media> for Element {
    fn from(media: &Media) -> Self {
        let mut out = element("media", ns::COLIBRI2)
            .with_attr("type", media.media_type)
            .with_children(&media.payload_types)
            .with_children(&media.hdrexts);
        if media.extmap_allow_mixed {
            out.append_child(element("extmap-allow-mixed", ns::JINGLE_HDREXT));
        }
        out
    }
}

/// A `<media-source/>`: all SSRCs of one source name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaSource {
    /// Source name, `ENDPOINT-v0`.
    pub id: String,
    /// Kind of media.
    pub media_type: MediaType,
    /// Made by a service, such as a translator; only sent to who asks for it.
    pub synthetic: bool,
    /// SSRCs.
    pub sources: Vec<Source>,
    /// Groups of them.
    pub ssrc_groups: Vec<SsrcGroup>,
}

impl MediaSource {
    /// A source with its name and SSRCs.
    pub fn new(id: impl Into<String>, media_type: MediaType, sources: Vec<Source>) -> Self {
        Self {
            id: id.into(),
            media_type,
            synthetic: false,
            sources,
            ssrc_groups: Vec::new(),
        }
    }

    /// The media sources of an endpoint: SSRCs by name, in the order in which names first come;
    /// a group goes where its first SSRC goes. SSRCs without a name get the name
    /// `OWNER-a0` or `OWNER-v0`.
    pub fn from_sources(owner: &str, sources: &EndpointSources) -> Vec<Self> {
        let mut out: Vec<Self> = Vec::new();
        for (media_type, source) in sources.iter() {
            let id = source.name.clone().unwrap_or_else(|| match media_type {
                MediaType::Audio => format!("{owner}-a0"),
                _ => format!("{owner}-v0"),
            });
            let existing = out
                .iter_mut()
                .find(|m| m.id == id && m.media_type == media_type);
            match existing {
                Some(media_source) => media_source.sources.push(source.clone()),
                None => out.push(Self::new(id, media_type, vec![source.clone()])),
            }
        }
        for media_type in [MediaType::Audio, MediaType::Video] {
            for group in sources.groups_of(media_type) {
                let home = out.iter_mut().find(|media_source| {
                    media_source.media_type == media_type
                        && media_source
                            .sources
                            .iter()
                            .any(|source| Some(&source.ssrc) == group.ssrcs.first())
                });
                if let Some(media_source) = home {
                    media_source.ssrc_groups.push(group.clone());
                }
            }
        }
        out
    }
}

impl TryFrom<&Element> for MediaSource {
    type Error = ParseError;

    fn try_from(source: &Element) -> Result<Self, ParseError> {
        source.expect_is("media-source", ns::COLIBRI2)?;
        Ok(Self {
            id: source.required("id")?.to_owned(),
            media_type: source.required_as("type")?,
            synthetic: source.flag("synthetic")?.unwrap_or(false),
            sources: source.views("source", ns::JINGLE_SSMA, MAX_SSRCS)?,
            ssrc_groups: source.views("ssrc-group", ns::JINGLE_SSMA, MAX_SSRCS)?,
        })
    }
}

impl From<&MediaSource> for Element {
    fn from(source: &MediaSource) -> Self {
        element("media-source", ns::COLIBRI2)
            .with_attr("type", source.media_type)
            .with_attr("id", &source.id)
            .with_flag("synthetic", source.synthetic)
            .with_children(&source.sources)
            .with_children(&source.ssrc_groups)
    }
}

pub(super) fn sources_of(parent: &Element) -> Result<Option<Vec<MediaSource>>, ParseError> {
    match parent.get_child("sources", ns::COLIBRI2) {
        Some(sources) => sources
            .views("media-source", ns::COLIBRI2, MAX_MEDIA_SOURCES)
            .map(Some),
        None => Ok(None),
    }
}

pub(super) fn sources_element(sources: &[MediaSource]) -> Element {
    element("sources", ns::COLIBRI2).with_children(sources)
}
