//! The third step of a reconcile: every object that shall exist for a resource, one Kubernetes kind per file.
//!
//! Pure: the same world gives the same objects, but for what [`crate::secrets`] makes anew.

mod cluster;
mod config_map;
mod disruption_budget;
pub mod names;
mod network_policy;
mod origin;
mod pod;
mod pool;
mod service;
mod shard;
mod stateful_set;

pub use origin::{MANAGED_BY, Origin};

use rand::RngCore;

use crate::desired::Desired;
use crate::scale::ScalePlan;
use crate::validate::{ValidCluster, ValidPool, ValidShard};
use crate::world::{ClusterWorld, PoolWorld, ShardWorld};

/// All objects of a JitsiCluster.
#[must_use]
pub fn cluster(valid: &ValidCluster, world: &ClusterWorld, rng: &mut dyn RngCore) -> Vec<Desired> {
    cluster::objects(valid, world, rng)
}

/// All objects of a JitsiShard.
#[must_use]
pub fn shard(valid: &ValidShard, world: &ShardWorld, rng: &mut dyn RngCore) -> Vec<Desired> {
    shard::objects(valid, world, rng)
}

/// All objects of a BridgePool that goes on as `plan` says.
#[must_use]
pub fn pool(
    valid: &ValidPool,
    world: &PoolWorld,
    plan: &ScalePlan,
    rng: &mut dyn RngCore,
) -> Vec<Desired> {
    pool::objects(valid, world, plan, rng)
}
