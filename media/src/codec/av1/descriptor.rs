//! The dependency descriptor (AV1 RTP specification, appendix A).

use arrayvec::ArrayVec;

use super::{DecodeTargetIndication, MAX_DECODE_TARGETS, TemplateStructure};
use crate::codec::{CodecError, Resolution};

/// A parsed dependency descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependencyDescriptor {
    /// First packet of a frame.
    pub start_of_frame: bool,
    /// Last packet of a frame.
    pub end_of_frame: bool,
    /// Template id as written.
    pub template_id: u8,
    /// Frame number, wraps at 65536.
    pub frame_number: u16,
    /// A new structure: the packet starts a key frame.
    pub structure: Option<Box<TemplateStructure>>,
    /// Bit i: decode target i is being produced. Present when it changed or with a structure.
    pub active_decode_targets: Option<u32>,
    /// The frame's dependencies, from its template and its own overrides.
    pub frame: FrameDependencies,
}

/// What a frame is and what it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameDependencies {
    /// Spatial layer.
    pub spatial_id: u8,
    /// Temporal layer.
    pub temporal_id: u8,
    /// One per decode target.
    pub dtis: ArrayVec<DecodeTargetIndication, MAX_DECODE_TARGETS>,
    /// Distances to the frames referred to.
    pub frame_diffs: ArrayVec<u16, 16>,
    /// Per chain, the distance to its previous frame.
    pub chain_diffs: ArrayVec<u8, MAX_DECODE_TARGETS>,
    /// The frame's size, when the structure has sizes.
    pub resolution: Option<Resolution>,
}

impl FrameDependencies {
    /// True when a receiver of this decode target needs the frame.
    pub fn is_needed_by(&self, decode_target: usize) -> bool {
        self.indication(decode_target) != DecodeTargetIndication::NotPresent
    }

    /// What the frame is to a decode target; not present for one that does not exist.
    pub fn indication(&self, decode_target: usize) -> DecodeTargetIndication {
        self.dtis.get(decode_target).copied().unwrap_or_default()
    }
}

impl DependencyDescriptor {
    /// Reads the extension's value. `known` is the latest structure of the stream.
    ///
    /// # Errors
    /// [`CodecError::NoStructure`] when none was seen yet or the template is not in it.
    pub fn parse(_value: &[u8], _known: Option<&TemplateStructure>) -> Result<Self, CodecError> {
        todo!()
    }

    /// True for packets of a key frame.
    pub fn is_keyframe(&self) -> bool {
        self.structure.is_some()
    }

    /// Overwrites the frame number in the extension's value.
    pub fn rewrite_frame_number(_value: &mut [u8], _frame_number: u16) {
        todo!()
    }
}
