//! Spatial and temporal layers of VP9 (RFC 9628) and AV1 (dependency descriptor).

use super::chains::Chains;
use crate::allocation::LayerIndex;
use crate::packet::{LayeredFrame, MAX_TARGET_LAYERS, SwitchTargets};

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
    pub fn keeps(&mut self, frame: &LayeredFrame, wanted: LayerIndex, chains: &Chains) -> bool {
        if frame.start {
            if frame.keyframe && frame.spatial == 0 {
                *self = Self::at_keyframe(wanted);
            }
            if frame.spatial == 0 {
                self.spatial = self.spatial.min(wanted.spatial);
                self.temporal = self.temporal.min(wanted.temporal);
            }
            if let Some(targets) = &frame.targets {
                self.rise(targets, wanted, chains);
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
        self.include(frame)
    }

    /// Whether a packet belongs to these layers.
    pub fn include(&self, frame: &LayeredFrame) -> bool {
        frame.spatial <= self.spatial && frame.temporal <= self.temporal
    }

    /// AV1: to the most that is wanted, can be begun with here, and came through whole so far.
    fn rise(&mut self, targets: &SwitchTargets, wanted: LayerIndex, chains: &Chains) {
        let most = MAX_TARGET_LAYERS as u8 - 1;
        for spatial in (self.spatial..=wanted.spatial.min(most)).rev() {
            // Without chains only a keyframe leads to a higher spatial layer.
            let whole = chains.is_whole(spatial)
                || (spatial == self.spatial && targets.chains[usize::from(spatial)].is_none());
            let least = self.temporal.min(wanted.temporal);
            let temporal = (least..=wanted.temporal.min(most))
                .rev()
                .find(|temporal| targets.switches(spatial, *temporal));
            if let Some(temporal) = temporal.filter(|_| whole) {
                (self.spatial, self.temporal) = (spatial, temporal);
                return;
            }
        }
    }
}
