//! Temporal layers of VP8 (RFC 7741).

use super::layered::Layers;
use crate::allocation::LayerIndex;
use crate::packet::Vp8Frame;

/// Whether a new packet belongs to the layers that are forwarded, which change between frames only:
/// down at any frame, up where a frame refers to the base layer alone.
pub fn keeps(layers: &mut Layers, frame: &Vp8Frame, wanted: LayerIndex) -> bool {
    if frame.start {
        if frame.keyframe || layers.temporal > wanted.temporal {
            layers.temporal = wanted.temporal;
        } else if frame.temporal > layers.temporal
            && frame.temporal <= wanted.temporal
            && frame.sync
        {
            layers.temporal = frame.temporal;
        }
    }
    frame.temporal <= layers.temporal
}
