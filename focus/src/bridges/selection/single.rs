//! One bridge per conference.

use super::{Candidate, Question, Strategy};

/// The least loaded bridge in the first participant's region, else the least loaded; then always that one.
pub struct Single;

impl Strategy for Single {
    fn choose<'a>(&self, question: &Question<'a>) -> Option<&'a Candidate> {
        if let Some((bridge, _)) = question.conference.first() {
            return question.first(|b| b.id == bridge.id);
        }
        question
            .first(|b| question.region.is_some() && b.region.as_deref() == question.region)
            .or_else(|| question.first(|_| true))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bridge, chosen};
    use crate::config::{BridgeConfig, StrategyName::Single};

    #[test]
    fn single_takes_the_least_loaded_of_the_region_first_and_then_stays() {
        let bridges = [
            bridge("eu-busy", "eu", 0.7),
            bridge("eu", "eu", 0.5),
            bridge("us", "us", 0.1),
        ];
        let config = BridgeConfig::default();
        let cases = [
            (&[][..], "eu", Some("eu")),
            (&[][..], "us", Some("us")),
            (&[][..], "asia", Some("us")),
            (&[][..], "", Some("us")),
            (&[("eu-busy", 4)][..], "us", Some("eu-busy")),
        ];
        for (conference, region, expected) in cases {
            assert_eq!(
                chosen(Single, &bridges, conference, region, &config).as_deref(),
                expected,
                "{region}"
            );
        }
    }
}
