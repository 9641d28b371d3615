//! What is not kept of an object in memory, because nothing here reads it: ten thousand pods must fit, and a heartbeat is
//! no change.

use k8s_openapi::api::core::v1::{Node, NodeSpec, Pod};

/// Keeps everything.
pub(crate) fn nothing<K>(_: &mut K) {}

/// Of a pod's spec, only what says where it runs.
pub(crate) fn pod(pod: &mut Pod) {
    if let Some(spec) = &mut pod.spec {
        *spec = k8s_openapi::api::core::v1::PodSpec {
            node_name: spec.node_name.take(),
            host_network: spec.host_network,
            ..Default::default()
        };
    }
}

/// Of a node, only its addresses, and what says that it is about to leave.
pub(crate) fn node(node: &mut Node) {
    node.spec = node.spec.take().map(|spec| NodeSpec {
        taints: spec.taints,
        unschedulable: spec.unschedulable,
        ..NodeSpec::default()
    });
    if let Some(status) = &mut node.status {
        *status = k8s_openapi::api::core::v1::NodeStatus {
            addresses: status.addresses.take(),
            ..Default::default()
        };
    }
}
