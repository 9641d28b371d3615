//! What a receiver asks for, and what last-N leaves of it.

use media::units::Bitrate;
use rustc_hash::FxHashMap;

use super::Candidate;
use crate::ids::SourceName;

/// How much of a source is wanted.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct VideoConstraint {
    /// Lines; `None`: any number. 0: nothing at all.
    pub max_height: Option<u16>,
    /// Frames per second; `None`: any number.
    pub max_frame_rate: Option<f32>,
}

impl VideoConstraint {
    /// The source is not to be sent.
    pub const NOTHING: Self = Self {
        max_height: Some(0),
        max_frame_rate: None,
    };
    /// Everything.
    pub const UNLIMITED: Self = Self {
        max_height: None,
        max_frame_rate: None,
    };

    /// Up to so many lines.
    pub const fn height(lines: u16) -> Self {
        Self {
            max_height: Some(lines),
            max_frame_rate: None,
        }
    }

    /// Whether nothing is wanted.
    pub fn is_nothing(&self) -> bool {
        self.max_height == Some(0)
    }
}

/// What a receiver said on its bridge channel (`ReceiverVideoConstraints`).
#[derive(Clone, PartialEq, Debug)]
pub struct ReceiverConstraints {
    /// `None`: all.
    pub last_n: Option<usize>,
    /// Bandwidth that is assumed in place of the estimate.
    pub assumed_bandwidth: Option<Bitrate>,
    /// Shown large, in this order.
    pub on_stage: Vec<SourceName>,
    /// Chosen, in this order.
    pub selected: Vec<SourceName>,
    /// For sources that are not named.
    pub default: VideoConstraint,
    /// For sources that are.
    pub by_source: FxHashMap<SourceName, VideoConstraint>,
}

impl Default for ReceiverConstraints {
    /// Before the first message: nothing.
    fn default() -> Self {
        Self {
            last_n: None,
            assumed_bandwidth: None,
            on_stage: Vec::new(),
            selected: Vec::new(),
            default: VideoConstraint::NOTHING,
            by_source: FxHashMap::default(),
        }
    }
}

impl ReceiverConstraints {
    /// What is wanted of a source.
    pub fn of(&self, name: &SourceName) -> VideoConstraint {
        self.by_source.get(name).copied().unwrap_or(self.default)
    }

    /// Whether it is shown large.
    pub fn is_on_stage(&self, name: &SourceName) -> bool {
        self.on_stage.contains(name)
    }
}

/// For each candidate, in order: what is left of its constraint. The first last-N that are enabled
/// and wanted keep theirs.
pub fn effective_constraints<S>(
    ordered: &[&Candidate<'_, S>],
    constraints: &ReceiverConstraints,
    last_n: Option<usize>,
) -> Vec<VideoConstraint> {
    let own = constraints.last_n.unwrap_or(usize::MAX);
    let mut left = own.min(last_n.unwrap_or(usize::MAX));
    let effective = ordered.iter().map(|candidate| {
        let wanted = constraints.of(candidate.name);
        if wanted.is_nothing() || !candidate.video_type.is_enabled() || left == 0 {
            return VideoConstraint::NOTHING;
        }
        left -= 1;
        wanted
    });
    effective.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::VideoType;
    use crate::ids::EndpointKey;

    #[test]
    fn disabled_and_unwanted_sources_do_not_count_towards_last_n() {
        let names: Vec<SourceName> = ["a", "b", "c", "d", "e"].map(SourceName::from).to_vec();
        let candidate = |i: usize, video_type| Candidate {
            source: i,
            name: &names[i],
            owner: EndpointKey(i as u64),
            video_type,
            layers: &[],
            held: None,
        };
        let candidates = [
            candidate(0, VideoType::None),
            candidate(1, VideoType::Camera),
            candidate(2, VideoType::Camera),
            candidate(3, VideoType::Desktop),
            candidate(4, VideoType::Camera),
        ];
        let mut constraints = ReceiverConstraints {
            last_n: Some(2),
            default: VideoConstraint::UNLIMITED,
            ..ReceiverConstraints::default()
        };
        constraints
            .by_source
            .insert("b".into(), VideoConstraint::NOTHING);
        let ordered: Vec<_> = candidates.iter().collect();
        let effective = effective_constraints(&ordered, &constraints, None);
        let kept: Vec<_> = effective.iter().map(|c| !c.is_nothing()).collect();
        assert_eq!(kept, [false, false, true, true, false]);
        let effective = effective_constraints(&ordered, &constraints, Some(1));
        assert_eq!(effective.iter().filter(|c| !c.is_nothing()).count(), 1);
    }
}
