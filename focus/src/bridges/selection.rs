//! Choosing a bridge: a pure function of the bridges, the conference and the participant.
//!
//! One file per strategy. Everything that all strategies share (who is a candidate at all, what makes
//! a bridge overloaded, in what order bridges are tried) is here.

pub mod intra_region;
pub mod region_based;
pub mod single;
pub mod split;

use crate::config::{BridgeConfig, StrategyName};

use super::BridgeId;

/// What selection knows of one bridge.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Occupant in the brewery.
    pub id: BridgeId,
    /// Region it announced.
    pub region: Option<String>,
    /// Name under which other bridges may connect to it; without one, it shares no conference.
    pub relay_id: Option<String>,
    /// Version with release.
    pub version: Option<String>,
    /// Reported stress plus what participants added a moment ago will cause (1 = full).
    pub stress: f64,
    /// Participants of all conferences on it, as it reported, and those added since.
    pub participants: u64,
    /// Healthy as far as the focus knows.
    pub operational: bool,
    /// Finishes its conferences and takes no new one.
    pub graceful_shutdown: bool,
    /// About to exit.
    pub shutting_down: bool,
    /// Avoided for new conferences.
    pub draining: bool,
}

/// A bridge that the conference uses already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InConference {
    /// By which it is asked.
    pub id: BridgeId,
    /// Participants of this conference on it.
    pub participants: usize,
}

/// The conference for which a bridge is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConferenceView {
    /// Bridges in use, in the order in which they were added.
    pub bridges: Vec<InConference>,
}

/// What every strategy is given.
pub struct Question<'a> {
    /// Candidates, best first.
    pub candidates: &'a [&'a Candidate],
    /// The conference's bridges among them.
    pub conference: &'a [(&'a Candidate, usize)],
    /// Region of the participant.
    pub region: Option<&'a str>,
    /// Thresholds and region groups.
    pub config: &'a BridgeConfig,
}

impl<'a> Question<'a> {
    fn overloaded(&self, bridge: &Candidate) -> bool {
        bridge.stress >= self.config.stress_threshold
    }

    fn participants(&self, bridge: &Candidate) -> Option<usize> {
        self.conference
            .iter()
            .find(|(b, _)| b.id == bridge.id)
            .map(|(_, n)| *n)
    }

    fn below_max_participants(&self, bridge: &Candidate) -> bool {
        self.participants(bridge)
            .is_none_or(|n| n < self.config.max_participants)
    }

    fn overloaded_in_conference(&self, bridge: &Candidate) -> bool {
        self.overloaded(bridge) || !self.below_max_participants(bridge)
    }

    fn in_conference(&self, bridge: &Candidate) -> bool {
        self.participants(bridge).is_some()
    }

    fn first(&self, condition: impl Fn(&Candidate) -> bool) -> Option<&'a Candidate> {
        self.candidates
            .iter()
            .find(|bridge| condition(bridge))
            .copied()
    }

    /// Regions that may stand in for `region`: its group, and always itself.
    fn group_contains(&self, region: Option<&str>, other: Option<&str>) -> bool {
        let (Some(region), Some(other)) = (region, other) else {
            return false;
        };
        region == other
            || self
                .config
                .region_groups
                .iter()
                .any(|group| group.iter().any(|r| r == region) && group.iter().any(|r| r == other))
    }
}

/// One way to choose among the candidates.
pub trait Strategy: Send + Sync {
    /// The bridge for one participant; `None` when there is no suitable one.
    fn choose<'a>(&self, question: &Question<'a>) -> Option<&'a Candidate>;
}

/// The strategy of that name.
pub fn strategy(name: StrategyName) -> Box<dyn Strategy> {
    match name {
        StrategyName::Single => Box::new(single::Single),
        StrategyName::Split => Box::new(split::Split),
        StrategyName::RegionBased => Box::new(region_based::RegionBased),
        StrategyName::IntraRegion => Box::new(intra_region::IntraRegion),
    }
}

/// Chooses the bridge for one participant.
///
/// `relays` says whether bridges can be joined in one conference; without, a conference stays on its
/// first bridge.
pub fn select(
    strategy: &dyn Strategy,
    bridges: &[Candidate],
    conference: &ConferenceView,
    region: Option<&str>,
    relays: bool,
    config: &BridgeConfig,
) -> Option<BridgeId> {
    let region = region.map(|r| config.region_aliases.get(r).map_or(r, String::as_str));
    let used: Vec<(&Candidate, usize)> = conference
        .bridges
        .iter()
        .filter_map(|used| {
            bridges
                .iter()
                .find(|b| b.id == used.id && b.operational)
                .map(|b| (b, used.participants))
        })
        .collect();
    if let Some((first, _)) = used.first()
        && (!relays || first.relay_id.is_none())
    {
        return (!first.shutting_down).then(|| first.id.clone());
    }
    let version = if config.same_version {
        used.first().and_then(|(b, _)| b.version.as_deref())
    } else {
        None
    };
    let candidates = candidates(bridges, version);
    strategy
        .choose(&Question {
            candidates: &candidates,
            conference: &used,
            region,
            config,
        })
        .map(|b| b.id.clone())
}

/// Differences of stress below this are chance: bridges on one machine measure the same CPU at different moments.
const STRESS_STEP: f64 = 0.05;

/// Bridges that may be chosen at all, best first: the least stressed, and of those about as stressed the one with the
/// fewest participants.
fn candidates<'a>(bridges: &'a [Candidate], version: Option<&str>) -> Vec<&'a Candidate> {
    let mut all: Vec<&Candidate> = bridges
        .iter()
        .filter(|b| b.operational && !b.shutting_down)
        .filter(|b| version.is_none() || b.version.as_deref() == version)
        .collect();
    keep_if_any(&mut all, |b| !b.draining);
    keep_if_any(&mut all, |b| !b.graceful_shutdown);
    all.sort_by(|a, b| {
        a.graceful_shutdown
            .cmp(&b.graceful_shutdown)
            .then_with(|| step(a.stress).total_cmp(&step(b.stress)))
            .then_with(|| a.participants.cmp(&b.participants))
            .then_with(|| a.stress.total_cmp(&b.stress))
            .then_with(|| a.id.cmp(&b.id))
    });
    all
}

fn step(stress: f64) -> f64 {
    (stress / STRESS_STEP).round()
}

fn keep_if_any(bridges: &mut Vec<&Candidate>, condition: impl Fn(&Candidate) -> bool) {
    if bridges.iter().any(|b| condition(b)) {
        bridges.retain(|b| condition(b));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    pub(crate) fn id(name: &str) -> BridgeId {
        BridgeId::named(name)
    }

    pub(crate) fn bridge(name: &str, region: &str, stress: f64) -> Candidate {
        Candidate {
            id: id(name),
            region: (!region.is_empty()).then(|| region.to_owned()),
            relay_id: Some(name.to_owned()),
            version: Some("1".to_owned()),
            stress,
            participants: 0,
            operational: true,
            graceful_shutdown: false,
            shutting_down: false,
            draining: false,
        }
    }

    pub(crate) fn conference(bridges: &[(&str, usize)]) -> ConferenceView {
        ConferenceView {
            bridges: bridges
                .iter()
                .map(|(n, p)| InConference {
                    id: id(n),
                    participants: *p,
                })
                .collect(),
        }
    }

    /// What `name` chooses, by nickname.
    pub(crate) fn chosen(
        name: StrategyName,
        bridges: &[Candidate],
        conf: &[(&str, usize)],
        region: &str,
        config: &BridgeConfig,
    ) -> Option<String> {
        let region = (!region.is_empty()).then_some(region);
        select(
            &*strategy(name),
            bridges,
            &conference(conf),
            region,
            true,
            config,
        )
        .map(|b| b.nick().to_owned())
    }

    fn single(bridges: &[Candidate], conf: &[(&str, usize)]) -> Option<String> {
        chosen(
            StrategyName::Single,
            bridges,
            conf,
            "",
            &BridgeConfig::default(),
        )
    }

    #[test]
    fn bridges_that_cannot_serve_are_never_chosen() {
        let ok = bridge("ok", "", 0.5);
        for broken in [
            Candidate {
                operational: false,
                ..bridge("x", "", 0.0)
            },
            Candidate {
                shutting_down: true,
                ..bridge("x", "", 0.0)
            },
        ] {
            assert_eq!(
                single(&[broken.clone(), ok.clone()], &[]),
                Some("ok".into())
            );
            assert_eq!(single(&[broken], &[]), None);
        }
    }

    #[test]
    fn draining_and_graceful_bridges_are_chosen_only_when_there_is_no_other() {
        let ok = bridge("ok", "", 0.7);
        for avoided in [
            Candidate {
                draining: true,
                ..bridge("x", "", 0.0)
            },
            Candidate {
                graceful_shutdown: true,
                ..bridge("x", "", 0.0)
            },
        ] {
            assert_eq!(
                single(&[avoided.clone(), ok.clone()], &[]),
                Some("ok".into())
            );
            assert_eq!(single(&[avoided], &[]), Some("x".into()));
        }
    }

    #[test]
    fn of_bridges_about_as_stressed_the_one_with_the_fewest_participants_is_chosen() {
        let with = |name, stress, participants| Candidate {
            participants,
            ..bridge(name, "", stress)
        };
        let chosen = |a, b| single(&[a, b], &[]);
        assert_eq!(
            chosen(with("a", 0.503, 8), with("b", 0.511, 2)),
            Some("b".into())
        );
        assert_eq!(
            chosen(with("a", 0.511, 2), with("b", 0.503, 2)),
            Some("b".into())
        );
        assert_eq!(
            chosen(with("a", 0.5, 80), with("b", 0.6, 2)),
            Some("a".into())
        );
    }

    #[test]
    fn a_conference_keeps_one_version() {
        let config = BridgeConfig::default();
        let old = bridge("old", "", 0.9);
        let new = Candidate {
            version: Some("2".into()),
            ..bridge("new", "", 0.0)
        };
        let bridges = [old, new];
        assert_eq!(
            chosen(
                StrategyName::RegionBased,
                &bridges,
                &[("old", 1)],
                "",
                &config
            ),
            Some("old".into())
        );
        let mixed = BridgeConfig {
            same_version: false,
            ..config
        };
        assert_eq!(
            chosen(
                StrategyName::RegionBased,
                &bridges,
                &[("old", 1)],
                "",
                &mixed
            ),
            Some("new".into())
        );
    }

    #[test]
    fn without_relays_a_conference_stays_on_its_bridge() {
        let bridges = [
            Candidate {
                relay_id: None,
                ..bridge("a", "", 2.0)
            },
            bridge("b", "", 0.0),
        ];
        let config = BridgeConfig::default();
        assert_eq!(
            chosen(
                StrategyName::RegionBased,
                &bridges,
                &[("a", 500)],
                "",
                &config
            ),
            Some("a".into())
        );
        let relays_off = select(
            &*strategy(StrategyName::RegionBased),
            &[bridge("a", "", 2.0), bridge("b", "", 0.0)],
            &conference(&[("a", 1)]),
            None,
            false,
            &config,
        );
        assert_eq!(relays_off, Some(id("a")));
    }

    #[test]
    fn a_conference_whose_bridge_failed_gets_another() {
        let bridges = [
            Candidate {
                operational: false,
                ..bridge("a", "", 0.0)
            },
            bridge("b", "", 0.9),
        ];
        assert_eq!(single(&bridges, &[("a", 3)]), Some("b".into()));
    }
}
