//! A JitsiShard. It goes when its meetings have ended.

use std::time::Duration;

use super::{SOON, Statuses, met, outcome, owner, write_status};
use crate::build;
use crate::controller::queue::Outcome;
use crate::controller::scope::Key;
use crate::io::apply::Applied;
use crate::io::context::Context;
use crate::io::poll;
use crate::world::ShardWorld;
use crate::{status, validate};

/// Front doors need this long to hear that a shard takes no new rooms.
const HEARD: Duration = Duration::from_secs(5);

pub(super) async fn reconcile(
    context: &Context,
    key: &Key,
    name: &str,
) -> Result<Outcome, kube::Error> {
    let world = context
        .cache
        .shard_world(&key.namespace, name, &context.reports);
    let Some(world) = world else {
        return Ok(Outcome::Gone);
    };
    let deleting = world.shard.metadata.deletion_timestamp.is_some();
    if deleting && is_drained(&world) {
        context.release(&context.cache.shards, &world.shard).await?;
        return Ok(Outcome::Gone);
    }
    if context.hold(&context.cache.shards, &world.shard).await? {
        return Ok(Outcome::Again(Duration::ZERO));
    }
    let (problems, applied) = match validate::shard(&world, &context.defaults) {
        Ok(valid) => {
            let desired = build::shard(&valid, &world, &mut rand::rng());
            let applied = context.apply(&owner(key, &world.shard), &desired).await;
            (valid.warnings, applied)
        }
        Err(problems) => (problems, Applied::default()),
    };
    let mut met = met(&problems, &applied);
    let blocked = context.blocked(&key.namespace, &world.live).await;
    met.blocked = blocked.why;
    let statuses = Statuses {
        before: world.shard.status.as_ref(),
        after: status::shard(&world, &met),
        conditions: |status| &status.conditions,
    };
    write_status(context, &context.cache.shards, &world.shard, statuses).await?;
    match outcome(&applied, blocked.short) {
        Outcome::Again(_) if deleting => Ok(Outcome::Again(SOON)),
        other => Ok(other),
    }
}

/// Whether nobody is left whom its end would cut off, or its time is over.
fn is_drained(world: &ShardWorld) -> bool {
    let meta = &world.shard.metadata;
    let Some(since) = &meta.deletion_timestamp else {
        return false;
    };
    let since = u64::try_from(since.0.as_second()).unwrap_or_default();
    let waited = world.now.saturating_sub(Duration::from_secs(since));
    let alone = world
        .cluster
        .as_ref()
        .is_none_or(|cluster| cluster.metadata.deletion_timestamp.is_some());
    if alone || waited >= world.shard.spec.drain_timeout.0 {
        return true;
    }
    match &world.focus {
        Some(focus) => focus.conferences == 0 && waited >= HEARD,
        // A focus that is not there holds no meeting; one that runs and is silent may.
        None => !world.live.pods.iter().any(|(name, pod)| {
            *name
                == format!(
                    "{}-0",
                    build::names::focus(meta.name.as_deref().unwrap_or_default())
                )
                && poll::address(pod).is_some()
        }),
    }
}
