//! Follows the Secrets that people name in JitsiClusters, each by itself: the operator keeps no other Secrets of theirs in
//! memory.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use tokio::task::{AbortHandle, JoinSet};

use super::cache::Cache;
use super::context::Context;
use super::routes::{Concerning, named_secrets};
use crate::controller::scope::MANAGED_BY;

/// How often it is looked which Secrets are named.
const PERIOD: Duration = Duration::from_millis(500);
/// How long the start waits for them.
const PATIENCE: Duration = Duration::from_secs(5);

type Name = (String, String);

/// Reads the Secrets that are named at this moment, and keeps following them and others that are named later.
pub(crate) async fn start(context: &Arc<Context>, tasks: &mut JoinSet<()>) {
    let read = named(&context.cache).into_iter().map(|(namespace, name)| {
        let api: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
        async move {
            if let Ok(Ok(Some(secret))) = tokio::time::timeout(PATIENCE, api.get_opt(&name)).await {
                context.learn(&context.cache.secrets, secret);
            }
        }
    });
    futures_util::future::join_all(read).await;
    tasks.spawn(keep_following(context.clone()));
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

async fn keep_following(context: Arc<Context>) {
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
                tasks.spawn(follow(context.clone(), api, name))
            });
        }
        while tasks.try_join_next().is_some() {}
    }
}

async fn follow(context: Arc<Context>, api: Api<Secret>, name: String) {
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut events = watcher(api, config).default_backoff().boxed();
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Apply(secret) | watcher::Event::InitApply(secret)) => {
                let by = secret.labels().get(MANAGED_BY.0);
                // Our own are followed by their label.
                if by.is_none_or(|by| by != MANAGED_BY.1) {
                    context.learn(&context.cache.secrets, secret);
                }
            }
            Ok(watcher::Event::Delete(secret)) => {
                if let Some(change) = context.cache.secrets.remove(&secret) {
                    context.request(Secret::concerned(&context.cache, &change));
                }
            }
            Ok(watcher::Event::Init | watcher::Event::InitDone) => {}
            Err(error) => {
                tracing::warn!(secret = name, %error, "cannot watch a Secret that a JitsiCluster names; trying on");
            }
        }
    }
}
