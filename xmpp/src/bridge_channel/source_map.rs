//! Which sources a client is sent, and under which SSRCs.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a video source shows. Letters in either case are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelVideoType {
    /// A person's picture.
    Camera,
    /// A shared screen.
    Desktop,
    /// A shared screen with moving pictures.
    DesktopHighFps,
    /// Nothing for now: it is muted.
    Disabled,
    /// Nothing: there is no source.
    None,
}

impl ChannelVideoType {
    /// The value in lower case, as clients write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Desktop => "desktop",
            Self::DesktopHighFps => "desktop_high_fps",
            Self::Disabled => "disabled",
            Self::None => "none",
        }
    }

    /// Whether pictures can be expected.
    pub fn is_enabled(self) -> bool {
        !matches!(self, Self::Disabled | Self::None)
    }

    fn upper(self) -> &'static str {
        match self {
            Self::Camera => "CAMERA",
            Self::Desktop => "DESKTOP",
            Self::DesktopHighFps => "DESKTOP_HIGH_FPS",
            Self::Disabled => "DISABLED",
            Self::None => "NONE",
        }
    }
}

impl Serialize for ChannelVideoType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ChannelVideoType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        [
            Self::Camera,
            Self::Desktop,
            Self::DesktopHighFps,
            Self::Disabled,
            Self::None,
        ]
        .into_iter()
        .find(|video_type| video_type.as_str().eq_ignore_ascii_case(&text))
        .ok_or_else(|| serde::de::Error::custom("unknown videoType"))
    }
}

/// See [`super::Message::SourceVideoTypeMessage`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceVideoTypeMessage {
    /// `ENDPOINT-v0`, as in Jingle.
    pub source_name: String,
    /// What it shows.
    pub video_type: ChannelVideoType,
    /// Endpoint; only between bridges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
}

/// See [`super::Message::ForwardedSources`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForwardedSources {
    /// Source names.
    pub forwarded_sources: Vec<String>,
}

/// See [`super::Message::VideoSourcesMap`]. Only what is new or changed is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VideoSourcesMap {
    /// Every slot that changes.
    pub mapped_sources: Vec<VideoMapping>,
}

/// The SSRCs under which a video source is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VideoMapping {
    /// Source name.
    pub source: String,
    /// Endpoint whose source it is; absent: no endpoint has it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// SSRC of the media.
    pub ssrc: u32,
    /// SSRC of the retransmission.
    pub rtx: u32,
    /// What it shows; upper case on the wire.
    #[serde(serialize_with = "upper_case")]
    pub video_type: ChannelVideoType,
    /// MID, if the client demultiplexes by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mid: Option<String>,
}

/// See [`super::Message::AudioSourcesMap`]. Only what is new or changed is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AudioSourcesMap {
    /// Every slot that changes.
    pub mapped_sources: Vec<AudioMapping>,
}

/// The SSRC under which an audio source is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioMapping {
    /// Source name.
    pub source: String,
    /// Endpoint whose source it is; absent: no endpoint has it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Under which its packets come.
    pub ssrc: u32,
    /// MID, if the client demultiplexes by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mid: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn upper_case<S: Serializer>(video_type: &ChannelVideoType, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(video_type.upper())
}
