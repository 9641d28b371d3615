//! A decrypted media packet, shared by all who want it.

use std::time::Instant;

use media::codec::Codec;
use media::rtp::{MAX_PACKET, RtpLayout, RtpPacket};

use crate::command::MediaKind;
use crate::ids::SourceKey;
use crate::pool::{Pool, Pooled};
use crate::statistics::DropReason;

/// What all receivers need to know of a packet; found out once, by the worker of its sender.
#[derive(Clone, Copy, Debug)]
pub struct PacketMeta {
    /// Whose.
    pub source: SourceKey,
    /// Audio or video.
    pub kind: MediaKind,
    /// Position in the `SIM` group.
    pub encoding: u8,
    /// By which its descriptor is read.
    pub codec: Codec,
    /// Sequence number, unwrapped, in its encoding.
    pub seq: i64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP marker.
    pub marker: bool,
    /// When it came.
    pub arrival: Instant,
    /// Level of audio as RFC 6464 has it: 0 is loudest, 127 silence.
    pub level: Option<u8>,
    /// What the codec's descriptor says.
    pub frame: Frame,
}

impl PacketMeta {
    /// Whether decoding can start with this packet.
    pub fn starts_keyframe(&self) -> bool {
        match self.frame {
            Frame::Audio => true,
            Frame::Nothing(_) => false,
            Frame::Vp8(frame) => frame.keyframe && frame.start,
            Frame::Layered(frame) => frame.keyframe && frame.start,
            Frame::Opaque { keyframe } => keyframe,
        }
    }
}

/// The part of a codec's descriptor that forwarding depends on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame {
    /// Audio: each packet stands alone.
    Audio,
    /// Nothing to forward, for this reason: receivers leave its number out.
    Nothing(DropReason),
    /// Picture id, layers and keyframe by RFC 7741.
    Vp8(Vp8Frame),
    /// VP9, or AV1 with a dependency descriptor.
    Layered(LayeredFrame),
    /// H.264, and anything whose layers are unknown.
    Opaque {
        /// A keyframe starts here.
        keyframe: bool,
    },
}

/// A packet of a VP8 frame (RFC 7741).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vp8Frame {
    /// First packet of the frame.
    pub start: bool,
    /// Part of a keyframe; known for its first packet only.
    pub keyframe: bool,
    /// Picture id, unwrapped.
    pub picture: Option<i64>,
    /// `TL0PICIDX`
    pub tl0: Option<u8>,
    /// `KEYIDX`
    pub key: Option<u8>,
    /// Temporal layer.
    pub temporal: u8,
    /// Refers to the base layer only: one may switch up here.
    pub sync: bool,
}

/// A packet of one layer's frame in a scalable stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LayeredFrame {
    /// First packet of the layer frame.
    pub start: bool,
    /// Last packet of the layer frame.
    pub end: bool,
    /// Belongs to a picture that refers to no other.
    pub keyframe: bool,
    /// VP9: picture id. AV1: frame number. Unwrapped.
    pub number: Option<i64>,
    /// VP9: `TL0PICIDX`.
    pub tl0: Option<u8>,
    /// Spatial layer.
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// One may switch up to this temporal layer here.
    pub temporal_switch: bool,
    /// One may switch up to this spatial layer here.
    pub spatial_switch: bool,
    /// AV1: what the dependency descriptor says of decode targets, in place of the two above.
    pub targets: Option<SwitchTargets>,
}

/// Spatial and temporal layers of AV1 that are told apart, each.
pub const MAX_TARGET_LAYERS: usize = 4;

/// Where a frame of AV1 lets one go up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SwitchTargets {
    /// Bit `4 × spatial + temporal`: one may begin to decode up to these layers with this frame, if
    /// their chain is whole.
    pub switch: u16,
    /// By spatial layer: distance to the previous frame of the chain that protects it; 0 where the
    /// chain begins, `None` where nothing protects it.
    pub chains: [Option<u8>; MAX_TARGET_LAYERS],
}

impl SwitchTargets {
    /// Whether one may begin with these layers here.
    pub fn switches(&self, spatial: u8, temporal: u8) -> bool {
        usize::from(spatial.max(temporal)) < MAX_TARGET_LAYERS
            && self.switch >> (4 * spatial + temporal) & 1 != 0
    }
}

/// A decrypted packet with what is known of it.
#[derive(Debug)]
pub struct MediaPacket {
    bytes: Box<[u8; MAX_PACKET]>,
    len: usize,
    filled: Option<(RtpLayout, PacketMeta)>,
}

impl Default for MediaPacket {
    fn default() -> Self {
        Self {
            bytes: Box::new([0; MAX_PACKET]),
            len: 0,
            filled: None,
        }
    }
}

impl MediaPacket {
    /// Takes these bytes, which are no longer than [`MAX_PACKET`].
    fn fill(&mut self, bytes: &[u8], layout: RtpLayout, meta: PacketMeta) {
        self.bytes[..bytes.len()].copy_from_slice(bytes);
        self.len = bytes.len();
        self.filled = Some((layout, meta));
    }

    /// What is known of it.
    pub fn meta(&self) -> &PacketMeta {
        &self
            .filled
            .as_ref()
            .expect("invariant: only filled packets leave the pool")
            .1
    }

    /// The packet in clear.
    pub fn rtp(&self) -> RtpPacket<'_> {
        let (layout, _) = self
            .filled
            .as_ref()
            .expect("invariant: only filled packets leave the pool");
        RtpPacket::with_layout(&self.bytes[..self.len], *layout)
            .expect("invariant: the layout was parsed from these bytes")
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// A packet that several may hold.
pub type SharedPacket = Pooled<MediaPacket>;

/// Where packets come from.
pub type PacketPool = Pool<MediaPacket>;

/// A packet with these bytes, which are no longer than [`MAX_PACKET`].
pub fn share(
    pool: &mut PacketPool,
    bytes: &[u8],
    layout: RtpLayout,
    meta: PacketMeta,
) -> SharedPacket {
    pool.take(|packet| packet.fill(bytes, layout, meta))
}
