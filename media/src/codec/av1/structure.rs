//! The template dependency structure (AV1 RTP specification §A.8.3).

use arrayvec::ArrayVec;

use super::{MAX_DECODE_TARGETS, MAX_SPATIAL, MAX_TEMPLATES};
use crate::codec::Resolution;

/// What a frame is to a decode target (AV1 RTP specification §A.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum DecodeTargetIndication {
    /// Not part of it.
    #[default]
    NotPresent = 0,
    /// Part of it, and nothing later in it refers to this frame.
    Discardable = 1,
    /// Part of it, and one may start to decode the target here.
    Switch = 2,
    /// Part of it.
    Required = 3,
}

/// The highest layers of a decode target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeTargetLayer {
    /// Highest spatial id.
    pub spatial_id: u8,
    /// Highest temporal id.
    pub temporal_id: u8,
}

/// One frame dependency template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameTemplate {
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
}

/// The structure that all frames up to the next key frame refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateStructure {
    /// Id of the first template; template ids count from it, modulo 64.
    pub template_id_offset: u8,
    /// Templates in layer order.
    pub templates: Vec<FrameTemplate>,
    /// Layers of each decode target.
    pub decode_targets: ArrayVec<DecodeTargetLayer, MAX_DECODE_TARGETS>,
    /// Number of chains.
    pub chains: u8,
    /// Per decode target, the chain that protects it.
    pub protected_by: ArrayVec<u8, MAX_DECODE_TARGETS>,
    /// Sizes of the spatial layers, when given.
    pub resolutions: ArrayVec<Resolution, MAX_SPATIAL>,
}

impl TemplateStructure {
    /// The highest spatial id of any template.
    pub fn max_spatial_id(&self) -> u8 {
        self.templates
            .iter()
            .map(|t| t.spatial_id)
            .max()
            .unwrap_or(0)
    }

    /// The highest temporal id of any template.
    pub fn max_temporal_id(&self) -> u8 {
        self.templates
            .iter()
            .map(|t| t.temporal_id)
            .max()
            .unwrap_or(0)
    }

    /// The decode target whose highest layers are just these.
    pub fn decode_target(&self, layer: DecodeTargetLayer) -> Option<usize> {
        self.decode_targets.iter().position(|&l| l == layer)
    }

    /// Every decode target active.
    pub fn all_active(&self) -> u32 {
        u32::MAX
            .checked_shr(32 - self.decode_targets.len() as u32)
            .unwrap_or(0)
    }
}

const _: () = assert!(MAX_TEMPLATES == 64);
