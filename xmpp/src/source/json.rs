//! The compact JSON form of sources, inside `<json-message xmlns='http://jitsi.org/jitmeet'/>`:
//!
//! ```json
//! {"sources":{"EP":[[{"s":11,"n":"EP-v0","m":"stream track","v":"d"}],[["f",11,12]],[{"s":21}],[]]}}
//! ```
//!
//! Per owner: video sources, video groups, audio sources, audio groups; trailing empty lists may be
//! left out.

use std::collections::BTreeMap;

use serde::de::{self, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ConferenceSources, EndpointSources, Semantics, Source, SsrcGroup, VideoType};
use crate::xml::{ElementExt, ParseError, element};
use crate::{Element, ns};

/// Parses the JSON text.
///
/// # Errors
/// What is wrong with the text, for people.
pub fn parse(text: &str) -> Result<ConferenceSources, serde_json::Error> {
    let document: Document = serde_json::from_str(text)?;
    Ok(ConferenceSources {
        by_owner: document
            .sources
            .into_iter()
            .map(|(owner, sources)| (owner, sources.into()))
            .collect(),
    })
}

/// Renders the JSON text.
pub fn render(sources: &ConferenceSources) -> String {
    let document = DocumentRef {
        sources: sources
            .by_owner
            .iter()
            .map(|(owner, sources)| (owner.as_str(), SourcesRef(sources)))
            .collect(),
    };
    serde_json::to_string(&document).expect("maps with string keys always serialise")
}

/// Sources inside their `<json-message/>` element.
pub fn to_element(sources: &ConferenceSources) -> Element {
    element("json-message", ns::JITMEET).with_text(render(sources))
}

/// Reads a `<json-message/>`. `None` if it carries something other than sources.
///
/// # Errors
/// [`ParseError::InvalidContent`] if it carries sources that cannot be understood.
pub fn from_element(message: &Element) -> Result<Option<ConferenceSources>, ParseError> {
    message.expect_is("json-message", ns::JITMEET)?;
    let text = message.text();
    match parse(&text) {
        Ok(sources) => Ok(Some(sources)),
        Err(error) => match serde_json::from_str::<Probe>(&text) {
            Ok(Probe { sources: None }) => Ok(None),
            _ => Err(ParseError::content(message, error)),
        },
    }
}

#[derive(Deserialize)]
struct Probe {
    sources: Option<de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Document {
    sources: BTreeMap<String, Sources>,
}

#[derive(Serialize)]
struct DocumentRef<'a> {
    sources: BTreeMap<&'a str, SourcesRef<'a>>,
}

struct SourcesRef<'a>(&'a EndpointSources);

impl Serialize for SourcesRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sources = self.0;
        let with_audio_groups = !sources.audio_groups.is_empty();
        let mut seq = serializer.serialize_seq(Some(if with_audio_groups { 4 } else { 3 }))?;
        seq.serialize_element(
            &sources
                .video
                .iter()
                .map(JsonSource::from)
                .collect::<Vec<_>>(),
        )?;
        seq.serialize_element(
            &sources
                .video_groups
                .iter()
                .map(GroupRef)
                .collect::<Vec<_>>(),
        )?;
        seq.serialize_element(
            &sources
                .audio
                .iter()
                .map(JsonSource::from)
                .collect::<Vec<_>>(),
        )?;
        if with_audio_groups {
            seq.serialize_element(
                &sources
                    .audio_groups
                    .iter()
                    .map(GroupRef)
                    .collect::<Vec<_>>(),
            )?;
        }
        seq.end()
    }
}

/// Up to four lists; what is missing at the end is empty, what is more is ignored.
#[derive(Default)]
struct Sources {
    video: Vec<JsonSource>,
    video_groups: Vec<Group>,
    audio: Vec<JsonSource>,
    audio_groups: Vec<Group>,
}

impl From<Sources> for EndpointSources {
    fn from(sources: Sources) -> Self {
        Self {
            audio: sources.audio.into_iter().map(Source::from).collect(),
            video: sources.video.into_iter().map(Source::from).collect(),
            audio_groups: sources.audio_groups.into_iter().map(|g| g.0).collect(),
            video_groups: sources.video_groups.into_iter().map(|g| g.0).collect(),
        }
    }
}

impl<'de> Deserialize<'de> for Sources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lists;

        impl<'de> Visitor<'de> for Lists {
            type Value = Sources;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of source lists")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Sources, A::Error> {
                let sources = Sources {
                    video: seq.next_element()?.unwrap_or_default(),
                    video_groups: seq.next_element()?.unwrap_or_default(),
                    audio: seq.next_element()?.unwrap_or_default(),
                    audio_groups: seq.next_element()?.unwrap_or_default(),
                };
                while seq.next_element::<de::IgnoredAny>()?.is_some() {}
                Ok(sources)
            }
        }

        deserializer.deserialize_seq(Lists)
    }
}

#[derive(Serialize, Deserialize)]
struct JsonSource {
    #[serde(rename = "s")]
    ssrc: u32,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    msid: Option<String>,
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    video_type: Option<String>,
}

impl From<&Source> for JsonSource {
    fn from(source: &Source) -> Self {
        Self {
            ssrc: source.ssrc,
            name: source.name.clone(),
            msid: source.msid.clone(),
            video_type: (source.video_type == Some(VideoType::Desktop)).then(|| "d".to_owned()),
        }
    }
}

impl From<JsonSource> for Source {
    fn from(source: JsonSource) -> Self {
        Self {
            ssrc: source.ssrc,
            name: source.name,
            msid: source.msid,
            video_type: (source.video_type.as_deref() == Some("d")).then_some(VideoType::Desktop),
        }
    }
}

struct GroupRef<'a>(&'a SsrcGroup);

impl Serialize for GroupRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let group = self.0;
        let mut seq = serializer.serialize_seq(Some(group.ssrcs.len() + 1))?;
        seq.serialize_element(match &group.semantics {
            Semantics::Sim => "s",
            Semantics::Fid => "f",
            other => other.as_str(),
        })?;
        for ssrc in &group.ssrcs {
            seq.serialize_element(ssrc)?;
        }
        seq.end()
    }
}

struct Group(SsrcGroup);

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Group;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of the semantics and SSRCs")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Group, A::Error> {
                let semantics: String = seq
                    .next_element()?
                    .ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let semantics = match semantics.as_str() {
                    "s" => Semantics::Sim,
                    "f" => Semantics::Fid,
                    other => Semantics::from(other),
                };
                let mut ssrcs = Vec::new();
                while let Some(ssrc) = seq.next_element()? {
                    ssrcs.push(ssrc);
                }
                Ok(Group(SsrcGroup { semantics, ssrcs }))
            }
        }

        deserializer.deserialize_seq(Members)
    }
}
