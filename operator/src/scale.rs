//! How a pool grows, shrinks and is renewed without cutting a call.
//!
//! A StatefulSet ends its highest ordinals at once, and a pod that is replaced is ended at once. So between what is wanted
//! and the StatefulSet stands this: a bridge that is to leave, for whatever reason, drains first, and goes when it is empty
//! or has had its time. For each one that drains below the wanted number another one is started, and nobody who is one too
//! many leaves before as many as wanted take meetings.

mod bridge;
mod node;
mod update;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use crate::build::names;
use crate::crd::DrainPolicy;
use crate::world::PoolWorld;
use bridge::Bridge;
pub use update::Update;

/// Annotation of a pod: seconds since the Unix epoch at which its bridge was told to drain.
pub const DRAINING_SINCE: &str = "shoal.video/draining-since";
/// Annotation of a pod by which a person drains its bridge, while it is `true`.
pub const DRAIN: &str = "shoal.video/drain";
/// Label of a pod whose bridge leaves: `draining`, or `drained` when it may go at any time. Others have none.
pub const STATE: &str = "shoal.video/state";
/// Value of [`STATE`].
pub const DRAINING: &str = "draining";
/// Value of [`STATE`].
pub const DRAINED: &str = "drained";

/// Why a bridge leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its pool is being deleted.
    Deleted,
    /// Fewer are wanted.
    Surplus,
    /// The pool's spec has changed, and its pod is of the old one.
    Update,
    /// Its node is about to leave: which and why, as what follows "its node".
    Node(String),
    /// A person asked for it.
    ByHand,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScalePlan {
    /// Number of pods for the StatefulSet.
    pub replicas: i32,
    /// Pods whose bridges are to be told to drain; those without [`DRAINING_SINCE`] get it.
    pub drain: Vec<String>,
    /// Pods whose bridges are to be put back to use; they lose [`DRAINING_SINCE`].
    pub undrain: Vec<String>,
    /// Pods that are to leave and may still have people: those of `drain` and those that drain already.
    pub leaving: Vec<String>,
    /// Those of `leaving` whose people are to be moved to other bridges now.
    pub moved: Vec<String>,
    /// Those of `leaving` that end with people on them, for their time is over.
    pub overdue: Vec<String>,
    /// Drained pods that stay and may be ended by anybody: they are empty or have had their time.
    pub free: Vec<String>,
    /// Pods to delete, so that the StatefulSet makes them anew.
    pub replace: Vec<String>,
    /// Why each bridge leaves, by pod.
    pub why: BTreeMap<String, Why>,
    /// How the pool is brought to a new spec, while it is.
    pub update: Option<Update>,
    /// How many of the bridges that are not free may be evicted.
    pub evictable: i32,
    /// The pool is being deleted, and nothing of it needs to be waited for any more.
    pub done: bool,
}

/// Decides how the pool goes on.
#[must_use]
pub fn plan(world: &PoolWorld) -> ScalePlan {
    let deleting = world.pool.metadata.deletion_timestamp.is_some();
    let pool = world.pool.metadata.name.as_deref().unwrap_or_default();
    let spec = &world.pool.spec;
    let wanted = if deleting { 0 } else { spec.replicas.max(0) };
    let set = world.live.stateful_sets.get(&names::bridge(pool));
    let current = set
        .and_then(|set| set.spec.as_ref()?.replicas)
        .unwrap_or(wanted);
    let revision = set.and_then(|set| set.status.as_ref()?.update_revision.as_deref());
    let bridges: Vec<Bridge> = (0..current)
        .map(|ordinal| Bridge::of(world, names::bridge_pod(pool, ordinal), revision))
        .collect();

    let base = target(&bridges, wanted, None);
    let candidate = update::candidate(&bridges, base);
    let target = target(&bridges, wanted, candidate);
    let kept = kept(&bridges, wanted, target);
    let mut plan = ScalePlan {
        replicas: target.max(current),
        ..ScalePlan::default()
    };
    let update = candidate.map(|at| update::plan(world, &bridges, at, target));
    let may_update = update
        .as_ref()
        .is_some_and(|update| update.waits_for.is_none());

    let mut gone_from_top = true;
    for (ordinal, bridge) in (0..current).zip(&bridges).rev() {
        let surplus = ordinal >= kept;
        let why = if surplus {
            Some(if deleting { Why::Deleted } else { Why::Surplus })
        } else if let Some(why) = &bridge.going {
            Some(why.clone())
        } else {
            // One that drains for the update goes on with it, whatever happens to the others meanwhile.
            let due = candidate == Some(ordinal) && (may_update || bridge.since.is_some());
            due.then_some(Why::Update)
        };
        let overdue = bridge
            .since
            .is_some_and(|since| world.now >= since + spec.drain.timeout.0);
        if surplus {
            // Only the highest ordinals can go.
            gone_from_top &= bridge.empty || bridge.ending || overdue;
            if gone_from_top {
                plan.replicas = ordinal;
            }
        }
        if bridge.ending {
            continue;
        }
        let name = bridge.pod.clone();
        if surplus && bridge.since.is_none() && bridge.may_run && !bridge.answers {
            // It may have people, and cannot be told.
            plan.leaving.push(name);
            continue;
        }
        let broken = bridge.outdated && !bridge.may_run;
        if broken || (why == Some(Why::Update) && may_update && (bridge.empty || overdue)) {
            plan.replace.push(name.clone());
        }
        let Some(why) = why else {
            if bridge.since.is_some() {
                plan.undrain.push(name);
            }
            continue;
        };
        // The time of one that cannot be told runs all the same where its node does not wait.
        let told = bridge.answers || matches!(why, Why::Node(_));
        let news = bridge.since.is_none() || (bridge.answers && !bridge.draining);
        if told && news {
            plan.drain.push(name.clone());
        }
        let goes = plan.replace.contains(&name) || (surplus && gone_from_top);
        if bridge.since.is_some() && (bridge.empty || overdue) && !goes {
            plan.free.push(name.clone());
        }
        if !bridge.empty {
            let stays = matches!(why, Why::Node(_) | Why::ByHand);
            // Those whose time is over leave whatever the policy: better moved than cut.
            if bridge.draining && (stays || overdue || spec.drain.policy == DrainPolicy::Migrate) {
                plan.moved.push(name.clone());
            }
            if overdue && !stays {
                plan.overdue.push(name.clone());
            }
            plan.leaving.push(name.clone());
        }
        plan.why.insert(name, why);
    }
    let taking = bridges
        .iter()
        .filter(|bridge| bridge.able && !bridge.draining && !plan.why.contains_key(&bridge.pod));
    let busy = plan.leaving.iter().any(|pod| !plan.free.contains(pod));
    // Whoever is evicted moves its people by itself, which needs another bridge that has the time for them.
    plan.evictable = i32::from(!busy && taking.count() >= 2);
    plan.update = update;
    // Without a shard nobody can be in a meeting.
    plan.done = deleting && (plan.replicas == 0 || world.shards.is_empty());
    if plan.done {
        plan.replicas = 0;
    }
    plan
}

/// The least number of pods of which `wanted` are not about to leave. `also` is one more that is.
fn target(bridges: &[Bridge], wanted: i32, also: Option<i32>) -> i32 {
    let mut missing = wanted;
    let mut ordinal = 0;
    while missing > 0 {
        let known = usize::try_from(ordinal).ok().and_then(|at| bridges.get(at));
        let leaves = known.is_some_and(|bridge| bridge.going.is_some()) || also == Some(ordinal);
        missing -= i32::from(!leaves);
        ordinal += 1;
    }
    ordinal
}

/// How many pods stay: more than `target` as long as there are not `wanted` bridges among those that can take meetings.
fn kept(bridges: &[Bridge], wanted: i32, target: i32) -> i32 {
    let able = |(_, bridge): &(i32, &Bridge)| bridge.able && bridge.going.is_none();
    let numbered = || (0..).zip(bridges);
    let below = numbered().take_while(|(ordinal, _)| *ordinal < target);
    let missing = usize::try_from(wanted)
        .unwrap_or(0)
        .saturating_sub(below.filter(able).count());
    let above = numbered().skip_while(|(ordinal, _)| *ordinal < target);
    let stand_ins = above.filter(able).take(missing);
    stand_ins.last().map_or(target, |(ordinal, _)| ordinal + 1)
}

/// When the pod's bridge was told to drain.
#[must_use]
pub fn draining_since(pod: &Pod) -> Option<Duration> {
    let text = pod.metadata.annotations.as_ref()?.get(DRAINING_SINCE)?;
    text.parse().ok().map(Duration::from_secs)
}
