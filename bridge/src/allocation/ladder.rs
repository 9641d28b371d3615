//! The layers of one source that are worth climbing for one receiver.

use media::units::Bitrate;

use super::Layer;
use super::effective::VideoConstraint;

/// On a large picture, frame rate is preferred to resolution from here on.
const PREFERRED_HEIGHT: u16 = 360;
/// Frame rate that a large picture should have before it grows further.
const PREFERRED_FRAME_RATE: f32 = 30.0;
/// What is at most so high is a thumbnail.
const THUMBNAIL_HEIGHT: u16 = 180;

/// Layers from least to most.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Ladder {
    /// The steps.
    pub layers: Vec<Layer>,
    /// The step that an on-stage source gets before anything else gets any.
    pub preferred: usize,
    /// The highest step that an on-stage screen share may take past the estimate: the least that
    /// shows it in full size.
    pub oversend: Option<usize>,
}

impl Ladder {
    /// Of a source's layers under a constraint.
    pub fn of(layers: &[Layer], constraint: &VideoConstraint, desktop: bool) -> Self {
        if constraint.is_nothing() {
            return Self::default();
        }
        if desktop {
            Self::of_desktop(layers, constraint)
        } else {
            Self::of_camera(layers, constraint)
        }
    }

    /// A screen share must be legible: resolution counts, its preferred step is the top.
    fn of_desktop(layers: &[Layer], constraint: &VideoConstraint) -> Self {
        let sent = || sent(layers);
        let fits = |l: &&Layer| constraint.max_height.is_none_or(|max| l.height <= max);
        let mut kept: Vec<_> = sent().filter(fits).copied().collect();
        if kept.is_empty() {
            let least = sent().map(|l| l.height).min();
            kept.extend(sent().filter(|l| Some(l.height) == least));
        }
        let full = kept.iter().map(|l| l.height).max();
        let least = kept
            .iter()
            .enumerate()
            .filter(|(_, l)| Some(l.height) == full)
            .min_by_key(|(_, l)| l.bitrate);
        Self {
            preferred: kept.len().saturating_sub(1),
            oversend: least.map(|(step, _)| step),
            layers: kept,
        }
    }

    fn of_camera(layers: &[Layer], constraint: &VideoConstraint) -> Self {
        let max_height = constraint.max_height.unwrap_or(u16::MAX);
        let max_rate = constraint.max_frame_rate.unwrap_or(f32::MAX);
        let large = max_height > THUMBNAIL_HEIGHT;
        let least = sent(layers).map(|l| l.height).min();
        let worth = |l: &&Layer| {
            if Some(l.height) == least {
                return true;
            }
            let full = l.frame_rate >= PREFERRED_FRAME_RATE.min(max_rate);
            l.height <= max_height
                && (!large || l.height < PREFERRED_HEIGHT || full || !has_full(layers, l.height))
        };
        let mut kept: Vec<_> = sent(layers).filter(worth).copied().collect();
        // The least resolution at a rate above what is wanted is not worth its bits either.
        let slow_enough = |l: &Layer| l.frame_rate <= max_rate * 1.05;
        if kept.iter().any(slow_enough) {
            kept.retain(slow_enough);
        }
        let preferred = if large {
            kept.iter()
                .rposition(|l| l.height <= PREFERRED_HEIGHT)
                .unwrap_or(0)
        } else {
            0
        };
        Self {
            layers: kept,
            preferred,
            oversend: None,
        }
    }
}

/// Whether some layer of this height has the preferred frame rate.
fn has_full(layers: &[Layer], height: u16) -> bool {
    sent(layers).any(|l| l.height == height && l.frame_rate >= PREFERRED_FRAME_RATE)
}

/// Layers that are being sent; all of them when nothing is known to be.
fn sent(layers: &[Layer]) -> impl Iterator<Item = &Layer> {
    let known = layers.iter().any(|l| l.bitrate > Bitrate::ZERO);
    layers
        .iter()
        .filter(move |l| !known || l.bitrate > Bitrate::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocation::LayerIndex;

    fn layer(height: u16, frame_rate: f32, kbps: u64) -> Layer {
        Layer {
            index: LayerIndex {
                encoding: (height / 180) as u8,
                spatial: 0,
                temporal: frame_rate as u8,
            },
            height,
            frame_rate,
            bitrate: Bitrate::from_kbps(kbps),
        }
    }

    fn camera() -> Vec<Layer> {
        let heights = [(180, 100), (360, 400), (720, 1500)];
        let all = heights.iter().flat_map(|(height, kbps)| {
            [(7.5, 1), (15.0, 2), (30.0, 3)].map(|(fps, share)| layer(*height, fps, kbps * share))
        });
        all.collect()
    }

    fn shape(ladder: &Ladder) -> Vec<(u16, f32)> {
        ladder
            .layers
            .iter()
            .map(|l| (l.height, l.frame_rate))
            .collect()
    }

    #[test]
    fn a_large_picture_grows_past_360_lines_only_at_full_frame_rate() {
        let ladder = Ladder::of(&camera(), &VideoConstraint::height(720), false);
        assert_eq!(
            shape(&ladder),
            [
                (180, 7.5),
                (180, 15.0),
                (180, 30.0),
                (360, 30.0),
                (720, 30.0)
            ]
        );
        assert_eq!(shape(&ladder)[ladder.preferred], (360, 30.0));
    }

    #[test]
    fn a_thumbnail_may_be_slow_but_not_large() {
        let ladder = Ladder::of(&camera(), &VideoConstraint::height(180), false);
        assert_eq!(shape(&ladder), [(180, 7.5), (180, 15.0), (180, 30.0)]);
        let ladder = Ladder::of(&camera(), &VideoConstraint::height(90), false);
        assert_eq!(shape(&ladder).len(), 3, "the least is always there");
        assert!(
            Ladder::of(&camera(), &VideoConstraint::NOTHING, false)
                .layers
                .is_empty()
        );
    }

    #[test]
    fn a_frame_rate_limit_leaves_out_what_exceeds_it() {
        let limit = VideoConstraint {
            max_height: Some(720),
            max_frame_rate: Some(15.0),
        };
        let ladder = Ladder::of(&camera(), &limit, false);
        assert!(ladder.layers.iter().all(|l| l.frame_rate <= 15.0));
        assert_eq!(shape(&ladder).last(), Some(&(720, 15.0)));
    }

    #[test]
    fn layers_that_nobody_sends_are_left_out_unless_nobody_sends_any() {
        let mut layers = camera();
        for layer in &mut layers[6..] {
            layer.bitrate = Bitrate::ZERO;
        }
        let ladder = Ladder::of(&layers, &VideoConstraint::UNLIMITED, false);
        assert_eq!(shape(&ladder).last(), Some(&(360, 30.0)));
        for layer in &mut layers {
            layer.bitrate = Bitrate::ZERO;
        }
        let ladder = Ladder::of(&layers, &VideoConstraint::UNLIMITED, false);
        assert_eq!(shape(&ladder).last(), Some(&(720, 30.0)));
    }

    #[test]
    fn a_screen_share_prefers_its_full_resolution() {
        let layers = [
            layer(720, 5.0, 300),
            layer(1080, 5.0, 900),
            layer(1080, 30.0, 2500),
        ];
        let ladder = Ladder::of(&layers, &VideoConstraint::height(1080), true);
        assert_eq!(ladder.preferred, 2);
        let ladder = Ladder::of(&layers, &VideoConstraint::height(180), true);
        assert_eq!(shape(&ladder), [(720, 5.0)]);
    }

    #[test]
    fn a_camera_that_never_reaches_full_frame_rate_still_grows() {
        let layers = [
            layer(180, 15.0, 100),
            layer(360, 15.0, 300),
            layer(720, 15.0, 900),
        ];
        let ladder = Ladder::of(&layers, &VideoConstraint::UNLIMITED, false);
        assert_eq!(shape(&ladder).len(), 3);
    }
}
