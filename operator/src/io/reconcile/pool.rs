//! A BridgePool. Bridges leave it, and it goes, when nobody is on them.

mod drain;

use std::time::Duration;

use kube::Resource;

use super::{SOON, Statuses, met, outcome, owner, write_status};
use crate::build;
use crate::controller::queue::Outcome;
use crate::controller::scope::Key;
use crate::io::apply::Applied;
use crate::io::context::Context;
use crate::io::pod_http::PodHttp;
use crate::world::PoolWorld;
use crate::{scale, status, validate};

pub(super) async fn reconcile(
    context: &Context,
    http: &PodHttp,
    key: &Key,
    name: &str,
) -> Result<Outcome, kube::Error> {
    let world = context
        .cache
        .pool_world(&key.namespace, name, &context.reports);
    let Some(world) = world else {
        return Ok(Outcome::Gone);
    };
    let deleting = world.pool.metadata.deletion_timestamp.is_some();
    let plan = scale::plan(&world);
    if deleting && plan.done {
        context.release(&context.cache.pools, &world.pool).await?;
        return Ok(Outcome::Gone);
    }
    if context.hold(&context.cache.pools, &world.pool).await? {
        return Ok(Outcome::Again(Duration::ZERO));
    }
    let about = world.pool.object_ref(&());
    let leaving = context.follow_plan(http, &world, &plan, &about).await?;
    let (problems, applied) = match validate::pool(&world, &context.defaults) {
        Ok(valid) => {
            let desired = build::pool(&valid, &world, &mut rand::rng());
            let applied = context.apply(&owner(key, &world.pool), &desired).await;
            (valid.warnings, applied)
        }
        Err(problems) => (problems, Applied::default()),
    };
    let mut met = met(&problems, &applied);
    let blocked = context.blocked(&key.namespace, &world.live).await;
    met.blocked = blocked.why;
    for pod in world.bridges.keys() {
        if let Some(addresses) = context.reports.silent(&key.namespace, pod) {
            met.silent.insert(pod.clone(), addresses);
        }
    }
    let statuses = Statuses {
        before: world.pool.status.as_ref(),
        after: status::pool(&world, &selector(&world), &met),
        conditions: |status| &status.conditions,
    };
    write_status(context, &context.cache.pools, &world.pool, statuses).await?;
    match outcome(&applied, blocked.short) {
        Outcome::Again(_) if deleting || leaving => Ok(Outcome::Again(SOON)),
        other => Ok(other),
    }
}

/// How the scale subresource finds the bridges' pods.
fn selector(world: &PoolWorld) -> String {
    let labels = build::Origin::new(&world.pool, &[]).selector("bridge");
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(",")
}
