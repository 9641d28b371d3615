//! Objects of a BridgePool.

mod addresses;
mod autoscaler;
mod configuration;
mod services;
mod shards;
mod stateful_set;

use k8s_openapi::api::core::v1::Secret;
use rand::RngCore;

use crate::build::network_policy::{From, Rule, policy};
use crate::build::origin::{Origin, rotate};
use crate::build::{disruption_budget, names};
use crate::crd::BridgePoolSpec;
use crate::desired::Desired;
use crate::scale::ScalePlan;
use crate::secrets::{self, OPERATOR};
use crate::validate::ValidPool;
use crate::world::PoolWorld;

/// Component of the bridges.
const BRIDGE: &str = "bridge";
/// Health, metrics and orders of a bridge.
const PRIVATE_PORT: i32 = 8080;

/// What the builders of a pool's objects look at.
struct Context<'a> {
    valid: &'a ValidPool,
    world: &'a PoolWorld,
    origin: Origin,
    plan: &'a ScalePlan,
}

impl Context<'_> {
    fn spec(&self) -> &BridgePoolSpec {
        &self.world.pool.spec
    }
}

pub(super) fn objects(
    valid: &ValidPool,
    world: &PoolWorld,
    plan: &ScalePlan,
    rng: &mut dyn RngCore,
) -> Vec<Desired> {
    let context = &Context {
        valid,
        world,
        origin: Origin::new(
            &world.pool,
            &[
                ("shoal.video/cluster", &valid.cluster),
                ("shoal.video/pool", &valid.name),
            ],
        ),
        plan,
    };
    let name = names::bridge(&valid.name);
    let mut objects = vec![
        Desired::of(&configuration::config_map(context)),
        Desired::of(&shards::secret(context)),
        Desired::of(&orders(context, rng)),
        Desired::of(&addresses::config_map(context)),
        Desired::of(&stateful_set::stateful_set(context)),
        Desired::of(&disruption_budget::of_bridges(
            &context.origin,
            name.clone(),
            BRIDGE,
            context.plan.evictable,
        )),
        Desired::of(&policy(
            &context.origin,
            name,
            BRIDGE,
            &[
                Rule::udp(context.spec().exposure.port),
                Rule::tcp(
                    PRIVATE_PORT,
                    vec![From::Namespace(&valid.operator_namespace), From::Here],
                ),
            ],
        )),
    ];
    objects.extend(services::services(context).iter().map(Desired::of));
    objects.extend(autoscaler::autoscaler(context).iter().map(Desired::of));
    objects
}

/// What the operator shows to the bridges when it gives them orders.
fn orders(context: &Context<'_>, rng: &mut dyn RngCore) -> Secret {
    let name = names::orders(&context.valid.name);
    let content = secrets::accounts(
        context.world.live.secrets.get(&name),
        rotate(&context.world.pool),
        &[OPERATOR],
        rng,
    );
    context.origin.secret(name, BRIDGE, "Opaque", &content)
}
