//! Nodes that are about to leave.

use k8s_openapi::api::core::v1::Node;

/// Taints by which somebody announces that a node is about to leave. One that ends with `/` stands for all that begin
/// with it.
const FAREWELLS: [&str; 8] = [
    "node.kubernetes.io/out-of-service",
    "node.cloudprovider.kubernetes.io/shutdown",
    "ToBeDeletedByClusterAutoscaler",
    "karpenter.sh/disrupted",
    // Of Karpenter before its version 1.
    "karpenter.sh/disruption",
    "cloud.google.com/impending-node-termination",
    "aws-node-termination-handler/",
    "remediator.kubernetes.azure.com/unschedulable",
];

/// Why a node is about to leave, if so: what follows "its node".
pub(super) fn farewell(node: &Node) -> Option<String> {
    let spec = node.spec.as_ref()?;
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let announces = |key: &str| {
        FAREWELLS.iter().any(|known| match known.strip_suffix('/') {
            Some(_) => key.starts_with(known),
            None => key == *known,
        })
    };
    let taints = spec.taints.iter().flatten();
    if let Some(taint) = taints.into_iter().find(|taint| announces(&taint.key)) {
        return Some(format!("{name} has taint {}", taint.key));
    }
    (spec.unschedulable == Some(true)).then(|| format!("{name} is cordoned"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_node_that_is_cordoned_or_whose_end_is_announced_leaves() {
        let taint = |key: &str| json!({"taints": [{"key": key, "effect": "NoSchedule"}]});
        for (spec, said) in [
            (json!({}), None),
            (json!({"unschedulable": true}), Some("n1 is cordoned")),
            (
                taint("ToBeDeletedByClusterAutoscaler"),
                Some("n1 has taint ToBeDeletedByClusterAutoscaler"),
            ),
            (
                taint("aws-node-termination-handler/spot-itn"),
                Some("n1 has taint aws-node-termination-handler/spot-itn"),
            ),
            // It only says what kind of node it is.
            (taint("kubernetes.azure.com/scalesetpriority"), None),
            (taint("DeletionCandidateOfClusterAutoscaler"), None),
            (taint("node.kubernetes.io/disk-pressure"), None),
        ] {
            let node = json!({"metadata": {"name": "n1"}, "spec": spec});
            let node = serde_json::from_value(node).unwrap();
            assert_eq!(farewell(&node).as_deref(), said, "{spec}");
        }
    }
}
