//! Objects of a JitsiCluster.

use crate::build::names;
use crate::build::origin::{Origin, rotate};
use crate::desired::Desired;
use crate::secrets::{Authority, Content};
use crate::validate::ValidCluster;
use crate::world::ClusterWorld;

/// What the builders of a cluster's objects look at.
struct Context<'a> {
    valid: &'a ValidCluster,
    world: &'a ClusterWorld,
    origin: Origin,
}

impl Context<'_> {
    fn live_secret(&self, name: &str) -> Option<&k8s_openapi::api::core::v1::Secret> {
        self.world.live.secrets.get(name)
    }

    fn rotate(&self) -> Option<&str> {
        rotate(&self.world.cluster)
    }
}

pub(super) fn objects(valid: &ValidCluster, world: &ClusterWorld) -> Vec<Desired> {
    let context = Context {
        valid,
        world,
        origin: Origin::new(&world.cluster, &[("shoal.video/cluster", &valid.name)]),
    };
    let authority = authority(&context);
    let mut objects = Vec::new();
    objects.push(Desired::of(&context.origin.secret(
        names::authority(&valid.name),
        "front-door",
        "kubernetes.io/tls",
        &authority,
    )));
    objects
}

fn authority(context: &Context<'_>) -> Content {
    let name = names::authority(&context.valid.name);
    Authority::secret(
        context.live_secret(&name),
        context.rotate(),
        context.world.now,
    )
}
