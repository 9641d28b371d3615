//! A JitsiCluster. It has no finalizer: what it owns holds no calls that its shards and pools do not wait for.

use super::{Statuses, met, outcome, owner, write_status};
use crate::build;
use crate::controller::queue::Outcome;
use crate::controller::scope::Key;
use crate::io::apply::Applied;
use crate::io::context::Context;
use crate::{status, validate};

pub(super) async fn reconcile(
    context: &Context,
    key: &Key,
    name: &str,
) -> Result<Outcome, kube::Error> {
    let world = context
        .cache
        .cluster_world(&key.namespace, name, &context.reports);
    let Some(world) = world else {
        return Ok(Outcome::Gone);
    };
    if world.cluster.metadata.deletion_timestamp.is_some() {
        return Ok(Outcome::Gone);
    }
    let checked = validate::cluster(&world, &context.defaults);
    let (valid, problems, applied) = match checked {
        Ok(valid) => {
            let desired = build::cluster(&valid, &world, &mut rand::rng());
            let applied = context.apply(&owner(key, &world.cluster), &desired).await;
            let warnings = valid.warnings.clone();
            (Some(valid), warnings, applied)
        }
        Err(problems) => (None, problems, Applied::default()),
    };
    let mut met = met(&problems, &applied);
    let blocked = context.blocked(&key.namespace, &world.live).await;
    met.blocked = blocked.why;
    let after = status::cluster(&world, valid.as_ref(), &met);
    let statuses = Statuses {
        before: world.cluster.status.as_ref(),
        after,
        conditions: |status| &status.conditions,
    };
    write_status(context, &context.cache.clusters, &world.cluster, statuses).await?;
    Ok(outcome(&applied, blocked.short))
}
