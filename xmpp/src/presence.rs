//! What clients say about themselves in their room presence.
//!
//! These elements are in the namespace `jabber:client`, as Jitsi's clients write them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::source::MediaType;
use crate::xml::{ElementExt, element, parse_bool};
use crate::{Element, ns};

/// The largest accepted number of entries in `<SourceInfo/>`.
const MAX_SOURCES: usize = 256;

/// State of one source in `<SourceInfo/>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceState {
    /// Whether it is muted; muted if the client does not say.
    #[serde(default = "muted")]
    pub muted: bool,
    /// `camera` or `desktop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_type: Option<String>,
    /// Kind of media, where the client says so; see [`SourceState::media_type_of`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

fn muted() -> bool {
    true
}

impl SourceState {
    /// Kind of media: the client's word, else the letter after the dash of the source name
    /// (`EP-a0`, `EP-v1`).
    pub fn media_type_of(&self, source_name: &str) -> Option<MediaType> {
        if let Some(text) = &self.media_type {
            return text.to_ascii_lowercase().parse().ok();
        }
        let (_, tail) = source_name.rsplit_once('-')?;
        match tail.chars().next()? {
            'a' => Some(MediaType::Audio),
            'v' => Some(MediaType::Video),
            _ => None,
        }
    }
}

/// What a client's presence says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientPresence {
    /// Display name (XEP-0172).
    pub nick: Option<String>,
    /// Name in statistics.
    pub stats_id: Option<String>,
    /// Region that the client is in.
    pub region: Option<String>,
    /// States of sources by source name; `None` if the client says nothing or nonsense.
    pub source_info: Option<BTreeMap<String, SourceState>>,
    /// Video codecs in order of preference, lower case; empty if the client does not say.
    pub codecs: Vec<String>,
    /// Speakers of its audio shall be told apart in transcripts.
    pub diarize: bool,
    /// Old way to tell that the microphone is muted.
    pub audio_muted: Option<bool>,
    /// Old way to tell that the camera is muted.
    pub video_muted: Option<bool>,
    /// Service features (recorder, gateway, transcriber); to be believed only of trusted
    /// accounts.
    pub features: Vec<String>,
}

impl ClientPresence {
    /// Reads a presence. Nothing in it is mandatory, and what cannot be understood is left out.
    pub fn from_presence(presence: &Element) -> Self {
        let text = |name: &str| {
            presence
                .get_child(name, ns::CLIENT)
                .map(|child| child.text().trim().to_owned())
        };
        let codecs = text("jitsi_participant_codecList")
            .or_else(|| text("jitsi_participant_codecType"))
            .unwrap_or_default();
        Self {
            nick: presence.get_child("nick", ns::NICK).map(Element::text),
            stats_id: text("stats-id"),
            region: text("jitsi_participant_region"),
            source_info: text("SourceInfo").and_then(|json| parse_source_info(&json)),
            codecs: codecs
                .split(',')
                .map(|codec| codec.trim().to_ascii_lowercase())
                .filter(|codec| !codec.is_empty())
                .take(32)
                .collect(),
            diarize: text("jitsi_participant_diarize")
                .and_then(|text| parse_bool(&text))
                .unwrap_or(false),
            audio_muted: text("audiomuted").and_then(|text| parse_bool(&text)),
            video_muted: text("videomuted").and_then(|text| parse_bool(&text)),
            features: presence
                .children()
                .filter(|child| child.name() == "features")
                .flat_map(Element::children)
                .filter_map(|feature| feature.optional("var"))
                .take(64)
                .collect(),
        }
    }

    /// The elements to put into a presence.
    pub fn to_elements(&self) -> Vec<Element> {
        let mut out = Vec::new();
        let mut text = |name: &str, text: Option<String>| {
            if let Some(text) = text {
                out.push(element(name, ns::CLIENT).with_text(text));
            }
        };
        text("stats-id", self.stats_id.clone());
        text("jitsi_participant_region", self.region.clone());
        text(
            "SourceInfo",
            self.source_info.as_ref().map(|info| {
                serde_json::to_string(info).expect("maps with string keys always serialise")
            }),
        );
        if !self.codecs.is_empty() {
            text("jitsi_participant_codecList", Some(self.codecs.join(",")));
        }
        if self.diarize {
            text("jitsi_participant_diarize", Some("true".to_owned()));
        }
        text(
            "audiomuted",
            self.audio_muted.map(|muted| muted.to_string()),
        );
        text(
            "videomuted",
            self.video_muted.map(|muted| muted.to_string()),
        );
        if !self.features.is_empty() {
            out.push(
                element("features", ns::CLIENT).with_children(
                    self.features
                        .iter()
                        .map(|var| element("feature", ns::CLIENT).with_attr("var", var)),
                ),
            );
        }
        if let Some(nick) = &self.nick {
            out.push(element("nick", ns::NICK).with_text(nick));
        }
        out
    }

    /// Whether all sources of a kind are muted. Without `<SourceInfo/>` the old elements count,
    /// and without those too the client is taken as muted.
    pub fn is_muted(&self, media: MediaType) -> bool {
        if let Some(info) = &self.source_info {
            return info
                .iter()
                .filter(|(name, state)| state.media_type_of(name) == Some(media))
                .all(|(_, state)| state.muted);
        }
        match media {
            MediaType::Audio => self.audio_muted.unwrap_or(true),
            _ => self.video_muted.unwrap_or(true),
        }
    }
}

fn parse_source_info(json: &str) -> Option<BTreeMap<String, SourceState>> {
    let info: BTreeMap<String, SourceState> = serde_json::from_str(json).ok()?;
    (info.len() <= MAX_SOURCES).then_some(info)
}
