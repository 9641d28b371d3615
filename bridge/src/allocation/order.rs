//! In which order sources are served.

use super::Candidate;
use super::effective::ReceiverConstraints;

/// Enabled sources that the receiver put on stage, then those it selected, then the other enabled
/// ones, then disabled ones; within each as they came, which is by speech activity.
pub fn prioritise<'c, 'a, S>(
    candidates: &'c [Candidate<'a, S>],
    constraints: &ReceiverConstraints,
) -> Vec<&'c Candidate<'a, S>> {
    let rank = |candidate: &Candidate<'a, S>| {
        if !candidate.video_type.is_enabled() {
            return usize::MAX;
        }
        let chosen = constraints.on_stage.iter().chain(&constraints.selected);
        let position = chosen.into_iter().position(|name| name == candidate.name);
        position.unwrap_or(usize::MAX - 1)
    };
    let mut ordered: Vec<_> = candidates.iter().collect();
    ordered.sort_by_cached_key(|candidate| rank(candidate));
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::VideoType;
    use crate::ids::{EndpointKey, SourceName};

    #[test]
    fn stage_then_selection_then_speech_order_then_disabled() {
        let names: Vec<SourceName> = ["a", "b", "c", "d", "e"].map(SourceName::from).to_vec();
        let candidates: Vec<_> = (0..5)
            .map(|i| Candidate {
                source: i,
                name: &names[i],
                owner: EndpointKey(i as u64),
                video_type: if i == 0 {
                    VideoType::Disabled
                } else {
                    VideoType::Camera
                },
                layers: &[],
                held: None,
            })
            .collect();
        let constraints = ReceiverConstraints {
            on_stage: vec!["e".into()],
            selected: vec!["d".into(), "a".into()],
            ..ReceiverConstraints::default()
        };
        let ordered = prioritise(&candidates, &constraints);
        let order: Vec<_> = ordered.iter().map(|c| c.source).collect();
        assert_eq!(order, [4, 3, 1, 2, 0]);
    }
}
