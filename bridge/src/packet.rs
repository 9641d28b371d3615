//! A decrypted media packet, shared by all who want it, and the pool that it comes from.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use media::codec::Codec;
use media::rtp::{MAX_PACKET, RtpLayout, RtpPacket};

use crate::command::MediaKind;
use crate::ids::SourceKey;

/// What all receivers need to know of a packet; found out once, by the worker of its sender.
#[derive(Clone, Copy, Debug)]
pub struct PacketMeta {
    /// Whose.
    pub source: SourceKey,
    /// Its medium.
    pub kind: MediaKind,
    /// Position in the `SIM` group.
    pub encoding: u8,
    /// Its codec.
    pub codec: Codec,
    /// Sequence number, unwrapped, in its encoding.
    pub seq: i64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP marker.
    pub marker: bool,
    /// When it came.
    pub arrival: Instant,
    /// What the codec's descriptor says.
    pub frame: Frame,
}

impl PacketMeta {
    /// Whether decoding can start with this packet.
    pub fn starts_keyframe(&self) -> bool {
        match self.frame {
            Frame::Audio => true,
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
    /// VP8.
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
}

/// A decrypted packet with what is known of it.
#[derive(Debug)]
pub struct MediaPacket {
    bytes: Box<[u8; MAX_PACKET]>,
    len: usize,
    filled: Option<(RtpLayout, PacketMeta)>,
}

impl MediaPacket {
    fn empty() -> Self {
        Self { bytes: Box::new([0; MAX_PACKET]), len: 0, filled: None }
    }

    /// What is known of it.
    pub fn meta(&self) -> &PacketMeta {
        &self.filled.as_ref().expect("invariant: only filled packets leave the pool").1
    }

    /// The packet in clear.
    pub fn rtp(&self) -> RtpPacket<'_> {
        let (layout, _) = self.filled.as_ref().expect("invariant: only filled packets leave the pool");
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
pub type SharedPacket = Arc<MediaPacket>;

/// Packets' memory, used again and again.
#[derive(Debug, Default)]
pub struct PacketPool {
    free: Vec<SharedPacket>,
    /// Given back here while another worker still held them.
    lent: VecDeque<SharedPacket>,
}

/// Free packets kept beyond this many are returned to the system.
const MAX_FREE: usize = 4_096;
/// Packets that another worker holds and for which we wait, at most.
const MAX_LENT: usize = 4_096;

impl PacketPool {
    /// A packet with these bytes, which are no longer than [`MAX_PACKET`].
    pub fn fill(&mut self, bytes: &[u8], layout: RtpLayout, meta: PacketMeta) -> SharedPacket {
        let mut packet = self.take();
        let inner = Arc::get_mut(&mut packet).expect("invariant: free packets are held by the pool alone");
        inner.bytes[..bytes.len()].copy_from_slice(bytes);
        inner.len = bytes.len();
        inner.filled = Some((layout, meta));
        packet
    }

    /// Gives a packet back. Its memory is used again once nobody holds it.
    pub fn release(&mut self, mut packet: SharedPacket) {
        if Arc::get_mut(&mut packet).is_some() {
            if self.free.len() < MAX_FREE {
                self.free.push(packet);
            }
        } else if self.lent.len() < MAX_LENT {
            self.lent.push_back(packet);
        }
    }

    fn take(&mut self) -> SharedPacket {
        if let Some(packet) = self.free.pop() {
            return packet;
        }
        for _ in 0..self.lent.len().min(4) {
            let mut packet = self.lent.pop_front().expect("invariant: counted above");
            if Arc::get_mut(&mut packet).is_some() {
                return packet;
            }
            self.lent.push_back(packet);
        }
        Arc::new(MediaPacket::empty())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::ids::EndpointKey;

    fn meta() -> PacketMeta {
        PacketMeta {
            source: SourceKey { owner: EndpointKey(1), number: 0 },
            kind: MediaKind::Audio,
            encoding: 0,
            codec: Codec::Opus,
            seq: 0,
            timestamp: 0,
            marker: false,
            arrival: Instant::now(),
            frame: Frame::Audio,
        }
    }

    #[test]
    fn memory_is_used_again_once_nobody_holds_it() {
        let bytes = [0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9];
        let layout = RtpLayout::parse(&bytes).unwrap();
        let mut pool = PacketPool::default();
        let first = pool.fill(&bytes, layout, meta());
        assert_eq!(first.rtp().payload(), [9]);
        let address = Arc::as_ptr(&first);
        let other_holder = first.clone();
        pool.release(first);
        let second = pool.fill(&bytes, layout, meta());
        assert_ne!(Arc::as_ptr(&second), address, "still held");
        drop(other_holder);
        let third = pool.fill(&bytes, layout, meta());
        assert_eq!(Arc::as_ptr(&third), address);
    }
}
