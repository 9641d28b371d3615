//! As many bridges as possible, for tests of what happens between bridges.

use super::{Candidate, Question, Strategy};

/// Any bridge that the conference does not use, else the one with the fewest of its participants.
pub struct Split;

impl Strategy for Split {
    fn choose<'a>(&self, question: &Question<'a>) -> Option<&'a Candidate> {
        question.first(|b| !question.in_conference(b)).or_else(|| {
            question
                .candidates
                .iter()
                .min_by_key(|b| question.participants(b))
                .copied()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{bridge, chosen};
    use crate::config::{BridgeConfig, StrategyName::Split};

    #[test]
    fn split_takes_an_unused_bridge_and_then_the_emptiest() {
        let bridges = [bridge("a", "", 0.1), bridge("b", "", 0.2)];
        let config = BridgeConfig::default();
        assert_eq!(
            chosen(Split, &bridges, &[("a", 1)], "", &config).as_deref(),
            Some("b")
        );
        assert_eq!(
            chosen(Split, &bridges, &[("a", 2), ("b", 1)], "", &config).as_deref(),
            Some("b")
        );
    }
}
