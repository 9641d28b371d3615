//! Spatial and temporal layers of VP9 (RFC 9628) and AV1 (dependency descriptor).

use crate::allocation::LayerIndex;
use crate::packet::LayeredFrame;

/// The layers of a stream that are being forwarded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layers {
    /// Highest spatial layer.
    pub spatial: u8,
    /// Highest temporal layer.
    pub temporal: u8,
}

impl Layers {
    /// A keyframe opens every layer.
    pub fn at_keyframe(wanted: LayerIndex) -> Self {
        Self {
            spatial: wanted.spatial,
            temporal: wanted.temporal,
        }
    }

    /// Whether the wanted spatial layer may never be reached without a keyframe.
    pub fn awaits_keyframe(&self, wanted: LayerIndex) -> bool {
        self.spatial < wanted.spatial
    }

    /// Whether a new packet belongs to the layers that are forwarded. They shrink between pictures,
    /// and grow where the frame says that one may start to decode the layer.
    pub fn keeps(&mut self, frame: &LayeredFrame, wanted: LayerIndex) -> bool {
        if frame.start {
            if frame.keyframe && frame.spatial == 0 {
                *self = Self::at_keyframe(wanted);
            }
            if frame.spatial == 0 {
                self.spatial = self.spatial.min(wanted.spatial);
                self.temporal = self.temporal.min(wanted.temporal);
            }
            if frame.temporal > self.temporal
                && frame.temporal <= wanted.temporal
                && frame.temporal_switch
            {
                self.temporal = frame.temporal;
            }
            if self.spatial.checked_add(1) == Some(frame.spatial)
                && frame.spatial <= wanted.spatial
                && frame.temporal <= self.temporal
                && frame.spatial_switch
            {
                self.spatial = frame.spatial;
            }
        }
        frame.spatial <= self.spatial && frame.temporal <= self.temporal
    }
}
