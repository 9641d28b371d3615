//! How a pool grows and shrinks without cutting a call.
//!
//! A StatefulSet removes its highest ordinals at once. So between the number that is wanted and the StatefulSet stands
//! this: bridges that are too many are drained first, and the StatefulSet shrinks by those that are empty or had their
//! time.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use crate::build::names;
use crate::world::PoolWorld;

/// Annotation of a pod: seconds since the Unix epoch at which its bridge was told to drain.
pub const DRAINING_SINCE: &str = "shoal.video/draining-since";

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
    /// Those of `leaving` whose time is over: their people are cut.
    pub overdue: Vec<String>,
    /// The pool is being deleted, and nothing of it needs to be waited for any more.
    pub done: bool,
}

/// Decides how the pool goes on.
#[must_use]
pub fn plan(world: &PoolWorld) -> ScalePlan {
    let deleting = world.pool.metadata.deletion_timestamp.is_some();
    let pool = world.pool.metadata.name.as_deref().unwrap_or_default();
    let wanted = if deleting {
        0
    } else {
        world.pool.spec.replicas.max(0)
    };
    let current = world
        .live
        .stateful_sets
        .get(&names::bridge(pool))
        .and_then(|set| set.spec.as_ref()?.replicas)
        .unwrap_or(wanted);

    let mut plan = ScalePlan::default();
    let mut gone_from_top = true;
    plan.replicas = wanted.max(current);
    for ordinal in (0..current).rev() {
        let name = names::bridge_pod(pool, ordinal);
        let state = State::of(world, &name);
        if ordinal < wanted {
            if state.draining_since.is_some() {
                plan.undrain.push(name);
            }
            continue;
        }
        let overdue = state
            .draining_since
            .is_some_and(|since| world.now >= since + world.pool.spec.drain.timeout.0);
        if state.empty || overdue {
            // Only the highest ordinals can go.
            if gone_from_top {
                plan.replicas = ordinal;
            }
        } else {
            gone_from_top = false;
        }
        if overdue && !state.empty {
            plan.overdue.push(name.clone());
        }
        if state.answers && (state.draining_since.is_none() || !state.draining) {
            plan.drain.push(name.clone());
        }
        if !state.empty {
            plan.leaving.push(name);
        }
    }
    // Without a shard nobody can be in a meeting.
    plan.done = deleting && (plan.replicas == 0 || world.shards.is_empty());
    if plan.done {
        plan.replicas = 0;
    }
    plan
}

/// What there is to know of one bridge.
struct State {
    /// Nobody is on it, nor can be.
    empty: bool,
    /// It can be told something.
    answers: bool,
    draining: bool,
    draining_since: Option<Duration>,
}

impl State {
    fn of(world: &PoolWorld, name: &str) -> Self {
        let pod = world.live.pods.get(name);
        let report = world.bridges.get(name);
        let draining_since = pod.and_then(draining_since);
        Self {
            empty: match report {
                // A bridge that still takes new meetings may have some the moment after.
                Some(report) => {
                    report.draining && draining_since.is_some() && report.participants == 0
                }
                None => !pod.is_some_and(runs),
            },
            answers: report.is_some(),
            draining: report.is_some_and(|report| report.draining),
            draining_since,
        }
    }
}

/// When the pod's bridge was told to drain.
#[must_use]
pub fn draining_since(pod: &Pod) -> Option<Duration> {
    let text = pod.metadata.annotations.as_ref()?.get(DRAINING_SINCE)?;
    text.parse().ok().map(Duration::from_secs)
}

/// Whether its container may hold meetings, as far as Kubernetes knows.
fn runs(pod: &Pod) -> bool {
    let Some(status) = &pod.status else {
        return false;
    };
    status.phase.as_deref() == Some("Running")
        && status.container_statuses.iter().flatten().any(|container| {
            container
                .state
                .as_ref()
                .is_some_and(|state| state.running.is_some())
        })
}
