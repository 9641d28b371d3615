//! A conference stays in the region in which it began.

use super::{Candidate, Question, Strategy};

/// Only bridges of the region of the conference's first bridge; the first one is that of the first
/// participant.
pub struct IntraRegion;

impl Strategy for IntraRegion {
    fn choose<'a>(&self, q: &Question<'a>) -> Option<&'a Candidate> {
        let Some((first, _)) = q.conference.first() else {
            return q
                .first(|b| {
                    q.region.is_some() && b.region.as_deref() == q.region && !q.overloaded(b)
                })
                .or_else(|| q.first(|_| true));
        };
        let here = |b: &Candidate| b.region == first.region;
        q.first(|b| q.in_conference(b) && here(b) && !q.overloaded_in_conference(b))
            .or_else(|| q.first(|b| here(b) && !q.overloaded_in_conference(b)))
            .or_else(|| q.first(|b| q.in_conference(b) && here(b)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bridge, chosen};
    use crate::config::{BridgeConfig, StrategyName::IntraRegion};

    #[test]
    fn intra_region_never_leaves_the_first_bridge_s_region() {
        let config = BridgeConfig::default();
        let bridges = [
            bridge("eu", "eu", 0.5),
            bridge("eu2", "eu", 0.6),
            bridge("us", "us", 0.0),
        ];
        let busy = [bridge("eu", "eu", 0.95), bridge("us", "us", 0.0)];
        let half = [
            bridge("eu", "eu", 0.95),
            bridge("eu2", "eu", 0.6),
            bridge("us", "us", 0.0),
        ];
        assert_eq!(
            chosen(IntraRegion, &bridges, &[], "eu", &config).as_deref(),
            Some("eu")
        );
        assert_eq!(
            chosen(IntraRegion, &bridges, &[], "asia", &config).as_deref(),
            Some("us")
        );
        assert_eq!(
            chosen(IntraRegion, &bridges, &[("eu", 1)], "us", &config).as_deref(),
            Some("eu")
        );
        assert_eq!(
            chosen(IntraRegion, &half, &[("eu", 1)], "us", &config).as_deref(),
            Some("eu2")
        );
        assert_eq!(
            chosen(IntraRegion, &busy, &[("eu", 1)], "us", &config).as_deref(),
            Some("eu")
        );
    }
}
