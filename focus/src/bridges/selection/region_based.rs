//! The best bridge for every participant's region, over-filling as late as possible.

use super::{Candidate, Question, Strategy};

/// Tries, in this order: a bridge of the conference in the region, one in the region's group, a new
/// one in the region, a new one in the group, any bridge of the conference, any bridge; each as long
/// as it is not overloaded. Then the least loaded.
pub struct RegionBased;

impl Strategy for RegionBased {
    fn choose<'a>(&self, q: &Question<'a>) -> Option<&'a Candidate> {
        let local = q.config.local_region.as_deref();
        let mut region = q.region.or(local);
        if local.is_some() {
            let far = q.conference.is_empty() && region != local && q.group_contains(region, local);
            let unserved = q
                .first(|b| q.group_contains(region, b.region.as_deref()))
                .is_none();
            if far || unserved {
                region = local;
            }
        }
        let here = |b: &Candidate| region.is_some() && b.region.as_deref() == region;
        let near = |b: &Candidate| q.group_contains(region, b.region.as_deref());
        q.first(|b| q.in_conference(b) && here(b) && !q.overloaded_in_conference(b))
            .or_else(|| {
                q.first(|b| q.in_conference(b) && near(b) && !q.overloaded_in_conference(b))
            })
            .or_else(|| q.first(|b| here(b) && !q.overloaded_in_conference(b)))
            .or_else(|| q.first(|b| near(b) && !q.overloaded_in_conference(b)))
            .or_else(|| q.first(|b| q.in_conference(b) && !q.overloaded_in_conference(b)))
            .or_else(|| q.first(|b| !q.overloaded(b)))
            .or_else(|| q.first(|b| q.in_conference(b) && q.below_max_participants(b)))
            .or_else(|| q.first(|_| true))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bridge, chosen};
    use crate::config::{BridgeConfig, StrategyName::RegionBased};

    fn config() -> BridgeConfig {
        BridgeConfig {
            region_groups: vec![vec!["eu-west".into(), "eu-east".into()]],
            max_participants: 10,
            ..BridgeConfig::default()
        }
    }

    #[test]
    fn region_based_goes_through_its_preferences_in_order() {
        let west = bridge("west", "eu-west", 0.1);
        let west2 = bridge("west2", "eu-west", 0.2);
        let east = bridge("east", "eu-east", 0.3);
        let us = bridge("us", "us", 0.0);
        let full = |name: &str, region: &str, stress: f64| bridge(name, region, stress);
        type Case<'a> = (
            &'a str,
            Vec<super::Candidate>,
            &'a [(&'a str, usize)],
            &'a str,
            &'a str,
        );
        let cases: Vec<Case<'_>> = vec![
            (
                "used here",
                vec![west.clone(), west2.clone(), us.clone()],
                &[("west2", 1)],
                "eu-west",
                "west2",
            ),
            (
                "used near",
                vec![west.clone(), east.clone(), us.clone()],
                &[("east", 1)],
                "eu-west",
                "east",
            ),
            (
                "new here",
                vec![west.clone(), us.clone()],
                &[("us", 1)],
                "eu-west",
                "west",
            ),
            (
                "new near",
                vec![east.clone(), us.clone()],
                &[("us", 1)],
                "eu-west",
                "east",
            ),
            (
                "used anywhere",
                vec![bridge("used", "us", 0.5), us.clone()],
                &[("used", 1)],
                "asia",
                "used",
            ),
            (
                "any",
                vec![full("used", "us", 0.9), us.clone()],
                &[("used", 1)],
                "asia",
                "us",
            ),
            (
                "full of this conference",
                vec![west.clone(), us.clone()],
                &[("west", 10)],
                "eu-west",
                "us",
            ),
            (
                "all overloaded: used",
                vec![full("a", "", 0.95), full("b", "", 0.9)],
                &[("a", 1)],
                "",
                "a",
            ),
            (
                "all overloaded, none used",
                vec![full("a", "", 0.95), full("b", "", 0.9)],
                &[],
                "",
                "b",
            ),
        ];
        for (name, bridges, conference, region, expected) in cases {
            let got = chosen(RegionBased, &bridges, conference, region, &config());
            assert_eq!(got.as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn the_focus_s_own_region_serves_regions_that_have_no_bridge() {
        let bridges = [bridge("here", "us", 0.5), bridge("idle", "asia", 0.0)];
        let config = BridgeConfig {
            local_region: Some("us".into()),
            ..config()
        };
        assert_eq!(
            chosen(RegionBased, &bridges, &[], "africa", &config).as_deref(),
            Some("here")
        );
    }

    #[test]
    fn a_new_conference_prefers_the_own_region_within_its_group() {
        let bridges = [
            bridge("west", "eu-west", 0.0),
            bridge("east", "eu-east", 0.5),
        ];
        let config = BridgeConfig {
            local_region: Some("eu-east".into()),
            ..config()
        };
        assert_eq!(
            chosen(RegionBased, &bridges, &[], "eu-west", &config).as_deref(),
            Some("east")
        );
    }
}
