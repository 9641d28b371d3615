//! Objects of a BridgePool.

use crate::build::origin::Origin;
use crate::desired::Desired;
use crate::validate::ValidPool;
use crate::world::PoolWorld;

/// What the builders of a pool's objects look at.
struct Context<'a> {
    valid: &'a ValidPool,
    world: &'a PoolWorld,
    origin: Origin,
}

pub(super) fn objects(valid: &ValidPool, world: &PoolWorld) -> Vec<Desired> {
    let _context = Context {
        valid,
        world,
        origin: Origin::new(
            &world.pool,
            &[
                ("shoal.video/cluster", &valid.cluster),
                ("shoal.video/pool", &valid.name),
            ],
        ),
    };
    Vec::new()
}
