//! Objects of a JitsiCluster.

mod certificate;
mod certificates;
mod front_door_config;
mod front_door_services;
mod front_door_stateful_set;
mod http_route;
mod ingress;
pub(super) mod memory;
mod network_policies;
mod web;

use k8s_openapi::api::core::v1::Secret;
use rand::RngCore;

use crate::build::origin::{Origin, rotate};
use crate::build::{disruption_budget, names};
use crate::crd::{FrontDoorExposure, JitsiClusterSpec};
use crate::desired::Desired;
use crate::validate::ValidCluster;
use crate::world::ClusterWorld;

/// Component of the proxies.
const FRONT_DOOR: &str = "front-door";
/// Component of the page.
const WEB: &str = "web";

/// What the builders of a cluster's objects look at.
struct Context<'a> {
    valid: &'a ValidCluster,
    world: &'a ClusterWorld,
    origin: Origin,
}

impl Context<'_> {
    fn spec(&self) -> &JitsiClusterSpec {
        &self.world.cluster.spec
    }

    fn live_secret(&self, name: &str) -> Option<&Secret> {
        self.world.live.secrets.get(name)
    }

    fn rotate(&self) -> Option<&str> {
        rotate(&self.world.cluster)
    }

    /// How many proxies stand before the front door; one of them ends TLS.
    fn proxies_in_front(&self) -> u32 {
        let door = &self.spec().front_door;
        match door.exposure {
            FrontDoorExposure::Ingress | FrontDoorExposure::Gateway => {
                door.proxies_in_front.unwrap_or(1)
            }
            _ => 0,
        }
    }
}

pub(super) fn objects(
    valid: &ValidCluster,
    world: &ClusterWorld,
    rng: &mut dyn RngCore,
) -> Vec<Desired> {
    let context = &Context {
        valid,
        world,
        origin: Origin::new(&world.cluster, &[("shoal.video/cluster", &valid.name)]),
    };
    let mut objects: Vec<_> = certificates::secrets(context)
        .iter()
        .map(Desired::of)
        .collect();
    objects.push(Desired::of(&memory::secret(context, rng)));
    objects.push(Desired::of(&front_door_config::config_map(context)));
    objects.extend(
        front_door_services::services(context)
            .iter()
            .map(Desired::of),
    );
    objects.push(Desired::of(&front_door_stateful_set::stateful_set(context)));
    objects.push(Desired::of(&web::config_map(context)));
    objects.push(Desired::of(&web::service(context)));
    objects.push(Desired::of(&web::deployment(context)));
    for (component, name) in [
        (FRONT_DOOR, names::front_door(&valid.name)),
        (WEB, names::web(&valid.name)),
    ] {
        objects.push(Desired::of(&disruption_budget::one_at_a_time(
            &context.origin,
            name,
            component,
        )));
    }
    objects.extend(network_policies::policies(context).iter().map(Desired::of));
    match context.spec().front_door.exposure {
        FrontDoorExposure::Ingress => objects.push(Desired::of(&ingress::ingress(context))),
        FrontDoorExposure::Gateway => objects.extend(http_route::route(context)),
        _ => {}
    }
    objects.extend(certificate::certificate(context));
    objects
}
