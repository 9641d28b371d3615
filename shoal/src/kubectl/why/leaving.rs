//! Which bridges drain, why, and what keeps them.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::ResourceExt;
use operator::crd::{BridgePool, DrainPolicy};
use operator::scale::DRAIN;

use crate::kubectl::answers::{BridgeStats, Heard};
use crate::kubectl::seen::ordinal;
use crate::kubectl::units::{counted, span};

/// Whether a bridge drains, or was told to.
pub(crate) fn leaves(pod: &Pod, heard: Option<&Heard<BridgeStats>>) -> bool {
    let says = heard.and_then(|heard| heard.as_ref().ok());
    says.is_some_and(BridgeStats::draining)
        || pod.metadata.deletion_timestamp.is_some()
        || operator::scale::draining_since(pod).is_some()
        || by_hand(pod)
}

fn by_hand(pod: &Pod) -> bool {
    pod.annotations()
        .get(DRAIN)
        .is_some_and(|mark| mark == "true")
}

/// The sentence of a bridge that leaves.
pub(crate) fn sentence(
    pool: &BridgePool,
    pod: &Pod,
    heard: Option<&Heard<BridgeStats>>,
    node: Option<&Node>,
    now: Duration,
) -> Option<String> {
    if !leaves(pod, heard) {
        return None;
    }
    let name = pod.name_any();
    let since = operator::scale::draining_since(pod);
    let lasts = since.map(|since| format!(" for {}", span(now.saturating_sub(since))));
    let mut told = format!(
        "{name} drains{}, because {}",
        lasts.unwrap_or_default(),
        because(pool, pod, node)
    );
    let people = match heard {
        Some(Ok(stats)) => stats.participants,
        Some(Err(silence)) => {
            told.push_str(&format!(
                "; how many people are on it is not known: {silence}"
            ));
            return Some(told);
        }
        None => {
            told.push_str("; its pod does not run");
            return Some(told);
        }
    };
    if people == 0 {
        told.push_str("; nobody is on it");
        return Some(told);
    }
    let are = if people == 1 { "is" } else { "are" };
    told.push_str(&format!("; {} {are} on it", counted(people, "participant")));
    if by_hand(pod) {
        told.push_str(", being moved");
        return Some(told);
    }
    match pool.spec.drain.policy {
        DrainPolicy::Migrate => told.push_str(", being moved"),
        DrainPolicy::WaitForEmpty => {
            told.push_str(" and waited for (spec.drain.policy: WaitForEmpty)")
        }
    }
    if let Some(since) = since {
        let timeout = pool.spec.drain.timeout;
        let left = (since + timeout.0).saturating_sub(now);
        told.push_str(&match left.is_zero() {
            true => format!("; its time (spec.drain.timeout, {timeout}) is over"),
            false => format!(
                "; at the latest in {} (spec.drain.timeout, {timeout}) it goes all the same",
                span(left)
            ),
        });
    }
    Some(told)
}

/// What can be seen of the reason; the operator's events tell it in its own words.
fn because(pool: &BridgePool, pod: &Pod, node: Option<&Node>) -> String {
    if pod.metadata.deletion_timestamp.is_some() {
        return "its pod was told to end".into();
    }
    if by_hand(pod) {
        return format!(
            "it was drained by hand (`kubectl shoal undrain bridge {}` ends it)",
            pod.name_any()
        );
    }
    if pool.metadata.deletion_timestamp.is_some() {
        return format!("pool {} is being deleted", pool.name_any());
    }
    let wanted = pool.spec.replicas;
    if ordinal(pod).is_some_and(|ordinal| ordinal >= wanted) {
        return format!(
            "the pool wants {} and not more",
            counted(wanted.unsigned_abs().into(), "bridge")
        );
    }
    if let Some(node) = node {
        let spec = node.spec.as_ref();
        let name = node.name_any();
        if spec.and_then(|spec| spec.unschedulable).unwrap_or_default() {
            return format!("its node {name} is cordoned (`kubectl uncordon {name}` ends it)");
        }
        let taints = spec
            .into_iter()
            .flat_map(|spec| spec.taints.iter().flatten());
        let keys: Vec<&str> = taints.map(|taint| taint.key.as_str()).collect();
        if !keys.is_empty() {
            return format!("its node {name} has taints ({})", keys.join(", "));
        }
    }
    "it is to be replaced, or somebody told it so: the events say more".into()
}
