//! Objects of a JitsiShard.

use rand::RngCore;

use crate::build::names;
use crate::build::origin::{Origin, rotate};
use crate::desired::Desired;
use crate::secrets;
use crate::validate::ValidShard;
use crate::world::ShardWorld;

/// What the builders of a shard's objects look at.
struct Context<'a> {
    valid: &'a ValidShard,
    world: &'a ShardWorld,
    origin: Origin,
}

pub(super) fn objects(
    valid: &ValidShard,
    world: &ShardWorld,
    rng: &mut dyn RngCore,
) -> Vec<Desired> {
    let context = Context {
        valid,
        world,
        origin: Origin::new(
            &world.shard,
            &[
                ("shoal.video/cluster", &valid.cluster),
                ("shoal.video/shard", &valid.name),
            ],
        ),
    };
    let accounts = names::accounts(&valid.name);
    let passwords = secrets::accounts(
        context.world.live.secrets.get(&accounts),
        rotate(&world.shard),
        &["focus", "jvb"],
        rng,
    );
    vec![Desired::of(&context.origin.secret(
        accounts,
        "signalling",
        "Opaque",
        &passwords,
    ))]
}
