//! A reconcile: dereference, validate, build, apply, status.

mod blocked;
mod cluster;
mod finalizer;
mod pool;
mod shard;

pub(crate) use pool::Contest;

use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::apply::{Applied, Owner};
use super::context::{Context, MANAGER};
use super::pod_http::PodHttp;
use super::routes::Concerning;
use super::store::Store;
use crate::controller::queue::Outcome;
use crate::controller::scope::{Key, Scope};
use crate::metrics::Kind;
use crate::status::{Met, words};
use crate::validate::Problem;

/// When nothing changes, everything is looked at again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(600);
/// When pods are missing.
const MISSING: Duration = Duration::from_secs(5);
/// When something is under way.
const SOON: Duration = Duration::from_secs(1);

/// Brings what belongs to a resource to what its spec says. What a person has to put right is in the resource's status;
/// what the API server did not take is logged and tried again.
pub(crate) async fn reconcile(context: &Context, http: &PodHttp, key: &Key) -> Outcome {
    let kind = Kind {
        kind: key.scope.kind().to_owned(),
    };
    let start = Instant::now();
    let result = match &key.scope {
        Scope::Cluster(name) => cluster::reconcile(context, key, name).await,
        Scope::Shard(name) => shard::reconcile(context, key, name).await,
        Scope::Pool(name) => pool::reconcile(context, http, key, name).await,
    };
    let outcome = result.unwrap_or_else(|error| {
        tracing::warn!(resource = %key, %error, "a reconcile failed; it is tried again");
        Outcome::Failed
    });
    let metrics = &context.metrics;
    if outcome == Outcome::Failed {
        metrics.errors.get_or_create(&kind).inc();
    }
    let seconds = start.elapsed().as_secs_f64();
    metrics.reconciles.get_or_create(&kind).observe(seconds);
    outcome
}

/// The owner of what is applied.
fn owner<'a, K: Resource<DynamicType = ()>>(key: &'a Key, resource: &'a K) -> Owner<'a> {
    Owner {
        key,
        uid: resource.meta().uid.as_deref().unwrap_or_default(),
        reference: resource.object_ref(&()),
    }
}

/// What validate and apply found, for the status.
fn met(problems: &[Problem], applied: &Applied) -> Met {
    let mut met = Met::default();
    for problem in problems {
        let place = if problem.waiting {
            &mut met.waits
        } else {
            &mut met.problems
        };
        place.push((problem.reason.to_owned(), problem.message.clone()));
    }
    for trouble in &applied.troubles {
        met.problems
            .push((trouble.reason.to_owned(), trouble.message.clone()));
    }
    met
}

/// When to look again; `short`: pods are missing.
fn outcome(applied: &Applied, short: bool) -> Outcome {
    match (applied.troubles.is_empty(), applied.soon, short) {
        (false, ..) => Outcome::Failed,
        (true, true, _) => Outcome::Again(SOON),
        (true, false, true) => Outcome::Again(MISSING),
        (true, false, false) => Outcome::Again(LOOK_AGAIN),
    }
}

/// A resource's status before and after.
struct Statuses<'a, S> {
    before: Option<&'a S>,
    after: S,
    conditions: fn(&S) -> &[Condition],
}

/// Writes a status where it differs, and tells what changed.
async fn write_status<K, S>(
    context: &Context,
    store: &Store<K>,
    resource: &K,
    statuses: Statuses<'_, S>,
) -> Result<(), kube::Error>
where
    K: Concerning
        + Resource<Scope = kube::core::NamespaceResourceScope>
        + DeserializeOwned
        + std::fmt::Debug,
    S: Serialize + PartialEq,
{
    let Statuses {
        before,
        after,
        conditions,
    } = statuses;
    if before == Some(&after) {
        return Ok(());
    }
    let namespace = resource.namespace().unwrap_or_default();
    let api: Api<K> = Api::namespaced(context.client.clone(), &namespace);
    let params = PatchParams {
        field_manager: Some(MANAGER.into()),
        ..PatchParams::default()
    };
    context.metrics.wrote(&K::kind(&()), "status");
    let patch = Patch::Merge(json!({ "status": after }));
    match api
        .patch_status(&resource.name_any(), &params, &patch)
        .await
    {
        Ok(answer) => context.learn(store, answer),
        // It has gone meanwhile.
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
        Err(error) => return Err(error),
    }
    let about = resource.object_ref(&());
    let known = before.map(conditions).unwrap_or_default();
    for word in words(known, conditions(&after)) {
        context.tell(&about, word).await;
    }
    Ok(())
}
