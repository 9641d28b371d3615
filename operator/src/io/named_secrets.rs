//! Follows the Secrets that people name in JitsiClusters, each by itself: the operator keeps no other Secrets of theirs in
//! memory.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::cache::Cache;
use super::context::Context;
use super::routes::named_secrets;
use super::store::Change;
use crate::controller::scope::{Key, MANAGED_BY};

/// How often it is looked which Secrets are named.
const PERIOD: Duration = Duration::from_millis(500);
/// How long the start waits for them.
const PATIENCE: Duration = Duration::from_secs(5);

type Name = (String, String);

/// Reads the Secrets that are named at this moment, and keeps following them and others that are named later.
pub async fn start(
    context: &Arc<Context>,
    requests: &mpsc::UnboundedSender<Key>,
    tasks: &mut JoinSet<()>,
) {
    let read = named(&context.cache).into_iter().map(|(namespace, name)| {
        let api: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
        async move {
            if let Ok(Ok(Some(secret))) = tokio::time::timeout(PATIENCE, api.get_opt(&name)).await {
                context.cache.secrets.set(secret);
            }
        }
    });
    futures_util::future::join_all(read).await;
    tasks.spawn(keep_following(context.clone(), requests.clone()));
}

fn named(cache: &Cache) -> BTreeSet<Name> {
    let clusters = cache.clusters.all().into_iter();
    let names = clusters.flat_map(|cluster| {
        let namespace = cluster.namespace().unwrap_or_default();
        let names = named_secrets(&cluster).into_iter();
        names
            .map(move |name| (namespace.clone(), name))
            .collect::<Vec<_>>()
    });
    names.collect()
}

async fn keep_following(context: Arc<Context>, requests: mpsc::UnboundedSender<Key>) {
    let mut tasks = JoinSet::new();
    let mut following: HashMap<Name, AbortHandle> = HashMap::new();
    let mut tick = tokio::time::interval(PERIOD);
    loop {
        tick.tick().await;
        let wanted = named(&context.cache);
        following.retain(|name, task| {
            let keep = wanted.contains(name);
            if !keep {
                task.abort();
            }
            keep
        });
        for (namespace, name) in wanted {
            let key = (namespace.clone(), name.clone());
            following.entry(key).or_insert_with(|| {
                let api = Api::namespaced(context.client.clone(), &namespace);
                tasks.spawn(follow(api, name, context.cache.clone(), requests.clone()))
            });
        }
        while tasks.try_join_next().is_some() {}
    }
}

async fn follow(
    api: Api<Secret>,
    name: String,
    cache: Arc<Cache>,
    requests: mpsc::UnboundedSender<Key>,
) {
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut events = watcher(api, config).default_backoff().boxed();
    while let Some(event) = events.next().await {
        let change = match event {
            Ok(watcher::Event::Apply(mut secret) | watcher::Event::InitApply(mut secret)) => {
                // Our own are followed by their label.
                if secret
                    .labels()
                    .get(MANAGED_BY.0)
                    .is_some_and(|by| by == MANAGED_BY.1)
                {
                    continue;
                }
                secret.metadata.managed_fields = None;
                cache.secrets.set(secret)
            }
            Ok(watcher::Event::Delete(secret)) => cache.secrets.remove(&secret),
            Ok(watcher::Event::Init | watcher::Event::InitDone) => None,
            Err(error) => {
                tracing::warn!(secret = name, %error, "cannot watch a Secret that a JitsiCluster names; trying on");
                None
            }
        };
        for key in change
            .iter()
            .flat_map(|change: &Change<Secret>| cache.after_secret(change))
        {
            // The receiver ends with this task.
            let _ = requests.send(key);
        }
    }
}
