//! StatefulSet of the bridges.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetUpdateStrategy};
use k8s_openapi::api::core::v1::{Container, ContainerPort, EnvVar};

use super::configuration::{self, ADDRESSES, ORDERS, SHARDS};
use super::{BRIDGE, Context, PRIVATE_PORT};
use crate::build::pod::{
    Pod, config_volume, directory, env, env_field, secret_volume, shoal, tcp_probe, with_own,
};
use crate::build::{names, stateful_set};
use crate::crd::BridgeExposure;

pub(super) fn stateful_set(context: &Context<'_>) -> StatefulSet {
    let valid = context.valid;
    let spec = &context.spec().pods;
    let name = names::bridge(&valid.name);
    let file = configuration::file(context);
    let pod = Pod {
        origin: &context.origin,
        component: BRIDGE,
        spec,
        images: &valid.images,
        containers: vec![container(context)],
        volumes: vec![
            config_volume("configuration", name.clone()),
            config_volume("addresses", names::addresses(&valid.name)),
            secret_volume("shards", names::shards(&valid.name), &[]),
            secret_volume("orders", names::orders(&valid.name), &[]),
        ],
        grace_seconds: 60,
        configuration: vec![file.as_bytes()],
    };
    let mut template = pod.template();
    if let (BridgeExposure::HostNetwork, Some(spec)) =
        (context.spec().exposure.kind, &mut template.spec)
    {
        spec.host_network = Some(true);
        // Names of Services are still to be found.
        spec.dns_policy = Some("ClusterFirstWithHostNet".into());
    }
    let replicas = context.plan.replicas;
    let mut set = stateful_set::stateful_set(&context.origin, name, BRIDGE, replicas, template);
    if let Some(spec) = &mut set.spec {
        // Only who has drained is replaced: see `crate::scale`.
        spec.update_strategy = Some(StatefulSetUpdateStrategy {
            type_: Some("OnDelete".into()),
            rolling_update: None,
        });
    }
    set
}

fn container(context: &Context<'_>) -> Container {
    let spec = &context.spec().pods;
    let exposure = &context.spec().exposure;
    let mut container = shoal("bridge", &context.valid.images, spec);
    let mut mounts = container.volume_mounts.take().unwrap_or_default();
    mounts.push(directory("addresses", ADDRESSES));
    mounts.push(directory("shards", SHARDS));
    mounts.push(directory("orders", ORDERS));
    let media = ContainerPort {
        name: Some("media".into()),
        container_port: exposure.port,
        host_port: matches!(
            exposure.kind,
            BridgeExposure::HostPort | BridgeExposure::HostNetwork
        )
        .then_some(exposure.port),
        protocol: Some("UDP".into()),
        ..ContainerPort::default()
    };
    let private = ContainerPort {
        name: Some("private".into()),
        container_port: PRIVATE_PORT,
        // In the node's network every port is the node's.
        host_port: (exposure.kind == BridgeExposure::HostNetwork).then_some(PRIVATE_PORT),
        protocol: Some("TCP".into()),
        ..ContainerPort::default()
    };
    Container {
        env: with_own(variables(context), spec),
        volume_mounts: Some(mounts),
        ports: Some(vec![media, private]),
        // A bridge that drains, or waits for its address, is no dead one, and nodes forget the flows of a pod that is not
        // ready: only whether the process answers is asked.
        liveness_probe: Some(tcp_probe(PRIVATE_PORT, 6)),
        readiness_probe: Some(tcp_probe(PRIVATE_PORT, 6)),
        ..container
    }
}

fn variables(context: &Context<'_>) -> Vec<EnvVar> {
    let kind = context.spec().exposure.kind;
    let addresses = match kind {
        BridgeExposure::LoadBalancer => "pod.$(POD_NAME)",
        _ => "node.$(NODE_NAME)",
    };
    let mut all = vec![
        env_field("POD_NAME", "metadata.name"),
        env_field("NODE_NAME", "spec.nodeName"),
        env_field("HOST_IP", "status.hostIP"),
        env("SHOAL_BRIDGE__WEBSOCKET__SERVER_ID", "$(POD_NAME)"),
        env(
            "SHOAL_BRIDGE__ADVERTISED_ADDRESSES_FILE",
            format!("{ADDRESSES}/{addresses}"),
        ),
    ];
    if kind == BridgeExposure::NodePort {
        all.push(env(
            "SHOAL_BRIDGE__ADVERTISED_PORT_FILE",
            format!("{ADDRESSES}/port.$(POD_NAME)"),
        ));
    }
    if kind == BridgeExposure::HostNetwork {
        // It has no authentication, so it is not for every address of the node.
        all.push(env(
            "SHOAL_BRIDGE__PRIVATE_HTTP",
            // In brackets, which both families may have: nobody knows here which one a node's is.
            format!("[$(HOST_IP)]:{PRIVATE_PORT}"),
        ));
    }
    all
}
