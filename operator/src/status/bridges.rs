//! What is told of single bridges: why each one starts, drains, is put back to use, and goes.

use std::time::Duration;

use super::Word;
use super::autoscaling::measured;
use super::pods::counted;
use crate::build::names;
use crate::crd::{DrainPolicy, Span};
use crate::scale::{DRAIN, ScalePlan, Why, draining_since};
use crate::world::PoolWorld;

/// Reasons of events.
pub(crate) mod reason {
    /// Bridges are made.
    pub(crate) const STARTS: &str = "BridgeStarts";
    /// A bridge is told to drain.
    pub(crate) const DRAINING: &str = "Draining";
    /// A bridge that drained takes meetings again.
    pub(crate) const BACK_IN_USE: &str = "BackInUse";
    /// A bridge that drained may go at any time, and stays for the time being.
    pub(crate) const DRAINED: &str = "Drained";
    /// A bridge ends, and none comes in its place.
    pub(crate) const REMOVED: &str = "BridgeRemoved";
    /// A bridge ends, and comes back with the new spec.
    pub(crate) const REPLACED: &str = "BridgeReplaced";
    /// The same two, with people on it.
    pub(crate) const TIMEOUT: &str = "DrainTimeout";
}

/// Names that are told of; the rest is counted.
const NAMED: usize = 3;
/// Up to so many bridges that start are all named.
const ALL_NAMED: i32 = 8;

impl Why {
    /// The second half of a sentence.
    fn because(&self, world: &PoolWorld) -> String {
        match self {
            Self::Deleted => "its pool is being deleted".into(),
            Self::Surplus => are_wanted(world),
            Self::Update => "the pool has a new spec".into(),
            Self::Node(farewell) => format!("its node {farewell}"),
            Self::ByHand => format!("its pod has annotation {DRAIN}"),
        }
    }
}

fn wanted(world: &PoolWorld) -> String {
    match world.pool.spec.replicas {
        1 => "1 is wanted".into(),
        many => format!("{many} are wanted"),
    }
}

/// With what the autoscaler sees.
fn are_wanted(world: &PoolWorld) -> String {
    let measured = measured(world).map(|text| format!(": {text}"));
    wanted(world) + &measured.unwrap_or_default()
}

fn people(count: i64) -> String {
    match count {
        0 => "nobody".into(),
        1 => "1 person".into(),
        many => format!("{many} people"),
    }
}

fn people_on(world: &PoolWorld, pod: &str) -> i64 {
    world
        .bridges
        .get(pod)
        .map_or(0, |report| report.participants)
}

/// How long ago a bridge was told to drain, as people write it.
fn drained_for(world: &PoolWorld, pod: &str) -> Span {
    let since = world.live.pods.get(pod).and_then(draining_since);
    let long = since.map_or(Duration::ZERO, |since| world.now.saturating_sub(since));
    Span::seconds(long.as_secs())
}

/// Some names, and how many more there are.
fn listed(names: &[&str]) -> String {
    let (first, more) = names.split_at(names.len().min(NAMED));
    let mut text = first.join(", ");
    if !more.is_empty() {
        text += &format!(" and {} more", more.len());
    }
    text
}

/// The bridges from ordinal `from` to before ordinal `to` are made.
pub(crate) fn start(world: &PoolWorld, plan: &ScalePlan, from: i32, to: i32) -> Word {
    let pool = world.pool.metadata.name.as_deref().unwrap_or_default();
    let name = |ordinal| names::bridge_pod(pool, ordinal);
    let who = match to - from {
        1 => format!("bridge {} starts", name(from)),
        2..=ALL_NAMED => {
            let all: Vec<String> = (from..to).map(name).collect();
            format!("bridges {} start", all.join(", "))
        }
        _ => format!("bridges {} to {} start", name(from), name(to - 1)),
    };
    let others = plan.why.iter().filter(|(_, why)| **why != Why::Surplus);
    let leaving = others.map(|(pod, why)| format!("{pod} leaves, because {}", why.because(world)));
    let stands_in = leaving.chain(plan.update.iter().map(|_| {
        "the pool has a new spec: its bridges are replaced one by one when this one takes meetings".into()
    }));
    let why = match stands_in
        .into_iter()
        .next()
        .filter(|_| to > world.pool.spec.replicas)
    {
        Some(text) => text,
        None => are_wanted(world),
    };
    Word::normal(reason::STARTS, format!("{who}, because {why}"))
}

/// A bridge was told to drain.
pub(crate) fn drain(world: &PoolWorld, pod: &str, why: &Why) -> Word {
    let stays = matches!(why, Why::Node(_) | Why::ByHand);
    let spec = &world.pool.spec.drain;
    let others: Vec<&str> = takers(world).filter(|other| *other != pod).collect();
    let people = match people_on(world, pod) {
        0 => "nobody is on it".into(),
        count if !stays && spec.policy == DrainPolicy::WaitForEmpty => format!(
            "it waits until {} on it {} left, at most {}",
            people(count),
            if count == 1 { "has" } else { "have" },
            spec.timeout
        ),
        count if others.is_empty() => format!(
            "{} on it can be moved as soon as another bridge takes meetings",
            people(count)
        ),
        count => format!(
            "{} on it {} moved, other bridges are {}",
            people(count),
            if count == 1 { "is" } else { "are" },
            listed(&others)
        ),
    };
    let note = format!(
        "bridge {pod} takes no new meetings, because {}; {people}",
        why.because(world)
    );
    Word::normal(reason::DRAINING, note)
}

/// A bridge was told to take meetings again.
pub(crate) fn back_in_use(world: &PoolWorld, pod: &str) -> Word {
    let note = format!(
        "bridge {pod} takes meetings again, because it is not to leave any more; {}",
        are_wanted(world)
    );
    Word::normal(reason::BACK_IN_USE, note)
}

/// A bridge stays, and may be ended by anybody.
pub(crate) fn drained(world: &PoolWorld, pod: &str, moved: u64) -> Word {
    let note = format!(
        "bridge {pod} may be ended at any time: {}",
        how_it_ends(world, pod, moved)
    );
    Word::normal(reason::DRAINED, note)
}

/// A bridge ends. `moved` people of it were moved by focuses, as far as is known.
pub(crate) fn end(world: &PoolWorld, plan: &ScalePlan, pod: &str, moved: u64) -> Word {
    let (reason, does) = if plan.replace.iter().any(|one| one == pod) {
        (reason::REPLACED, "is replaced by one of the new spec")
    } else {
        (reason::REMOVED, "is removed")
    };
    let note = format!("bridge {pod} {does}: {}", how_it_ends(world, pod, moved));
    if plan.overdue.iter().any(|one| one == pod) {
        Word::warning(reason::TIMEOUT, note)
    } else {
        Word::normal(reason, note)
    }
}

fn how_it_ends(world: &PoolWorld, pod: &str, moved: u64) -> String {
    let moved = match moved {
        0 => String::new(),
        1 => ", 1 person was moved".into(),
        many => format!(", {many} people were moved"),
    };
    match people_on(world, pod) {
        0 if !world.bridges.contains_key(pod) => "it does not run".into(),
        0 => format!(
            "nobody is on it {} after it was told to drain{moved}",
            drained_for(world, pod)
        ),
        count => format!(
            "{} still on it {} after it was told to drain, where spec.drain.timeout is {}{moved}",
            if count == 1 {
                "1 person is".into()
            } else {
                format!("{count} people are")
            },
            drained_for(world, pod),
            world.pool.spec.drain.timeout
        ),
    }
}

fn takers(world: &PoolWorld) -> impl Iterator<Item = &str> {
    let bridges = world.bridges.iter();
    bridges
        .filter(|(_, report)| !report.draining && report.unwell.is_none())
        .map(|(pod, _)| pod.as_str())
}

/// Why there are other bridges than wanted: `3 of 5 bridges take meetings: 2 drain (12 people left), because 3 are wanted`.
pub(super) fn leaving(world: &PoolWorld, plan: &ScalePlan) -> Option<String> {
    let mut groups: Vec<(&Why, Group)> = Vec::new();
    for (pod, why) in &plan.why {
        let at = groups.iter().position(|(known, _)| *known == why);
        let at = at.unwrap_or_else(|| {
            groups.push((why, Group::default()));
            groups.len() - 1
        });
        let group = &mut groups[at].1;
        group.bridges += 1;
        group.people += people_on(world, pod);
        group.silent += i32::from(!world.bridges.contains_key(pod));
    }
    if groups.is_empty() {
        return None;
    }
    let total = i32::try_from(world.live.pods.len()).unwrap_or(i32::MAX);
    let takers = takers(world)
        .filter(|pod| !plan.why.contains_key(*pod))
        .count();
    let told: Vec<String> = groups
        .iter()
        .map(|(why, group)| group.sentence(world, why))
        .collect();
    Some(format!(
        "{takers} of {} {} meetings: {}",
        counted(total, "bridge", "bridges"),
        if takers == 1 { "takes" } else { "take" },
        told.join("; ")
    ))
}

/// Bridges that drain for one reason.
#[derive(Default)]
struct Group {
    bridges: i32,
    people: i64,
    silent: i32,
}

impl Group {
    fn sentence(&self, world: &PoolWorld, why: &Why) -> String {
        let drain = if self.bridges == 1 { "drains" } else { "drain" };
        let silent = match self.silent {
            0 => String::new(),
            1 => ", 1 does not answer".into(),
            many => format!(", {many} do not answer"),
        };
        let because = match why {
            // Without what the autoscaler measures, which changes all the time.
            Why::Surplus => wanted(world),
            other => other.because(world),
        };
        format!(
            "{} {drain} ({} left{silent}), because {because}",
            self.bridges,
            people(self.people)
        )
    }
}
