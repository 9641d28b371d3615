//! What control asks of a worker. Everything a worker needs of a Colibri2 request is here, parsed.
//!
//! `CreateConference` goes to the conference's home worker first; `CreateEndpoint` goes to the
//! worker that shall own the endpoint (any), and says who is home. All other endpoint commands go
//! to the endpoint's owner.

use std::sync::Arc;

pub use media::codec::Codec;
pub use media::dtls::Fingerprint;
pub use media::ice::{CandidateKind, IceCredentials, RemoteCandidate};
pub use media::rtp::Extension;
pub use media::transport::Setup;
pub use media::units::Ssrc;

use crate::ids::{ConferenceKey, EndpointId, EndpointKey, SourceName, WorkerId};

/// One order from control to one worker.
#[derive(Debug)]
pub enum Command {
    /// To the home worker, before any endpoint of the conference is created.
    CreateConference(CreateConference),
    /// To the home worker: drops the conference and every endpoint in it, on all workers.
    ExpireConference(ConferenceKey),
    /// To the owner-to-be.
    CreateEndpoint(Box<CreateEndpoint>),
    /// To the owner: what is `None` stays as it is.
    UpdateEndpoint(Box<UpdateEndpoint>),
    /// To the owner. Answered by [`crate::event::Event::IceRestarted`].
    RestartIce(RestartIce),
    /// To the owner.
    ExpireEndpoint(EndpointKey),
    /// The endpoint's bridge channel is open over WebSocket (which then wins over a data channel).
    ChannelOpened(EndpointKey),
    /// One text message of the client, over WebSocket.
    ChannelText(EndpointKey, String),
    /// The WebSocket is gone.
    ChannelClosed(EndpointKey),
    /// Upper bound of last-N for every receiver of this worker (overload protection).
    /// `None`: no bound.
    LimitLastN(Option<u32>),
    /// Answered by [`crate::event::Event::Statistics`].
    CollectStatistics {
        /// With one entry for each endpoint.
        endpoints: bool,
    },
}

/// A conference comes to be.
#[derive(Clone, Debug)]
pub struct CreateConference {
    /// Local id.
    pub conference: ConferenceKey,
    /// The focus's `meeting-id`.
    pub meeting_id: Arc<str>,
    /// Room name, for logs.
    pub name: Option<Arc<str>>,
}

/// An endpoint comes to be. Its local credentials and SSRCs are chosen by control, so that
/// Colibri2 is answered at once.
#[derive(Clone, Debug)]
pub struct CreateEndpoint {
    /// Where.
    pub conference: ConferenceKey,
    /// Worker to which the conference was created.
    pub home: WorkerId,
    /// Handle of this life of the endpoint.
    pub endpoint: EndpointKey,
    /// Name in the conference.
    pub id: EndpointId,
    /// `ufrag` from [`WorkerId::in_ufrag`] of the owner; `pwd` of at least 22 characters.
    pub local_ice: IceCredentials,
    /// Whether our ICE agent is the controlling one.
    pub ice_controlling: bool,
    /// Data channels are offered: SCTP port of both sides, usually 5000.
    pub sctp_port: Option<u16>,
    /// `ssrc-rewriting` capability.
    pub ssrc_rewriting: bool,
    /// `rtp-mid-demux` capability; of effect only with `ssrc_rewriting`.
    pub mid_demux: bool,
    /// `muc-role='visitor'`: sends nothing, is not announced.
    pub visitor: bool,
    /// `initial-last-n`.
    pub initial_last_n: Option<i32>,
    /// SSRC of the bridge's own `jvb-a0`, from which it sends feedback on audio.
    pub feedback_audio_ssrc: Ssrc,
    /// SSRC of the bridge's own `jvb-v0`, from which it sends feedback and padding.
    pub feedback_video_ssrc: Ssrc,
    /// The rest may come at once or later.
    pub update: EndpointUpdate,
}

/// The parts of an endpoint that change. `None`: unchanged.
#[derive(Clone, Debug, Default)]
pub struct EndpointUpdate {
    /// What the peer said of its ICE and DTLS; `None` until the focus knows it.
    pub transport: Option<RemoteTransport>,
    /// Receive capabilities; replaces what was said of either medium before.
    pub media: Option<MediaCapabilities>,
    /// All the endpoint's sources.
    pub sources: Option<Vec<SourceDescription>>,
    /// Force-mute of audio, video.
    pub force_mute: Option<ForceMute>,
    /// `initial-last-n`.
    pub initial_last_n: Option<i32>,
}

/// News of an endpoint.
#[derive(Clone, Debug)]
pub struct UpdateEndpoint {
    /// Whose.
    pub endpoint: EndpointKey,
    /// What.
    pub update: EndpointUpdate,
}

/// Restart of ICE in place (`ice-restart='true'`).
#[derive(Clone, Debug)]
pub struct RestartIce {
    /// Whose.
    pub endpoint: EndpointKey,
    /// New credentials, the ufrag again from [`WorkerId::in_ufrag`].
    pub local_ice: IceCredentials,
    /// `ice-generation`, increasing from 1; the remote's answer carries it back.
    pub generation: u32,
}

/// What the remote says of its end of the transport. Any part may be missing.
#[derive(Clone, Debug, Default)]
pub struct RemoteTransport {
    /// Remote credentials.
    pub ice: Option<IceCredentials>,
    /// `ice-generation` that these credentials answer.
    pub generation: Option<u32>,
    /// Certificate fingerprints; one match is enough.
    pub fingerprints: Vec<Fingerprint>,
    /// The remote's role in DTLS.
    pub setup: Option<Setup>,
    /// Remote candidates with literal UDP addresses; others are left out by control.
    pub candidates: Vec<RemoteCandidate>,
}

/// Audio or video.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum MediaKind {
    /// Opus, or another codec of sound.
    Audio,
    /// Pictures, and what repairs them.
    Video,
}

/// What the endpoint can receive, from `<media>`.
#[derive(Clone, Debug, Default)]
pub struct MediaCapabilities {
    /// Payload types, both media.
    pub payload_types: Vec<PayloadType>,
    /// RTP header extensions, both media (one id has one meaning in a bundle).
    pub extensions: Vec<HeaderExtension>,
}

/// What a number of 7 bits in RTP stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PayloadType {
    /// 0..=127.
    pub id: u8,
    /// Audio or video.
    pub kind: MediaKind,
    /// Its codec, by [`Codec::from_name`]; those unknown to it are left out by control.
    pub codec: Codec,
    /// Hz.
    pub clock_rate: u32,
    /// RTX: the payload type it repeats. RED: the payload type inside.
    pub associated: Option<u8>,
    /// RTCP feedback that the codec was negotiated with.
    pub feedback: Feedback,
}

/// `rtcp-fb` of a payload type.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Feedback {
    /// `nack`
    pub nack: bool,
    /// `nack pli`
    pub pli: bool,
    /// `ccm fir`
    pub fir: bool,
    /// `goog-remb`
    pub remb: bool,
    /// `transport-cc`
    pub transport_cc: bool,
}

/// One RTP header extension (RFC 8285). Unknown URIs are left out by control.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeaderExtension {
    /// 1..=14 in the one-byte form, up to 255 in the two-byte form.
    pub id: u8,
    /// What it carries; [`Extension::from_uri`].
    pub extension: Extension,
}

/// One named source of an endpoint (`<media-source>`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceDescription {
    /// `ENDPOINT-v0`
    pub name: SourceName,
    /// Audio or video.
    pub kind: MediaKind,
    /// All its SSRCs, those of groups too, in the order in which they were signalled.
    pub ssrcs: Vec<Ssrc>,
    /// Groups of those SSRCs.
    pub groups: Vec<SsrcGroup>,
    /// `videoType` as first signalled; the bridge channel may change it.
    pub video_type: Option<VideoType>,
}

/// A group of SSRCs of one source (RFC 5576).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SsrcGroup {
    /// What binds them.
    pub semantics: Semantics,
    /// In order.
    pub ssrcs: Vec<Ssrc>,
}

/// Semantics of an SSRC group. Others mean nothing to the bridge and are left out by control.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Semantics {
    /// Simulcast: encodings of one picture, lowest first.
    Sim,
    /// A primary SSRC and its retransmissions.
    Fid,
    /// A primary SSRC and its forward error correction, which the bridge makes no use of.
    FecFr,
}

/// What a video source shows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum VideoType {
    /// A person's picture.
    #[default]
    Camera,
    /// A shared screen, few frames.
    Desktop,
    /// A shared screen, as fluid as a camera.
    DesktopHighFps,
    /// Signalled, but sends nothing.
    Disabled,
    /// Nothing.
    None,
}

impl VideoType {
    /// Whether it may be given bandwidth.
    pub fn is_enabled(self) -> bool {
        !matches!(self, Self::Disabled | Self::None)
    }

    /// Whether it is a shared screen.
    pub fn is_desktop(self) -> bool {
        matches!(self, Self::Desktop | Self::DesktopHighFps)
    }
}

/// The media whose packets from the endpoint are dropped.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ForceMute {
    /// Audio is dropped.
    pub audio: bool,
    /// Video is dropped.
    pub video: bool,
}
