//! Media sources as endpoints signal them: SSRCs with names and msids, and their groups.
//!
//! Two forms cross the wire. The XML form (XEP-0339, elements in [`ssma`]) goes from a client to
//! the focus always, and to clients that lack [`crate::ns::feature::JSON_SOURCES`]; the compact
//! JSON form ([`json`]) goes to all others.

pub mod json;
pub mod ssma;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The owner under which the sources of the bridge itself are signalled.
pub const BRIDGE_OWNER: &str = "jvb";

/// Kind of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaType {
    /// Sound.
    Audio,
    /// Pictures, of a camera or a screen.
    Video,
    /// The data channel.
    Application,
}

impl MediaType {
    /// The value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Application => "application",
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MediaType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "audio" => Ok(Self::Audio),
            "video" => Ok(Self::Video),
            "application" => Ok(Self::Application),
            _ => Err(()),
        }
    }
}

/// What a video source shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VideoType {
    /// A camera. Sources without a video type count as cameras.
    #[default]
    Camera,
    /// A shared screen.
    Desktop,
}

impl VideoType {
    /// The value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Desktop => "desktop",
        }
    }
}

impl FromStr for VideoType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.eq_ignore_ascii_case("camera") {
            Ok(Self::Camera)
        } else if text.eq_ignore_ascii_case("desktop") {
            Ok(Self::Desktop)
        } else {
            Err(())
        }
    }
}

/// One SSRC of an endpoint. Several SSRCs (simulcast layers, retransmission) share one name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// Synchronisation source (RFC 3550).
    pub ssrc: u32,
    /// Source name, `ENDPOINT-v0`.
    pub name: Option<String>,
    /// Media stream and track id, separated by a space.
    pub msid: Option<String>,
    /// Camera or screen; `None` for audio and where the sender did not say.
    pub video_type: Option<VideoType>,
}

impl Source {
    /// A source with an SSRC only.
    pub fn new(ssrc: u32) -> Self {
        Self {
            ssrc,
            name: None,
            msid: None,
            video_type: None,
        }
    }

    /// The source with a name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The source with an msid.
    #[must_use]
    pub fn with_msid(mut self, msid: impl Into<String>) -> Self {
        self.msid = Some(msid.into());
        self
    }

    /// The source with a video type.
    #[must_use]
    pub fn with_video_type(mut self, video_type: VideoType) -> Self {
        self.video_type = Some(video_type);
        self
    }
}

/// What the SSRCs of a group are to each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Semantics {
    /// Simulcast: one picture at several sizes, smallest first.
    Sim,
    /// Flow identification: a stream and its retransmission (RFC 4588), in this order.
    Fid,
    /// A stream and its forward error correction.
    FecFr,
    /// Any other.
    Other(String),
}

impl Semantics {
    /// The value in XML.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Sim => "SIM",
            Self::Fid => "FID",
            Self::FecFr => "FEC-FR",
            Self::Other(text) => text,
        }
    }
}

impl From<&str> for Semantics {
    fn from(text: &str) -> Self {
        if text.eq_ignore_ascii_case("SIM") {
            Self::Sim
        } else if text.eq_ignore_ascii_case("FID") {
            Self::Fid
        } else if text.eq_ignore_ascii_case("FEC-FR") {
            Self::FecFr
        } else {
            Self::Other(text.to_owned())
        }
    }
}

/// SSRCs that belong together, in the order that the semantics give a meaning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SsrcGroup {
    /// What they are to each other.
    pub semantics: Semantics,
    /// The members.
    pub ssrcs: Vec<u32>,
}

impl SsrcGroup {
    /// A group.
    pub fn new(semantics: Semantics, ssrcs: impl Into<Vec<u32>>) -> Self {
        Self {
            semantics,
            ssrcs: ssrcs.into(),
        }
    }
}

/// All sources of one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointSources {
    /// Microphones, by SSRC.
    pub audio: Vec<Source>,
    /// Cameras and screens, an entry for each SSRC.
    pub video: Vec<Source>,
    /// What SSRCs of `audio` are to each other.
    pub audio_groups: Vec<SsrcGroup>,
    /// What SSRCs of `video` are to each other.
    pub video_groups: Vec<SsrcGroup>,
}

impl EndpointSources {
    /// Whether there is neither source nor group.
    pub fn is_empty(&self) -> bool {
        self.audio.is_empty()
            && self.video.is_empty()
            && self.audio_groups.is_empty()
            && self.video_groups.is_empty()
    }

    /// Sources of one kind; none for [`MediaType::Application`].
    pub fn of(&self, media: MediaType) -> &[Source] {
        match media {
            MediaType::Audio => &self.audio,
            MediaType::Video => &self.video,
            MediaType::Application => &[],
        }
    }

    /// Groups of one kind; none for [`MediaType::Application`].
    pub fn groups_of(&self, media: MediaType) -> &[SsrcGroup] {
        match media {
            MediaType::Audio => &self.audio_groups,
            MediaType::Video => &self.video_groups,
            MediaType::Application => &[],
        }
    }

    /// All sources with their media type, audio first.
    pub fn iter(&self) -> impl Iterator<Item = (MediaType, &Source)> {
        let audio = self.audio.iter().map(|source| (MediaType::Audio, source));
        let video = self.video.iter().map(|source| (MediaType::Video, source));
        audio.chain(video)
    }

    /// Adds a source and, for [`MediaType::Application`], nothing.
    pub fn push(&mut self, media: MediaType, source: Source) {
        match media {
            MediaType::Audio => self.audio.push(source),
            MediaType::Video => self.video.push(source),
            MediaType::Application => {}
        }
    }

    /// Adds a group and, for [`MediaType::Application`], nothing.
    pub fn push_group(&mut self, media: MediaType, group: SsrcGroup) {
        match media {
            MediaType::Audio => self.audio_groups.push(group),
            MediaType::Video => self.video_groups.push(group),
            MediaType::Application => {}
        }
    }

    /// Adds all of `other`. Nothing is checked for duplicates: see the focus's validation.
    pub fn extend(&mut self, other: EndpointSources) {
        self.audio.extend(other.audio);
        self.video.extend(other.video);
        self.audio_groups.extend(other.audio_groups);
        self.video_groups.extend(other.video_groups);
    }

    /// Whether the SSRC is among the sources.
    pub fn contains(&self, ssrc: u32) -> bool {
        self.iter().any(|(_, source)| source.ssrc == ssrc)
    }

    /// Removes the SSRCs that `remove` names (by its sources and groups), and every group that
    /// one of them is in. Returns what was there and is gone.
    pub fn remove(&mut self, remove: &EndpointSources) -> EndpointSources {
        let ssrcs: Vec<u32> = remove
            .iter()
            .map(|(_, source)| source.ssrc)
            .chain(
                remove
                    .audio_groups
                    .iter()
                    .chain(&remove.video_groups)
                    .flat_map(|group| group.ssrcs.iter().copied()),
            )
            .collect();
        let gone_source = |source: &mut Source| ssrcs.contains(&source.ssrc);
        let gone_group = |group: &mut SsrcGroup| group.ssrcs.iter().any(|s| ssrcs.contains(s));
        EndpointSources {
            audio: self.audio.extract_if(.., gone_source).collect(),
            video: self.video.extract_if(.., gone_source).collect(),
            audio_groups: self.audio_groups.extract_if(.., gone_group).collect(),
            video_groups: self.video_groups.extract_if(.., gone_group).collect(),
        }
    }

    /// What a receiver of a forwarding bridge sees: of each simulcast group only the first SSRC
    /// and its repair remain, and the group goes.
    #[must_use]
    pub fn without_simulcast(&self) -> EndpointSources {
        let mut dropped: Vec<u32> = Vec::new();
        for group in &self.video_groups {
            if group.semantics == Semantics::Sim {
                dropped.extend(group.ssrcs.iter().skip(1));
            }
        }
        for group in &self.video_groups {
            if let (Semantics::Fid | Semantics::FecFr, [first, repair]) =
                (&group.semantics, &group.ssrcs[..])
                && dropped.contains(first)
            {
                dropped.push(*repair);
            }
        }
        let mut kept = self.clone();
        kept.video.retain(|source| !dropped.contains(&source.ssrc));
        kept.video_groups.retain(|group| {
            group.semantics != Semantics::Sim
                && !group.ssrcs.iter().any(|ssrc| dropped.contains(ssrc))
        });
        kept
    }
}

/// Sources of many endpoints, by owner (an endpoint id, or [`BRIDGE_OWNER`]), in owner order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConferenceSources {
    /// Sources of each owner.
    pub by_owner: BTreeMap<String, EndpointSources>,
}

impl ConferenceSources {
    /// No sources.
    pub fn new() -> Self {
        Self::default()
    }

    /// A map with a single owner.
    pub fn one(owner: impl Into<String>, sources: EndpointSources) -> Self {
        Self {
            by_owner: BTreeMap::from([(owner.into(), sources)]),
        }
    }

    /// Whether no owner has any source.
    pub fn is_empty(&self) -> bool {
        self.by_owner.values().all(EndpointSources::is_empty)
    }

    /// Adds sources to what `owner` has.
    pub fn add(&mut self, owner: &str, sources: EndpointSources) {
        match self.by_owner.get_mut(owner) {
            Some(existing) => existing.extend(sources),
            None => {
                self.by_owner.insert(owner.to_owned(), sources);
            }
        }
    }
}
