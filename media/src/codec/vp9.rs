//! VP9 payload descriptor (RFC 9628 §4.2).

use super::{CodecError, Resolution};
use arrayvec::ArrayVec;

pub use super::vp8::PictureId;

/// The payload descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vp9Descriptor {
    /// The picture id.
    pub picture_id: Option<PictureId>,
    /// P: predicted from other pictures.
    pub inter_picture: bool,
    /// F: flexible mode.
    pub flexible: bool,
    /// B: first packet of a layer frame.
    pub start_of_frame: bool,
    /// E: last packet of a layer frame.
    pub end_of_frame: bool,
    /// Z: not a reference for upper spatial layers.
    pub not_upper_reference: bool,
    /// TID, SID, U and D, when layer indices are present.
    pub layer: Option<Vp9Layer>,
    /// TL0PICIDX, in non-flexible mode with layer indices.
    pub tl0_pic_idx: Option<u8>,
    /// P_DIFF of flexible mode: distances of reference pictures.
    pub references: ArrayVec<u8, 3>,
    /// The scalability structure.
    pub structure: Option<Vp9Structure>,
    /// Bytes of the descriptor.
    pub len: usize,
}

/// Layer indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp9Layer {
    /// TID, 0 to 7.
    pub temporal_id: u8,
    /// U: a receiver may switch up to this temporal layer here.
    pub switching_up: bool,
    /// SID, 0 to 7.
    pub spatial_id: u8,
    /// D: predicted from the spatial layer below in the same picture.
    pub inter_layer: bool,
}

/// The scalability structure (RFC 9628 §4.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vp9Structure {
    /// Number of spatial layers, 1 to 8.
    pub spatial_layers: u8,
    /// Size of each spatial layer, when given.
    pub resolutions: ArrayVec<Resolution, 8>,
    /// Highest temporal id in the picture group, when given.
    pub highest_temporal_id: Option<u8>,
}

impl Vp9Descriptor {
    /// Reads the descriptor at the start of an RTP payload.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn parse(_payload: &[u8]) -> Result<Self, CodecError> {
        todo!()
    }

    /// True for packets of a key frame: base spatial layer, not predicted.
    pub fn is_keyframe(&self) -> bool {
        !self.inter_picture && self.start_of_frame && self.layer.is_none_or(|l| l.spatial_id == 0)
    }

    /// Overwrites picture id and TL0PICIDX where the payload has them, in the width it has.
    pub fn rewrite(&self, _payload: &mut [u8], _picture_id: u16, _tl0_pic_idx: u8) {
        todo!()
    }
}
