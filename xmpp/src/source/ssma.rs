//! The XML form of sources (XEP-0339) as Jitsi extends it: `name` and `videoType` attributes, and
//! the owner in `<ssrc-info/>`.

use super::{Semantics, Source, SsrcGroup, VideoType};
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// The largest accepted number of SSRCs in one group.
const MAX_GROUP: usize = 32;

/// A source and whose it is. The focus names the owner towards clients; clients do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedSource {
    /// Endpoint id, `jvb` for the bridge, or `None` where the sender is meant.
    pub owner: Option<String>,
    /// SSRC, name, owner and attributes.
    pub source: Source,
}

impl TryFrom<&Element> for Source {
    type Error = ParseError;

    /// Reads `<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'/>`. SSRC 0 is refused; an unknown
    /// video type counts as absent.
    fn try_from(source: &Element) -> Result<Self, ParseError> {
        source.expect_is("source", ns::JINGLE_SSMA)?;
        let ssrc: u32 = source.required_as("ssrc")?;
        if ssrc == 0 {
            return Err(ParseError::invalid(source, "ssrc"));
        }
        // The namespace of <parameter/> differs between senders: clients let it inherit ssma.
        let msid = source
            .children()
            .filter(|child| child.name() == "parameter" && child.attr("name") == Some("msid"))
            .find_map(|child| child.attr("value"))
            .map(str::to_owned);
        Ok(Self {
            ssrc,
            name: source.optional("name"),
            msid,
            video_type: source.attr("videoType").and_then(|text| text.parse().ok()),
        })
    }
}

impl From<&Source> for Element {
    fn from(source: &Source) -> Self {
        let mut out = element("source", ns::JINGLE_SSMA)
            .with_attr("ssrc", source.ssrc)
            .with_opt("name", source.name.as_deref())
            .with_opt("videoType", source.video_type.map(VideoType::as_str));
        if let Some(msid) = &source.msid {
            out.append_child(
                element("parameter", ns::JINGLE_RTP)
                    .with_attr("name", "msid")
                    .with_attr("value", msid),
            );
        }
        out
    }
}

impl TryFrom<&Element> for OwnedSource {
    type Error = ParseError;

    fn try_from(source: &Element) -> Result<Self, ParseError> {
        Ok(Self {
            owner: source
                .get_child("ssrc-info", ns::JITMEET)
                .and_then(|info| info.optional("owner")),
            source: Source::try_from(source)?,
        })
    }
}

impl From<&OwnedSource> for Element {
    fn from(owned: &OwnedSource) -> Self {
        let mut out = Element::from(&owned.source);
        if let Some(owner) = &owned.owner {
            out.append_child(element("ssrc-info", ns::JITMEET).with_attr("owner", owner));
        }
        out
    }
}

impl From<Source> for OwnedSource {
    fn from(source: Source) -> Self {
        Self {
            owner: None,
            source,
        }
    }
}

impl TryFrom<&Element> for SsrcGroup {
    type Error = ParseError;

    /// Reads `<ssrc-group/>`; its members are `<source ssrc=''/>`.
    fn try_from(group: &Element) -> Result<Self, ParseError> {
        group.expect_is("ssrc-group", ns::JINGLE_SSMA)?;
        let semantics = Semantics::from(group.required("semantics")?);
        let mut ssrcs = Vec::new();
        for member in group.children_named("source", ns::JINGLE_SSMA) {
            if ssrcs.len() == MAX_GROUP {
                return Err(ParseError::TooMany {
                    element: "ssrc-group".to_owned(),
                    child: "source",
                    limit: MAX_GROUP,
                });
            }
            ssrcs.push(member.required_as("ssrc")?);
        }
        Ok(Self { semantics, ssrcs })
    }
}

impl From<&SsrcGroup> for Element {
    fn from(group: &SsrcGroup) -> Self {
        element("ssrc-group", ns::JINGLE_SSMA)
            .with_attr("semantics", group.semantics.as_str())
            .with_children(
                group
                    .ssrcs
                    .iter()
                    .map(|ssrc| element("source", ns::JINGLE_SSMA).with_attr("ssrc", ssrc)),
            )
    }
}
