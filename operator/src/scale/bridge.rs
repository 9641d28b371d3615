//! What there is to know of one bridge, for the plan.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use super::{DRAIN, Why, draining_since, node};
use crate::world::PoolWorld;

/// Label that the StatefulSet controller gives its pods.
const REVISION: &str = "controller-revision-hash";

/// What there is to know of one bridge.
pub(super) struct Bridge {
    pub(super) pod: String,
    /// Its pod is being ended, by whomever.
    pub(super) ending: bool,
    /// Since when no node has room for it, if so.
    pub(super) homeless: Option<Duration>,
    /// Nobody is on it, nor can be.
    pub(super) empty: bool,
    /// It may hold meetings, as far as Kubernetes or it itself says.
    pub(super) may_run: bool,
    /// It can be told something.
    pub(super) answers: bool,
    /// It is well, and every shard knows it: it takes meetings unless it drains.
    pub(super) able: bool,
    pub(super) draining: bool,
    pub(super) since: Option<Duration>,
    /// Its pod is of an older spec than the StatefulSet.
    pub(super) outdated: bool,
    /// Why it leaves, when that does not depend on the others.
    pub(super) going: Option<Why>,
}

impl Bridge {
    /// `revision` is the StatefulSet's latest.
    pub(super) fn of(world: &PoolWorld, name: String, revision: Option<&str>) -> Self {
        let pod = world.live.pods.get(&name);
        let report = world.bridges.get(&name);
        let ending = pod.is_some_and(|pod| pod.metadata.deletion_timestamp.is_some());
        let since = pod.and_then(draining_since);
        let may_run = report.is_some() || pod.is_some_and(runs);
        let label = pod.and_then(|pod| pod.metadata.labels.as_ref()?.get(REVISION));
        Self {
            ending,
            homeless: pod.and_then(homeless),
            empty: match report {
                // A bridge that still takes new meetings may have some the moment after.
                Some(report) => report.draining && since.is_some() && report.participants == 0,
                None => !may_run,
            },
            may_run,
            answers: report.is_some(),
            able: !ending && report.is_some_and(|it| it.unwell.is_none() && it.unseen_by.is_none()),
            draining: report.is_some_and(|report| report.draining),
            since,
            outdated: label
                .zip(revision)
                .is_some_and(|(own, latest)| own != latest),
            going: pod.and_then(|pod| going(world, pod)),
            pod: name,
        }
    }
}

fn going(world: &PoolWorld, pod: &Pod) -> Option<Why> {
    let annotations = pod.metadata.annotations.as_ref();
    if annotations.is_some_and(|all| all.get(DRAIN).is_some_and(|text| text == "true")) {
        return Some(Why::ByHand);
    }
    let node = world.nodes.get(pod.spec.as_ref()?.node_name.as_ref()?)?;
    node::farewell(node).map(Why::Node)
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

fn homeless(pod: &Pod) -> Option<Duration> {
    let conditions = pod
        .status
        .iter()
        .flat_map(|it| it.conditions.iter().flatten());
    let refused = conditions
        .into_iter()
        .find(|one| one.type_ == "PodScheduled" && one.status == "False")?;
    let since = refused.last_transition_time.as_ref()?.0.as_second();
    Some(Duration::from_secs(
        u64::try_from(since).unwrap_or_default(),
    ))
}
