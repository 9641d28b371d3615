//! Which resources are to be reconciled when an object changes.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod, Secret, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ObjectMeta;

use super::cache::Cache;
use super::store::{Change, Stored};
use crate::controller::scope::{Key, Scope, scope};
use crate::crd::{BridgePool, JitsiCluster, JitsiShard};

/// A kind whose changes concern resources.
pub(crate) trait Concerning: Stored {
    /// The resources that are to be reconciled.
    fn concerned(cache: &Cache, change: &Change<Self>) -> Vec<Key>;
}

macro_rules! concerning {
    ($($kind:ty => $route:ident),* $(,)?) => {$(
        impl Concerning for $kind {
            fn concerned(cache: &Cache, change: &Change<Self>) -> Vec<Key> {
                cache.$route(change)
            }
        }
    )*};
}

concerning! {
    JitsiCluster => after_cluster,
    JitsiShard => after_shard,
    BridgePool => after_pool,
    Secret => after_secret,
    Node => after_node,
    Pod => after_owned,
    Service => after_service,
    ConfigMap => after_owned,
    StatefulSet => after_owned,
    Deployment => after_owned,
    PodDisruptionBudget => after_owned,
    NetworkPolicy => after_owned,
    HorizontalPodAutoscaler => after_owned,
    Ingress => after_owned,
}

/// Whether more of a resource changed than its status, or it is new or gone.
fn beyond_status<K: Stored>(change: &Change<K>) -> bool {
    match change {
        Change::Set {
            before: Some(before),
            after,
        } => told(before.meta()) != told(after.meta()),
        Change::Set { before: None, .. } | Change::Gone(_) => true,
    }
}

type Told<'a> = (
    Option<i64>,
    bool,
    &'a Option<std::collections::BTreeMap<String, String>>,
    &'a Option<std::collections::BTreeMap<String, String>>,
    &'a Option<Vec<String>>,
);

fn told(meta: &ObjectMeta) -> Told<'_> {
    (
        meta.generation,
        meta.deletion_timestamp.is_some(),
        &meta.labels,
        &meta.annotations,
        &meta.finalizers,
    )
}

fn subject<K>(change: &Change<K>) -> &K {
    match change {
        Change::Set { after, .. } => after,
        Change::Gone(gone) => gone,
    }
}

fn namespace(meta: &ObjectMeta) -> &str {
    meta.namespace.as_deref().unwrap_or_default()
}

fn name(meta: &ObjectMeta) -> String {
    meta.name.clone().unwrap_or_default()
}

impl Cache {
    fn shards_of<'a>(&self, space: &'a str, cluster: &'a str) -> impl Iterator<Item = Key> {
        let shards = self.shards.within(space).into_iter();
        let own = shards.filter(move |shard| shard.spec.cluster_ref == cluster);
        own.map(move |shard| Key::new(space, Scope::Shard(name(&shard.metadata))))
    }

    fn pools_of<'a>(&self, space: &'a str, cluster: &'a str) -> impl Iterator<Item = Key> {
        let pools = self.pools.within(space).into_iter();
        let own = pools.filter(move |pool| pool.spec.cluster_ref == cluster);
        own.map(move |pool| Key::new(space, Scope::Pool(name(&pool.metadata))))
    }

    /// A cluster concerns its shards and pools.
    fn after_cluster(&self, change: &Change<JitsiCluster>) -> Vec<Key> {
        if !beyond_status(change) {
            return Vec::new();
        }
        let meta = &subject(change).metadata;
        let (space, own) = (namespace(meta), name(meta));
        let mut keys = vec![Key::new(space, Scope::Cluster(own.clone()))];
        keys.extend(self.shards_of(space, &own));
        keys.extend(self.pools_of(space, &own));
        keys
    }

    /// A shard concerns its cluster; what is asked of it also the cluster's other shards, which behave otherwise when they
    /// are alone, and the pools.
    fn after_shard(&self, change: &Change<JitsiShard>) -> Vec<Key> {
        let shard = subject(change);
        let (space, cluster) = (namespace(&shard.metadata), shard.spec.cluster_ref.as_str());
        let mut keys = vec![Key::new(space, Scope::Cluster(cluster.to_owned()))];
        if beyond_status(change) {
            keys.push(Key::new(space, Scope::Shard(name(&shard.metadata))));
            keys.extend(self.shards_of(space, cluster));
            keys.extend(self.pools_of(space, cluster));
        }
        keys
    }

    /// A pool concerns its cluster; what is asked of it also the shards.
    fn after_pool(&self, change: &Change<BridgePool>) -> Vec<Key> {
        let pool = subject(change);
        let (space, cluster) = (namespace(&pool.metadata), pool.spec.cluster_ref.as_str());
        let mut keys = vec![Key::new(space, Scope::Cluster(cluster.to_owned()))];
        if beyond_status(change) {
            keys.push(Key::new(space, Scope::Pool(name(&pool.metadata))));
            keys.extend(self.shards_of(space, cluster));
        }
        keys
    }

    /// An object that the operator made concerns its owner.
    fn after_owned<K: Stored>(&self, change: &Change<K>) -> Vec<Key> {
        let meta = subject(change).meta();
        let owner = scope(meta).map(|scope| Key::new(namespace(meta), scope));
        owner.into_iter().collect()
    }

    /// A Service concerns its owner; that of a shard also the cluster, whose front door knows its address.
    fn after_service(&self, change: &Change<Service>) -> Vec<Key> {
        let mut keys = self.after_owned(change);
        let space = namespace(&subject(change).metadata);
        if let Some(Scope::Shard(shard)) = keys.first().map(|key| key.scope.clone())
            && let Some(shard) = self.shards.get(space, &shard)
        {
            let cluster = Scope::Cluster(shard.spec.cluster_ref.clone());
            keys.push(Key::new(space, cluster));
        }
        keys
    }

    /// A Secret concerns its owner and those that use it: the cluster's authority all, a shard's passwords the pools, and
    /// one that a person made the clusters that name it.
    fn after_secret<K: Stored>(&self, change: &Change<K>) -> Vec<Key> {
        let meta = subject(change).meta();
        let space = namespace(meta);
        let mut keys = self.after_owned(change);
        let cluster = match keys.first().map(|key| key.scope.clone()) {
            Some(Scope::Cluster(cluster)) => Some(cluster),
            Some(Scope::Shard(shard)) => {
                let shard = self.shards.get(space, &shard);
                shard.map(|shard| shard.spec.cluster_ref.clone())
            }
            Some(Scope::Pool(_)) => None,
            None => {
                let own = name(meta);
                let clusters = self.clusters.within(space).into_iter();
                for cluster in clusters.filter(|cluster| named_secrets(cluster).contains(&own)) {
                    let cluster = name(&cluster.metadata);
                    keys.push(Key::new(space, Scope::Cluster(cluster.clone())));
                    keys.extend(self.shards_of(space, &cluster));
                }
                None
            }
        };
        if let Some(cluster) = cluster {
            if matches!(keys.first(), Some(key) if matches!(key.scope, Scope::Cluster(_))) {
                keys.extend(self.shards_of(space, &cluster));
            }
            keys.extend(self.pools_of(space, &cluster));
        }
        keys
    }

    /// A node concerns every pool: its address may be a bridge's.
    fn after_node(&self, _: &Change<Node>) -> Vec<Key> {
        let pools = self.pools.all().into_iter();
        let keys = pools.map(|pool| {
            let meta = &pool.metadata;
            Key::new(namespace(meta), Scope::Pool(name(meta)))
        });
        keys.collect()
    }
}

/// Secrets that a person names in a JitsiCluster, or that cert-manager writes for it.
pub(crate) fn named_secrets(cluster: &JitsiCluster) -> Vec<String> {
    let spec = &cluster.spec;
    let tls = spec.tls.iter().map(|tls| {
        let own = || crate::build::names::issued_certificate(&name(&cluster.metadata));
        tls.secret_name.clone().unwrap_or_else(own)
    });
    let turn = spec.turn.iter().map(|turn| turn.secret_name.clone());
    let auth = spec.auth.secrets().map(|(_, name, _)| name.to_owned());
    tls.chain(auth).chain(turn).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    fn parse<K: DeserializeOwned>(value: Value) -> K {
        serde_json::from_value(value).unwrap()
    }

    fn cache() -> Cache {
        let cache = Cache::default();
        cache.clusters.set(parse(json!({
            "apiVersion": "shoal.video/v1alpha1", "kind": "JitsiCluster", "metadata": {"name": "c", "namespace": "meet", "generation": 1},
            "spec": {"domain": "meet.example.org", "tls": {"secretName": "mine"}},
        })));
        for (kind, name) in [("JitsiShard", "one"), ("JitsiShard", "two")] {
            cache.shards.set(parse(json!({
                "apiVersion": "shoal.video/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": "meet", "generation": 1},
                "spec": {"clusterRef": "c"},
            })));
        }
        cache.pools.set(parse(json!({
            "apiVersion": "shoal.video/v1alpha1", "kind": "BridgePool", "metadata": {"name": "p", "namespace": "meet", "generation": 1},
            "spec": {"clusterRef": "c"},
        })));
        cache
    }

    fn names(keys: &[Key]) -> Vec<&str> {
        let mut names: Vec<&str> = keys.iter().map(|key| key.scope.name()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    #[test]
    fn a_status_concerns_the_cluster_and_a_spec_all_who_depend_on_it() {
        let cache = cache();
        let before = cache.shards.get("meet", "one").unwrap();
        let mut after = (*before).clone();
        after.status = Some(crate::crd::ShardStatus::default());
        let change = |after: &JitsiShard| Change::Set {
            before: Some(before.clone()),
            after: std::sync::Arc::new(after.clone()),
        };
        assert_eq!(names(&cache.after_shard(&change(&after))), ["c"]);
        after.metadata.generation = Some(2);
        assert_eq!(
            names(&cache.after_shard(&change(&after))),
            ["c", "one", "p", "two"]
        );
    }

    #[test]
    fn a_pod_concerns_its_owner_and_a_secret_all_who_read_it() {
        let cache = cache();
        let pod: Pod = parse(
            json!({"metadata": {"name": "p-bridge-0", "namespace": "meet", "labels": {"shoal.video/pool": "p"}}}),
        );
        let set = |pod| Change::Set {
            before: None,
            after: std::sync::Arc::new(pod),
        };
        assert_eq!(names(&cache.after_owned(&set(pod))), ["p"]);
        let secret = |labels: Value, name: &str| {
            let secret: Secret =
                parse(json!({"metadata": {"name": name, "namespace": "meet", "labels": labels}}));
            Change::Set {
                before: None,
                after: std::sync::Arc::new(secret),
            }
        };
        let authority = secret(json!({"shoal.video/cluster": "c"}), "c-ca");
        assert_eq!(
            names(&cache.after_secret(&authority)),
            ["c", "one", "p", "two"]
        );
        let passwords = secret(json!({"shoal.video/shard": "one"}), "one-accounts");
        assert_eq!(names(&cache.after_secret(&passwords)), ["one", "p"]);
        assert_eq!(
            names(&cache.after_secret(&secret(json!({}), "mine"))),
            ["c", "one", "two"]
        );
        assert!(cache.after_secret(&secret(json!({}), "other")).is_empty());
    }
}
