//! The first step of a reconcile: from memory to the world of one resource.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::core::{Selector, SelectorExt};

use super::cache::Cache;
use super::reports::Reports;
use super::routes::named_secrets;
use super::store::{Store, Stored};
use crate::build::names;
use crate::controller::scope::Scope;
use crate::crd::{BridgePool, JitsiCluster, JitsiShard, ShardState};
use crate::world::{ClusterWorld, Live, PoolWorld, ShardWorld};

/// Seconds since the Unix epoch.
pub(crate) fn now() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}

fn by_name<K: Stored>(
    objects: impl IntoIterator<Item = Arc<K>>,
) -> impl Iterator<Item = (String, Arc<K>)> {
    let name = |object: &K| object.meta().name.clone().unwrap_or_default();
    objects
        .into_iter()
        .map(move |object| (name(&object), object))
}

fn selects(selector: Option<&LabelSelector>, shard: &JitsiShard) -> bool {
    let Some(selector) = selector else {
        return true;
    };
    let selector: Result<Selector, _> = selector.clone().try_into();
    selector.is_ok_and(|selector| selector.matches(shard.labels()))
}

impl Cache {
    fn live(
        &self,
        namespace: &str,
        scope: &Scope,
        secrets: BTreeMap<String, Arc<k8s_openapi::api::core::v1::Secret>>,
    ) -> Live {
        fn own<K: Stored>(store: &Store<K>, namespace: &str, scope: &Scope) -> BTreeMap<String, K> {
            by_name(store.of(namespace, scope))
                .map(|(name, object)| (name, (*object).clone()))
                .collect()
        }
        let mut all = own(&self.secrets, namespace, scope);
        all.extend(
            secrets
                .into_iter()
                .map(|(name, secret)| (name, (*secret).clone())),
        );
        Live {
            secrets: all,
            services: own(&self.services, namespace, scope),
            config_maps: own(&self.config_maps, namespace, scope),
            stateful_sets: own(&self.stateful_sets, namespace, scope),
            deployments: own(&self.deployments, namespace, scope),
            autoscalers: own(&self.autoscalers, namespace, scope),
            pods: own(&self.pods, namespace, scope),
        }
    }

    fn secrets(
        &self,
        namespace: &str,
        names: impl IntoIterator<Item = String>,
    ) -> BTreeMap<String, Arc<k8s_openapi::api::core::v1::Secret>> {
        let found = names.into_iter().filter_map(|name| {
            let secret = self.secrets.get(namespace, &name)?;
            Some((name, secret))
        });
        found.collect()
    }

    fn shards_in(&self, namespace: &str, cluster: &str) -> Vec<Arc<JitsiShard>> {
        let mut shards = self.shards.within(namespace);
        shards.retain(|shard| shard.spec.cluster_ref == cluster);
        shards
    }

    fn pools_in(&self, namespace: &str, cluster: &str) -> Vec<Arc<BridgePool>> {
        let mut pools = self.pools.within(namespace);
        pools.retain(|pool| pool.spec.cluster_ref == cluster);
        pools
    }

    fn cluster_of(&self, namespace: &str, name: &str) -> Option<JitsiCluster> {
        let cluster = self.clusters.get(namespace, name)?;
        Some((*cluster).clone())
    }

    /// The world of a cluster; `None` when it is gone.
    pub(crate) fn cluster_world(
        &self,
        namespace: &str,
        name: &str,
        reports: &Reports,
    ) -> Option<ClusterWorld> {
        let cluster = self.cluster_of(namespace, name)?;
        let shards = self.shards_in(namespace, name);
        let secrets = self.secrets(namespace, named_secrets(&cluster));
        let front_door = shards.iter().map(|shard| {
            let shard = shard.name_any();
            let status = reports.signalling(namespace, &shard);
            let status = status.map_or(0, |(_, status)| status);
            (shard, status)
        });
        let mut live = self.live(namespace, &Scope::Cluster(name.to_owned()), secrets);
        // The front door goes to the shards' Services.
        for shard in &shards {
            let shard = shard.name_any();
            for service in [names::signalling(&shard), names::focus(&shard)] {
                if let Some(found) = self.services.get(namespace, &service) {
                    live.services.insert(service, (*found).clone());
                }
            }
        }
        Some(ClusterWorld {
            front_door: front_door.collect(),
            shards: shards.iter().map(|shard| (**shard).clone()).collect(),
            pools: self
                .pools_in(namespace, name)
                .iter()
                .map(|pool| (**pool).clone())
                .collect(),
            live,
            cluster,
            now: now(),
        })
    }

    /// The world of a shard; `None` when it is gone.
    pub(crate) fn shard_world(
        &self,
        namespace: &str,
        name: &str,
        reports: &Reports,
    ) -> Option<ShardWorld> {
        let shard = (*self.shards.get(namespace, name)?).clone();
        let cluster_name = shard.spec.cluster_ref.as_str();
        let cluster = self.cluster_of(namespace, cluster_name);
        let mut names: Vec<String> = cluster.iter().flat_map(named_secrets).collect();
        names.push(names::authority(cluster_name));
        let others = self
            .shards_in(namespace, cluster_name)
            .into_iter()
            .filter(|other| {
                other.metadata.name != shard.metadata.name
                    && other.spec.state == ShardState::Active
                    && other.metadata.deletion_timestamp.is_none()
            });
        let pools = self.pools_in(namespace, cluster_name).into_iter();
        let pools = pools.filter(|pool| selects(pool.spec.shard_selector.as_ref(), &shard));
        Some(ShardWorld {
            others: others.map(|other| (*other).clone()).collect(),
            pools: pools.map(|pool| (*pool).clone()).collect(),
            live: self.live(
                namespace,
                &Scope::Shard(name.to_owned()),
                self.secrets(namespace, names),
            ),
            focus: reports.focus(namespace, name),
            signalling: reports
                .signalling(namespace, name)
                .map(|(report, _)| report),
            cluster,
            shard,
            now: now(),
        })
    }

    /// The world of a pool; `None` when it is gone.
    pub(crate) fn pool_world(
        &self,
        namespace: &str,
        name: &str,
        reports: &Reports,
    ) -> Option<PoolWorld> {
        let pool = (*self.pools.get(namespace, name)?).clone();
        let cluster_name = pool.spec.cluster_ref.as_str();
        let mut shards = self.shards_in(namespace, cluster_name);
        shards.retain(|shard| selects(pool.spec.shard_selector.as_ref(), shard));
        let mut names = vec![names::authority(cluster_name)];
        names.extend(
            shards
                .iter()
                .map(|shard| names::accounts(&shard.name_any())),
        );
        let live = self.live(
            namespace,
            &Scope::Pool(name.to_owned()),
            self.secrets(namespace, names),
        );
        let mut bridges = reports.bridges(namespace, live.pods.keys().map(String::as_str));
        for shard in shards.iter().map(|shard| shard.name_any()) {
            let focus = reports.focus(namespace, &shard);
            // A focus without any bridge has trouble of its own, which is not the bridges'.
            let usable = focus.and_then(|focus| focus.usable);
            let Some(usable) = usable.filter(|usable| !usable.is_empty()) else {
                continue;
            };
            for (_, report) in bridges.iter_mut().filter(|(pod, _)| !usable.contains(*pod)) {
                report.unseen_by = Some(shard.clone());
            }
        }
        Some(PoolWorld {
            cluster: self.cluster_of(namespace, cluster_name),
            shards: shards.iter().map(|shard| (**shard).clone()).collect(),
            nodes: by_name(self.nodes.all()).collect(),
            bridges,
            live,
            pool,
            now: now(),
        })
    }
}
