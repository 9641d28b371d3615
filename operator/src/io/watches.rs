//! What is watched, and whom each change concerns.

use std::fmt::Debug;
use std::sync::Arc;

use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::runtime::watcher;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch as signal;
use tokio::task::JoinSet;

use super::context::Context;
use super::routes::Concerning;
use super::store::{Change, Store};
use super::trim;
use super::watch::follow;
use crate::controller::scope::MANAGED_BY;

struct Starter<'a> {
    context: &'a Arc<Context>,
    namespace: Option<&'a str>,
    tasks: &'a mut JoinSet<()>,
    listed: Vec<signal::Receiver<bool>>,
}

/// Starts all watches, and waits until each has a complete list.
pub(crate) async fn start(
    context: &Arc<Context>,
    namespace: Option<&str>,
    tasks: &mut JoinSet<()>,
) {
    let cache = &context.cache;
    let mut starter = Starter {
        context,
        namespace,
        tasks,
        listed: Vec::new(),
    };
    starter.all(&cache.clusters);
    starter.all(&cache.shards);
    starter.all(&cache.pools);
    starter.owned(&cache.secrets, trim::nothing);
    starter.owned(&cache.pods, trim::pod);
    starter.owned(&cache.services, trim::nothing);
    starter.owned(&cache.config_maps, trim::nothing);
    starter.owned(&cache.stateful_sets, trim::nothing);
    starter.owned(&cache.deployments, trim::nothing);
    starter.owned(&cache.budgets, trim::nothing);
    starter.owned(&cache.policies, trim::nothing);
    starter.owned(&cache.autoscalers, trim::nothing);
    starter.owned(&cache.ingresses, trim::nothing);
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
    fn all<K>(&mut self, store: &Arc<Store<K>>)
    where
        K: Concerning + Resource<Scope = NamespaceResourceScope> + DeserializeOwned + Debug,
    {
        let api = self.api();
        self.spawn(api, watcher::Config::default(), store, trim::nothing);
    }

    /// The operator's own objects of a kind.
    fn owned<K>(&mut self, store: &Arc<Store<K>>, trim: fn(&mut K))
    where
        K: Concerning + Resource<Scope = NamespaceResourceScope> + DeserializeOwned + Debug,
    {
        let api = self.api();
        let config =
            watcher::Config::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
        self.spawn(api, config, store, trim);
    }

    fn nodes(&mut self) {
        let nodes = self.context.cache.nodes.clone();
        let api = all_of(self.context);
        self.spawn(api, watcher::Config::default(), &nodes, trim::node);
    }

    fn spawn<K>(
        &mut self,
        api: Api<K>,
        config: watcher::Config,
        store: &Arc<Store<K>>,
        trim: fn(&mut K),
    ) where
        K: Concerning + DeserializeOwned + Debug,
    {
        let (listed, is_listed) = signal::channel(false);
        self.listed.push(is_listed);
        let context = self.context.clone();
        let tell = move |change: &Change<K>| {
            context.request(K::concerned(&context.cache, change));
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
