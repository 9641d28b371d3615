//! VP8 payload descriptor and payload header (RFC 7741 §4.2, §4.3).

use super::{CodecError, Resolution};

/// A picture id and the width it is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureId {
    /// 7 bits.
    Short(u8),
    /// 15 bits.
    Long(u16),
}

/// The payload descriptor (RFC 7741 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp8Descriptor {
    /// N: no other frame refers to this one.
    pub non_reference: bool,
    /// S: a partition starts here.
    pub start_of_partition: bool,
    /// PID: which partition.
    pub partition: u8,
    /// The picture id.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: counts frames of the base temporal layer.
    pub tl0_pic_idx: Option<u8>,
    /// TID: temporal layer, 0 to 3.
    pub temporal_id: Option<u8>,
    /// Y: depends on the base layer only, so a receiver may switch up here.
    pub layer_sync: bool,
    /// KEYIDX: counts key frames.
    pub key_idx: Option<u8>,
    /// Bytes of the descriptor.
    pub len: usize,
}

impl Vp8Descriptor {
    /// Reads the descriptor at the start of an RTP payload.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn parse(_payload: &[u8]) -> Result<Self, CodecError> {
        todo!()
    }

    /// True for the first packet of a frame (RFC 7741 §4.5).
    pub fn is_start_of_frame(&self) -> bool {
        self.start_of_partition && self.partition == 0
    }

    /// True for the first packet of a key frame (RFC 7741 §4.3).
    pub fn is_keyframe(&self, _payload: &[u8]) -> bool {
        todo!()
    }

    /// The picture's size, from the first packet of a key frame (RFC 6386 §9.1).
    pub fn resolution(&self, _payload: &[u8]) -> Option<Resolution> {
        todo!()
    }

    /// Overwrites picture id and TL0PICIDX where the payload has them, in the width it has; wider
    /// values are cut. A field that is absent stays absent.
    pub fn rewrite(&self, _payload: &mut [u8], _picture_id: u16, _tl0_pic_idx: u8) {
        todo!()
    }
}
