//! What one worker tells another. Opaque to the driver, which only carries it.

use std::net::SocketAddr;
use std::sync::Arc;

use media::ice::IceCredentials;
use media::rtp::{ExtensionMap, MAX_PACKET, NtpTime};
use media::units::Ssrc;

use crate::allocation::Layer;
use crate::command::{MediaKind, VideoType};
use crate::ids::{ConferenceKey, EndpointId, EndpointKey, SourceKey, SourceName, WorkerId};
use crate::packet::SharedPacket;
use crate::pool::Pooled;

/// One message between workers of this bridge.
#[derive(Debug)]
pub enum WorkerMessage {
    /// A datagram that arrived at the socket of a worker that does not own its sender.
    Datagram(Pooled<StrayDatagram>),
    /// This address is a peer of the sender's: what comes from it is to be handed over.
    AddressOwned(SocketAddr, WorkerId),
    /// It is no more.
    AddressGone(SocketAddr, WorkerId),
    /// These are local credentials of an endpoint of the sender's: checks that they made are to be
    /// handed over.
    UfragOwned(Arc<IceCredentials>, WorkerId),
    /// They are no more.
    UfragGone(Arc<str>, WorkerId),
    /// About a conference that both have endpoints of.
    Conference(ConferenceKey, ConferenceMessage),
}

/// A datagram on its way to its owner.
#[derive(Debug)]
pub struct StrayDatagram {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) payload: Box<[u8; MAX_PACKET]>,
    pub(crate) len: usize,
}

impl Default for StrayDatagram {
    fn default() -> Self {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        Self {
            from: nowhere,
            to: nowhere,
            payload: Box::new([0; MAX_PACKET]),
            len: 0,
        }
    }
}

/// See [`WorkerMessage::Conference`].
#[derive(Clone, Debug)]
pub enum ConferenceMessage {
    /// To home: this worker has its first endpoint of the conference, and wants to know all.
    Enter(WorkerId),
    /// To home: it has its last no longer.
    Leave(WorkerId),
    /// To home, and from home to all others but where it came from.
    Change(WorkerId, DirectoryChange),
    /// From home: the conference is over.
    Over,
    /// A packet that somebody at the receiver wants.
    Media(SharedPacket),
    /// To home: the level of an audio packet.
    AudioLevel(EndpointKey, u8),
    /// To the source's worker: how many lines somebody here wants at most; -1: no limit, 0: nothing.
    Demand(SourceKey, WorkerId, i32),
    /// To the source's worker: somebody here cannot go on without a keyframe.
    KeyframeWanted(SourceKey, u8),
    /// When the sender's clock was what, by its last sender report.
    SenderReport(SourceKey, u8, SenderClock),
    /// What the source sends.
    Layers(SourceKey, Arc<[Layer]>),
    /// A message from an endpoint to the endpoints of the receiver that it is meant for.
    Text(EndpointText),
}

/// The relation of a stream's RTP clock to the wall clock, from a sender report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderClock {
    /// Wall clock at the sender.
    pub ntp: NtpTime,
    /// The same instant on the RTP clock.
    pub timestamp: u32,
    /// When we learnt it.
    pub received: std::time::Instant,
}

/// Bridge channel text of one endpoint for others.
#[derive(Clone, Debug)]
pub struct EndpointText {
    /// Who says it.
    pub from: EndpointKey,
    /// To whom.
    pub to: Recipients,
    /// The message as JSON, with the true sender in it.
    pub text: Arc<str>,
}

/// Whom a text is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recipients {
    /// Everyone but the sender.
    Others,
    /// Everyone to whom the sender matters just now.
    Interested,
    /// One.
    One(EndpointKey),
}

/// A change of what all workers know of a conference.
#[derive(Clone, Debug)]
pub enum DirectoryChange {
    /// An endpoint came.
    Joined(MemberInfo),
    /// It left, with all its sources.
    Left(EndpointKey),
    /// All its sources.
    Sources(EndpointKey, Arc<[SourceInfo]>),
    /// A source shows something else.
    VideoType(SourceKey, VideoType),
    /// Whether packets of an endpoint arrive.
    Active(EndpointKey, bool),
    /// The dominant speaker, and those before, latest first.
    Speaker(Option<EndpointKey>, Arc<[EndpointKey]>),
}

/// What all know of an endpoint.
#[derive(Clone, Debug)]
pub struct MemberInfo {
    /// Handle.
    pub endpoint: EndpointKey,
    /// Name.
    pub id: EndpointId,
    /// Who owns it.
    pub worker: WorkerId,
    /// Not announced to others.
    pub visitor: bool,
}

/// What all know of a source.
#[derive(Clone, Debug)]
pub struct SourceInfo {
    /// Identity.
    pub key: SourceKey,
    /// `ENDPOINT-v0`, as in Jingle.
    pub name: SourceName,
    /// Audio or video.
    pub kind: MediaKind,
    /// What it shows.
    pub video_type: VideoType,
    /// First SSRC: the one under which receivers without SSRC rewriting get it.
    pub ssrc: Ssrc,
    /// Retransmissions of that.
    pub rtx: Option<Ssrc>,
    /// How many encodings it has.
    pub encodings: u8,
    /// Header extension ids of its sender.
    pub extensions: Arc<ExtensionMap>,
}
