//! How a workload fares, and why its pods do not run, in the words of whoever stopped them.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;

/// How a workload fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Workload {
    /// Pods that there shall be.
    pub wanted: i32,
    /// Pods that are ready.
    pub ready: i32,
    /// Whether all pods are of the latest template.
    pub rolled: bool,
}

impl Workload {
    /// Of a StatefulSet; nothing runs before there is one.
    pub(crate) fn of_set(set: Option<&StatefulSet>) -> Self {
        let Some(set) = set else {
            return Self::default();
        };
        let wanted = set
            .spec
            .as_ref()
            .and_then(|spec| spec.replicas)
            .unwrap_or(1);
        let Some(status) = &set.status else {
            return Self {
                wanted,
                ..Self::default()
            };
        };
        let seen = status.observed_generation >= set.metadata.generation;
        let same = status.update_revision == status.current_revision
            || status.updated_replicas == Some(status.replicas);
        Self {
            wanted,
            ready: status.ready_replicas.unwrap_or(0),
            rolled: seen && same,
        }
    }

    pub(crate) fn of_deployment(deployment: Option<&Deployment>) -> Self {
        let Some(deployment) = deployment else {
            return Self::default();
        };
        let wanted = deployment
            .spec
            .as_ref()
            .and_then(|spec| spec.replicas)
            .unwrap_or(1);
        let Some(status) = &deployment.status else {
            return Self {
                wanted,
                ..Self::default()
            };
        };
        let seen = status.observed_generation >= deployment.metadata.generation;
        Self {
            wanted,
            ready: status.ready_replicas.unwrap_or(0),
            rolled: seen && status.updated_replicas.unwrap_or(0) >= wanted,
        }
    }

    /// Whether all run and are of the latest template.
    pub(crate) fn settled(&self) -> bool {
        self.rolled && self.ready >= self.wanted
    }
}

/// Whether a pod is ready.
pub(super) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|one| one.type_ == "Ready" && one.status == "True")
}

/// Since when a pod is ready, in seconds since the Unix epoch.
pub(super) fn ready_since(pod: &Pod) -> Option<i64> {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions
        .into_iter()
        .find(|one| one.type_ == "Ready" && one.status == "True")?;
    Some(ready.last_transition_time.as_ref()?.0.as_second())
}

/// Pods of one component.
pub(super) fn of_component<'a>(
    pods: impl Iterator<Item = &'a Pod>,
    component: &'a str,
) -> impl Iterator<Item = &'a Pod> {
    pods.filter(move |pod| {
        let found = pod.labels().get("app.kubernetes.io/component");
        found.is_some_and(|found| found == component)
    })
}

/// The gravest reason why pods do not run.
pub(super) fn why<'a>(pods: impl Iterator<Item = &'a Pod>) -> Option<String> {
    let reasons = pods.filter(|pod| !is_ready(pod)).map(reason);
    reasons
        .max_by_key(|(gravity, text)| (*gravity, std::cmp::Reverse(text.clone())))
        .map(|(_, text)| text)
}

/// Why a pod does not run, where that does not pass by itself.
pub(super) fn failing(pod: &Pod) -> Option<String> {
    let (gravity, text) = reason(pod);
    (!is_ready(pod) && gravity >= GRAVE).then_some(text)
}

/// What does not pass by itself.
const GRAVE: u8 = 3;

fn reason(pod: &Pod) -> (u8, String) {
    let name = pod.name_any();
    if pod.metadata.deletion_timestamp.is_some() {
        return (0, format!("pod {name} is ending"));
    }
    let Some(status) = &pod.status else {
        return (1, format!("pod {name} is starting"));
    };
    let scheduled = status.conditions.iter().flatten();
    if let Some(one) = scheduled
        .into_iter()
        .find(|one| one.type_ == "PodScheduled" && one.status == "False")
    {
        let text = one
            .message
            .as_deref()
            .unwrap_or("the scheduler says nothing");
        return (4, format!("pod {name} has no node: {text}"));
    }
    let init = status.init_container_statuses.iter().flatten();
    let main = status.container_statuses.iter().flatten();
    let waiting = init.chain(main).filter_map(|one| waits(&name, one));
    if let Some(found) = waiting.max_by_key(|(gravity, _)| *gravity) {
        return found;
    }
    match status.phase.as_deref() {
        Some("Failed") => {
            let why = status.message.as_deref().or(status.reason.as_deref());
            (
                4,
                format!(
                    "pod {name} failed: {}",
                    why.unwrap_or("see kubectl describe pod")
                ),
            )
        }
        Some("Running") => (2, format!("pod {name} runs and is not ready yet")),
        _ => (1, format!("pod {name} is starting")),
    }
}

fn waits(pod: &str, container: &ContainerStatus) -> Option<(u8, String)> {
    let state = container.state.as_ref()?;
    let name = &container.name;
    if let Some(waiting) = &state.waiting {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        if matches!(reason, "ContainerCreating" | "PodInitializing") {
            return Some((1, format!("pod {pod} is starting")));
        }
        let ended = container
            .last_state
            .as_ref()
            .and_then(|last| last.terminated.as_ref());
        let text = match (reason, ended) {
            ("CrashLoopBackOff", Some(ended)) => {
                let said = ended
                    .message
                    .as_deref()
                    .map(str::trim)
                    .filter(|text| !text.is_empty());
                let said = said.map(|text| format!(": {text}")).unwrap_or_default();
                format!(
                    "pod {pod}, container {name}: CrashLoopBackOff, it ended with code {}{said} (see kubectl logs --previous {pod} -c {name})",
                    ended.exit_code
                )
            }
            _ => {
                let said = waiting
                    .message
                    .as_deref()
                    .unwrap_or("see kubectl describe pod");
                format!("pod {pod}, container {name}: {reason}: {said}")
            }
        };
        return Some((4, text));
    }
    let ended = state.terminated.as_ref()?;
    (ended.exit_code != 0).then(|| {
        (
            3,
            format!(
                "pod {pod}, container {name}: ended with code {}",
                ended.exit_code
            ),
        )
    })
}

/// A count with its noun: `1 bridge`, `2 bridges`.
pub(super) fn counted(count: i32, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::{Value, json};

    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "p-bridge-0"}, "status": status}))
            .unwrap()
    }

    #[test]
    fn the_words_of_whoever_stopped_a_pod_reach_the_reader() {
        for (status, told) in [
            (
                json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 Insufficient cpu."}]}),
                "pod p-bridge-0 has no node: 0/1 nodes are available: 1 Insufficient cpu.",
            ),
            (
                json!({"phase": "Pending", "containerStatuses": [{"name": "bridge", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                    "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"x\""}}}]}),
                "pod p-bridge-0, container bridge: ImagePullBackOff: Back-off pulling image \"x\"",
            ),
            (
                json!({"phase": "Running", "containerStatuses": [{"name": "bridge", "image": "", "imageID": "", "ready": false, "restartCount": 3,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1, "message": "no such key\n"}}}]}),
                "CrashLoopBackOff, it ended with code 1: no such key (see kubectl logs --previous p-bridge-0 -c bridge)",
            ),
            (json!({"phase": "Running"}), "runs and is not ready yet"),
        ] {
            let text = why([pod(status)].iter()).unwrap();
            assert!(text.contains(told), "{text}");
        }
        let ready =
            json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
        assert_eq!(why([pod(ready)].iter()), None);
    }

    #[test]
    fn the_gravest_reason_is_told_first() {
        let starting = pod(json!({"phase": "Pending"}));
        let failed = pod(json!({"phase": "Failed", "message": "evicted"}));
        let text = why([starting, failed].iter()).unwrap();
        assert!(text.contains("evicted"), "{text}");
    }
}
