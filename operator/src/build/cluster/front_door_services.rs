//! Services of the front door: the one that people reach, and one for each replica, by which its peers reach it.

use k8s_openapi::api::core::v1::Service;

use super::{Context, FRONT_DOOR};
use crate::build::names;
use crate::build::service::{of_pod, service, tcp, to};
use crate::crd::{FrontDoorExposure, FrontDoorSpec, TrafficPolicy};

pub(super) fn services(context: &Context<'_>) -> Vec<Service> {
    let cluster = &context.valid.name;
    let peers = (0..context.spec().front_door.replicas).map(|ordinal| {
        let name = names::front_door_replica(cluster, ordinal);
        of_pod(
            &context.origin,
            name,
            FRONT_DOOR,
            vec![tcp("peers", 10_001)],
        )
    });
    std::iter::once(public(context)).chain(peers).collect()
}

fn public(context: &Context<'_>) -> Service {
    let door = &context.spec().front_door;
    let mut https = to("https", 443, 8443);
    https.node_port = door.node_port;
    let mut service = service(
        &context.origin,
        names::front_door(&context.valid.name),
        FRONT_DOOR,
        vec![https, to("http", 80, 8080)],
    );
    let exposed = matches!(
        door.exposure,
        FrontDoorExposure::LoadBalancer | FrontDoorExposure::NodePort | FrontDoorExposure::None
    );
    if exposed && !door.annotations.is_empty() {
        service.metadata.annotations = Some(door.annotations.clone());
    }
    if let Some(spec) = &mut service.spec {
        spec.publish_not_ready_addresses = Some(false);
        match door.exposure {
            FrontDoorExposure::LoadBalancer => {
                spec.type_ = Some("LoadBalancer".into());
                spec.load_balancer_class
                    .clone_from(&door.load_balancer_class);
                spec.external_traffic_policy = Some(policy(door));
            }
            FrontDoorExposure::NodePort => {
                spec.type_ = Some("NodePort".into());
                spec.external_traffic_policy = Some(policy(door));
            }
            _ => {}
        }
    }
    service
}

fn policy(door: &FrontDoorSpec) -> String {
    match door.external_traffic_policy.unwrap_or_default() {
        TrafficPolicy::Local => "Local",
        TrafficPolicy::Cluster => "Cluster",
    }
    .into()
}
