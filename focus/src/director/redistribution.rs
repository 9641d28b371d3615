//! Bridges that stay too hot give conferences to bridges with room. What is hot, for how long, and which conferences
//! go where is decided here, without a bridge or a stanza.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use xmpp::BareJid;

use crate::bridges::BridgeId;
use crate::config::{RedistributionConfig, seconds};

/// How far below the threshold a bridge is to come, and another one may be brought: what moves does not come back.
const MARGIN: f64 = 0.1;

/// A bridge as it is when conferences are to move.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Load {
    pub(super) bridge: BridgeId,
    /// Stress, 1 = full, with those who came a moment ago.
    pub(super) stress: f64,
    /// Conferences may be brought here.
    pub(super) welcomes: bool,
    /// Conferences of this focus on it, with their participants there.
    pub(super) conferences: Vec<(usize, BareJid)>,
}

/// A conference that is to move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) room: BareJid,
    pub(super) from: BridgeId,
    pub(super) to: BridgeId,
}

#[derive(Debug)]
struct Hot {
    stress: f64,
    look_at: Instant,
}

/// Which bridges are hot.
#[derive(Debug)]
pub(super) struct Redistribution {
    config: RedistributionConfig,
    hot: BTreeMap<BridgeId, Hot>,
    /// Bridges that conferences have just left or come to, and until when their load is not yet what it will be.
    resting: BTreeMap<BridgeId, Instant>,
}

impl Redistribution {
    pub(super) fn new(config: RedistributionConfig) -> Self {
        Self {
            config,
            hot: BTreeMap::new(),
            resting: BTreeMap::new(),
        }
    }

    /// A bridge says how loaded it is.
    pub(super) fn handle_stress(&mut self, bridge: &BridgeId, stress: f64, now: Instant) {
        if !self.config.enabled || stress < self.config.stress_threshold {
            self.hot.remove(bridge);
            return;
        }
        let rest = self.resting.get(bridge).copied().unwrap_or(now).max(now);
        let look_at = rest + seconds(self.config.hot_for_s);
        let hot = self
            .hot
            .entry(bridge.clone())
            .or_insert(Hot { stress, look_at });
        hot.stress = stress;
    }

    /// A bridge left.
    pub(super) fn handle_gone(&mut self, bridge: &BridgeId) {
        self.hot.remove(bridge);
        self.resting.remove(bridge);
    }

    /// When [`Self::handle_timeout`] is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.hot.values().map(|hot| hot.look_at).min()
    }

    /// What moves, of the bridges that have been hot for long enough.
    pub(super) fn handle_timeout(&mut self, loads: &[Load], now: Instant) -> Vec<Order> {
        self.resting.retain(|_, until| *until > now);
        let goal = self.config.stress_threshold - MARGIN;
        let mut loads = loads.to_vec();
        let mut orders = Vec::new();
        for (bridge, hot) in &mut self.hot {
            if hot.look_at > now {
                continue;
            }
            hot.look_at = now + seconds(self.config.hot_for_s);
            let before = orders.len();
            shed(bridge, hot.stress, goal, &mut loads, &mut orders);
            let rest: Duration = seconds(self.config.cool_down_s);
            if orders.len() > before {
                hot.look_at += rest;
            }
            for order in &orders[before..] {
                self.resting.insert(order.from.clone(), now + rest);
                self.resting.insert(order.to.clone(), now + rest);
            }
        }
        orders
    }
}

/// The fewest participants whose conferences bring a bridge down to `goal`. Each of its participants counts for the
/// same part of its stress: so a bridge of several shards gives the same share of each.
fn shed(bridge: &BridgeId, stress: f64, goal: f64, loads: &mut [Load], orders: &mut Vec<Order>) {
    let Some(load) = loads.iter().find(|load| load.bridge == *bridge) else {
        return;
    };
    let mut conferences = load.conferences.clone();
    let all: usize = conferences
        .iter()
        .map(|(participants, _)| participants)
        .sum();
    conferences.sort();
    let each = stress / all.max(1) as f64;
    let mut excess = stress - goal;
    while excess > 0.0 {
        let cost = |participants: usize| participants as f64 * each;
        let room_for = |participants: usize| {
            loads
                .iter()
                .enumerate()
                .filter(|(_, to)| to.welcomes && to.bridge != *bridge)
                .filter(|(_, to)| to.stress + cost(participants) <= goal)
                .min_by(|(_, a), (_, b)| a.stress.total_cmp(&b.stress))
                .map(|(index, _)| index)
        };
        // The smallest that does it alone, else the largest that helps.
        let enough = conferences.partition_point(|(participants, _)| cost(*participants) < excess);
        let fitting = (enough..conferences.len())
            .chain((0..enough).rev())
            .find_map(|index| Some((index, room_for(conferences[index].0)?)));
        let Some((index, to)) = fitting else {
            return;
        };
        let (participants, room) = conferences.remove(index);
        excess -= cost(participants);
        loads[to].stress += cost(participants);
        orders.push(Order {
            room,
            from: bridge.clone(),
            to: loads[to].bridge.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn load(name: &str, stress: f64, conferences: &[usize]) -> Load {
        Load {
            bridge: BridgeId::named(name),
            stress,
            welcomes: true,
            conferences: conferences
                .iter()
                .enumerate()
                .map(|(n, participants)| {
                    (
                        *participants,
                        BareJid::new(&format!("{name}{n}@muc.x")).unwrap(),
                    )
                })
                .collect(),
        }
    }

    /// What leaves the hot bridge `a`, as `ROOM>BRIDGE`.
    fn decided(redistribution: &mut Redistribution, loads: &[Load], now: Instant) -> Vec<String> {
        redistribution
            .handle_timeout(loads, now)
            .iter()
            .map(|order| format!("{}>{}", order.room.node().unwrap(), order.to.nick()))
            .collect()
    }

    fn redistribution() -> Redistribution {
        Redistribution::new(RedistributionConfig::default())
    }

    #[test]
    fn the_fewest_participants_that_help_go_where_there_is_room() {
        let full = Load {
            welcomes: false,
            ..load("b", 0.0, &[])
        };
        type Case = (
            &'static str,
            &'static [usize],
            Vec<Load>,
            &'static [&'static str],
        );
        let cases: [Case; 8] = [
            (
                "one that is just large enough",
                &[50, 20, 30],
                vec![load("b", 0.1, &[])],
                &["a2>b"],
            ),
            (
                "several where none is",
                &[10; 10],
                vec![load("b", 0.1, &[])],
                &["a9>b", "a8>b", "a0>b"],
            ),
            (
                "the least loaded takes it",
                &[50, 20, 30],
                vec![load("b", 0.3, &[]), load("c", 0.2, &[])],
                &["a2>c"],
            ),
            (
                "what comes to a bridge counts there",
                &[10; 10],
                vec![load("b", 0.45, &[]), load("c", 0.5, &[])],
                &["a9>b", "a8>c", "a0>b"],
            ),
            (
                "a smaller one where the right one has no room",
                &[50, 20, 30],
                vec![load("b", 0.5, &[])],
                &["a1>b"],
            ),
            (
                "a conference that is all the load goes nowhere",
                &[100],
                vec![load("b", 0.0, &[])],
                &[],
            ),
            (
                "nobody goes to a bridge that is warm itself",
                &[10; 10],
                vec![load("b", 0.68, &[])],
                &[],
            ),
            (
                "nobody goes to a bridge that drains",
                &[10; 10],
                vec![full],
                &[],
            ),
        ];
        for (what, conferences, others, expected) in cases {
            let now = Instant::now();
            let mut redistribution = redistribution();
            redistribution.handle_stress(&BridgeId::named("a"), 0.95, now);
            let due = redistribution.poll_timeout().unwrap();
            let mut loads = vec![load("a", 0.95, conferences)];
            loads.extend(others);
            assert_eq!(
                decided(&mut redistribution, &loads, due),
                expected,
                "{what}"
            );
        }
    }

    #[test]
    fn only_what_stays_hot_gives_away_and_then_rests() {
        let config = RedistributionConfig::default();
        let mut redistribution = redistribution();
        let (a, b) = (BridgeId::named("a"), BridgeId::named("b"));
        let loads = [load("a", 0.9, &[10; 10]), load("b", 0.1, &[])];
        let start = Instant::now();
        let at = |s: u64| start + Duration::from_secs(s);

        redistribution.handle_stress(&a, 0.9, start);
        redistribution.handle_stress(&a, 0.7, at(5));
        assert_eq!(
            redistribution.poll_timeout(),
            None,
            "a moment is no trouble"
        );

        redistribution.handle_stress(&a, 0.9, at(10));
        redistribution.handle_stress(&a, 0.95, at(15));
        let due = at(10 + config.hot_for_s);
        assert_eq!(redistribution.poll_timeout(), Some(due));
        assert_eq!(redistribution.handle_timeout(&loads, at(11)), []);
        assert!(!redistribution.handle_timeout(&loads, due).is_empty());

        let rested = due + seconds(config.cool_down_s);
        redistribution.handle_stress(&b, 0.9, due + Duration::from_secs(1));
        assert_eq!(
            redistribution.poll_timeout(),
            Some(rested + seconds(config.hot_for_s)),
            "neither gives away again before its load has settled"
        );
        redistribution.handle_gone(&a);
        redistribution.handle_gone(&b);
        assert_eq!(redistribution.poll_timeout(), None);
    }

    #[test]
    fn it_can_be_turned_off() {
        let mut off = Redistribution::new(RedistributionConfig {
            enabled: false,
            ..RedistributionConfig::default()
        });
        off.handle_stress(&BridgeId::named("a"), 2.0, Instant::now());
        assert_eq!(off.poll_timeout(), None);
    }
}
