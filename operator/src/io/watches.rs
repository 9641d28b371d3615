//! What is watched, and whom each change concerns.

use std::fmt::Debug;
use std::sync::Arc;

use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::runtime::watcher;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch as signal};
use tokio::task::JoinSet;

use super::cache::Cache;
use super::context::Context;
use super::store::{Change, Store, Stored};
use super::trim;
use super::watch::follow;
use crate::controller::scope::{Key, MANAGED_BY};

type Requests = mpsc::UnboundedSender<Key>;

struct Starter<'a> {
    context: &'a Context,
    namespace: Option<&'a str>,
    requests: &'a Requests,
    tasks: &'a mut JoinSet<()>,
    listed: Vec<signal::Receiver<bool>>,
}

/// Starts all watches, and waits until each has a complete list.
pub async fn start(
    context: &Context,
    namespace: Option<&str>,
    requests: &Requests,
    tasks: &mut JoinSet<()>,
) {
    let cache = &context.cache;
    let mut starter = Starter {
        context,
        namespace,
        requests,
        tasks,
        listed: Vec::new(),
    };
    starter.all(&cache.clusters, Cache::after_cluster);
    starter.all(&cache.shards, Cache::after_shard);
    starter.all(&cache.pools, Cache::after_pool);
    starter.owned(&cache.secrets, trim::nothing, Cache::after_secret);
    starter.owned(&cache.pods, trim::pod, Cache::after_owned);
    starter.owned(&cache.services, trim::nothing, Cache::after_service);
    starter.owned(&cache.config_maps, trim::nothing, Cache::after_owned);
    starter.owned(&cache.stateful_sets, trim::nothing, Cache::after_owned);
    starter.owned(&cache.deployments, trim::nothing, Cache::after_owned);
    starter.owned(&cache.budgets, trim::nothing, Cache::after_owned);
    starter.owned(&cache.policies, trim::nothing, Cache::after_owned);
    starter.owned(&cache.autoscalers, trim::nothing, Cache::after_owned);
    starter.owned(&cache.ingresses, trim::nothing, Cache::after_owned);
    starter.nodes();
    for mut listed in starter.listed {
        // The sender lives as long as the watch.
        let _ = listed.wait_for(|listed| *listed).await;
    }
}

impl Starter<'_> {
    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let client = self.context.client.clone();
        match self.namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        }
    }

    /// Every object of a kind.
    fn all<K>(&mut self, store: &Arc<Store<K>>, concerns: fn(&Cache, &Change<K>) -> Vec<Key>)
    where
        K: Stored + Resource<Scope = NamespaceResourceScope> + DeserializeOwned + Debug,
    {
        let api = self.api();
        self.spawn(
            api,
            watcher::Config::default(),
            store,
            trim::nothing,
            concerns,
        );
    }

    /// The operator's own objects of a kind.
    fn owned<K>(
        &mut self,
        store: &Arc<Store<K>>,
        trim: fn(&mut K),
        concerns: fn(&Cache, &Change<K>) -> Vec<Key>,
    ) where
        K: Stored + Resource<Scope = NamespaceResourceScope> + DeserializeOwned + Debug,
    {
        let api = self.api();
        let config =
            watcher::Config::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
        self.spawn(api, config, store, trim, concerns);
    }

    fn nodes(&mut self) {
        fn concerns<K>(cache: &Cache, _: &Change<K>) -> Vec<Key> {
            cache.after_node()
        }
        let nodes = self.context.cache.nodes.clone();
        let api = all_of(self.context);
        self.spawn(
            api,
            watcher::Config::default(),
            &nodes,
            trim::node,
            concerns,
        );
    }

    fn spawn<K>(
        &mut self,
        api: Api<K>,
        config: watcher::Config,
        store: &Arc<Store<K>>,
        trim: fn(&mut K),
        concerns: fn(&Cache, &Change<K>) -> Vec<Key>,
    ) where
        K: Stored + DeserializeOwned + Debug,
    {
        let (listed, is_listed) = signal::channel(false);
        self.listed.push(is_listed);
        let cache = self.context.cache.clone();
        let requests = self.requests.clone();
        let tell = move |change: &Change<K>| {
            for key in concerns(&cache, change) {
                // The receiver ends with this task.
                let _ = requests.send(key);
            }
        };
        self.tasks
            .spawn(follow(api, config, store.clone(), trim, tell, listed));
    }
}

fn all_of<K: Resource<DynamicType = (), Scope = ClusterResourceScope>>(
    context: &Context,
) -> Api<K> {
    Api::all(context.client.clone())
}
