//! A BridgePool. Bridges leave it, and it goes, when nobody is on them.

mod autoscaler;
mod drain;
mod mark;

pub(crate) use autoscaler::Contest;

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;

use super::{SOON, Statuses, met, outcome, owner, write_status};
use crate::build::{self, names};
use crate::controller::queue::Outcome;
use crate::controller::scope::Key;
use crate::io::apply::Applied;
use crate::io::context::Context;
use crate::io::pod_http::PodHttp;
use crate::scale::{STATE, ScalePlan};
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
    let Some(mut world) = world else {
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
    if !plan.drain.is_empty() || size(&world) != Some(plan.replicas) {
        context.hear_autoscaler(&mut world).await;
    }
    let leaving = context.follow_plan(http, &world, &plan, &about).await?;
    let (problems, applied) = match validate::pool(&world, &context.defaults) {
        Ok(valid) => {
            let desired = build::pool(&valid, &world, &plan, &mut rand::rng());
            let applied = context.apply(&owner(key, &world.pool), &desired).await;
            (valid.warnings, applied)
        }
        Err(problems) => (problems, Applied::default()),
    };
    context.tell_size(&world, &plan, &about).await;
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
        after: status::pool(&world, &plan, &selector(&world), &met),
        conditions: |status| &status.conditions,
    };
    write_status(context, &context.cache.pools, &world.pool, statuses).await?;
    let contested = context.tell_overruled(key, &world, &about).await;
    // Whether every shard knows a bridge is seen at no change of the pool.
    let unseen = world.bridges.values().any(|it| it.unseen_by.is_some());
    let short = blocked.short || unseen || plan.update.is_some();
    match outcome(&applied, short) {
        Outcome::Again(after) if deleting || leaving || contested => {
            Ok(Outcome::Again(after.min(SOON)))
        }
        other => Ok(other),
    }
}

/// How many pods the StatefulSet has been asked for.
fn size(world: &PoolWorld) -> Option<i32> {
    let set = names::bridge(world.pool.metadata.name.as_deref()?);
    world.live.stateful_sets.get(&set)?.spec.as_ref()?.replicas
}

impl Context {
    /// Tells which bridges start or end, once the StatefulSet has been asked for that.
    async fn tell_size(&self, world: &PoolWorld, plan: &ScalePlan, about: &ObjectReference) {
        let pool = world.pool.metadata.name.as_deref().unwrap_or_default();
        let namespace = world.pool.metadata.namespace.as_deref().unwrap_or_default();
        let set = self
            .cache
            .stateful_sets
            .get(namespace, &names::bridge(pool));
        let Some(after) = set.and_then(|set| set.spec.as_ref()?.replicas) else {
            return;
        };
        let before = size(world).unwrap_or(0);
        if after > before {
            let word = status::bridges::start(world, plan, before, after);
            self.tell(about, word).await;
        }
        for ordinal in (after..before).rev() {
            let pod = names::bridge_pod(pool, ordinal);
            if world.live.pods.contains_key(&pod) {
                let moved = self.moved(namespace, &pod);
                self.forget_moved(namespace, &pod);
                self.tell(about, status::bridges::end(world, plan, &pod, moved))
                    .await;
            }
        }
    }
}

/// How the scale subresource finds the pods of the bridges that do not leave. With the autoscaler's number of bridges goes
/// the traffic of just these: who leaves has people that are no one else's yet, and soon those of the others.
fn selector(world: &PoolWorld) -> String {
    let labels = build::Origin::new(&world.pool, &[]).selector("bridge");
    let pairs = labels.iter().map(|(key, value)| format!("{key}={value}"));
    let pairs: Vec<String> = pairs.chain([format!("!{STATE}")]).collect();
    pairs.join(",")
}
