//! Services of single bridges, where media comes in through one.
//!
//! A Service stays until its pod is gone, for with it the node forgets where the flows of a draining bridge go.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{BRIDGE, Context, PRIVATE_PORT};
use crate::build::names;
use crate::build::service::{of_pod, service, tcp};
use crate::crd::BridgeExposure;

pub(super) fn services(context: &Context<'_>) -> Vec<Service> {
    let own = ordinals(context)
        .into_iter()
        .map(|ordinal| of_bridge(context, ordinal));
    std::iter::once(headless(context)).chain(own).collect()
}

/// Names of the bridges that have, or are to have, a Service.
pub(super) fn names_of(context: &Context<'_>) -> Vec<String> {
    ordinals(context)
        .into_iter()
        .map(|ordinal| names::bridge_pod(&context.valid.name, ordinal))
        .collect()
}

fn ordinals(context: &Context<'_>) -> BTreeSet<i32> {
    let kind = context.spec().exposure.kind;
    if !matches!(
        kind,
        BridgeExposure::NodePort | BridgeExposure::LoadBalancer
    ) {
        return BTreeSet::new();
    }
    let prefix = format!("{}-", names::bridge(&context.valid.name));
    let live = context
        .world
        .live
        .pods
        .keys()
        .filter_map(|pod| pod.strip_prefix(&prefix)?.parse().ok());
    (0..context.plan.replicas).chain(live).collect()
}

/// What gives the pods their DNS names.
fn headless(context: &Context<'_>) -> Service {
    let mut service = service(
        &context.origin,
        names::bridge(&context.valid.name),
        BRIDGE,
        vec![tcp("private", PRIVATE_PORT)],
    );
    if let Some(spec) = &mut service.spec {
        spec.cluster_ip = Some("None".into());
    }
    service
}

fn of_bridge(context: &Context<'_>, ordinal: i32) -> Service {
    let exposure = &context.spec().exposure;
    let port = ServicePort {
        name: Some("media".into()),
        protocol: Some("UDP".into()),
        port: exposure.port,
        target_port: Some(IntOrString::Int(exposure.port)),
        node_port: exposure.base_port.map(|base| base + ordinal),
        ..ServicePort::default()
    };
    let name = names::bridge_pod(&context.valid.name, ordinal);
    let mut service = of_pod(&context.origin, name, BRIDGE, vec![port]);
    if !exposure.annotations.is_empty() {
        service.metadata.annotations = Some(exposure.annotations.clone());
    }
    if let Some(spec) = &mut service.spec {
        // The bridge sees from where media comes, and the node's own address leads to it.
        spec.external_traffic_policy = Some("Local".into());
        spec.type_ = Some(
            match exposure.kind {
                BridgeExposure::LoadBalancer => "LoadBalancer",
                _ => "NodePort",
            }
            .into(),
        );
        spec.load_balancer_class
            .clone_from(&exposure.load_balancer_class);
    }
    service
}
