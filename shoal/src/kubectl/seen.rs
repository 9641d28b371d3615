//! What is read from the API server before anything is said.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use operator::crd::{BridgePool, JitsiCluster, JitsiShard};

/// One namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// `metadata.name` of the namespace.
    pub namespace: String,
    /// When it was read, since the Unix epoch.
    pub now: Duration,
    /// Meeting services.
    pub clusters: Vec<JitsiCluster>,
    /// Their shards.
    pub shards: Vec<JitsiShard>,
    /// Their pools of bridges.
    pub pools: Vec<BridgePool>,
    /// Pods of Shoal.
    pub pods: Vec<Pod>,
    /// Autoscalers of pools.
    pub autoscalers: Vec<HorizontalPodAutoscaler>,
    /// What pools tell their bridges of addresses, by name of the ConfigMap.
    pub addresses: BTreeMap<String, BTreeMap<String, String>>,
}

impl Seen {
    /// Only what belongs to one cluster. `false` when there is no such cluster.
    pub(super) fn narrow(&mut self, cluster: &str) -> bool {
        self.clusters.retain(|one| one.name_any() == cluster);
        self.shards.retain(|one| one.spec.cluster_ref == cluster);
        self.pools.retain(|one| one.spec.cluster_ref == cluster);
        !self.clusters.is_empty()
    }

    /// Bridges of the pools, in order of their numbers.
    pub(super) fn bridges(&self) -> impl Iterator<Item = (&BridgePool, &Pod)> {
        self.pools.iter().flat_map(|pool| {
            let name = pool.name_any();
            let mine = |pod: &&Pod| {
                component(pod) == Some("bridge") && label(pod, "shoal.video/pool") == Some(&name)
            };
            let mut pods: Vec<&Pod> = self.pods.iter().filter(mine).collect();
            pods.sort_by_key(|pod| ordinal(pod));
            pods.into_iter().map(move |pod| (pool, pod))
        })
    }

    pub(super) fn bridge(&self, name: &str) -> Option<(&BridgePool, &Pod)> {
        self.bridges().find(|(_, pod)| pod.name_any() == name)
    }

    /// The pod with this name.
    pub(super) fn pod(&self, name: &str) -> Option<&Pod> {
        self.pods.iter().find(|pod| pod.name_any() == name)
    }

    pub(super) fn autoscaler(&self, pool: &str) -> Option<&HorizontalPodAutoscaler> {
        self.autoscalers.iter().find(|one| one.name_any() == pool)
    }
}

pub(super) fn label<'a>(pod: &'a Pod, key: &str) -> Option<&'a String> {
    pod.labels().get(key)
}

/// Which part of Shoal a pod is.
pub(super) fn component(pod: &Pod) -> Option<&str> {
    label(pod, "app.kubernetes.io/component").map(String::as_str)
}

/// The number at the end of its name.
pub(super) fn ordinal(pod: &Pod) -> Option<i32> {
    pod.name_any().rsplit_once('-')?.1.parse().ok()
}

/// The node that a pod is on.
pub(super) fn node(pod: &Pod) -> String {
    let spec = pod.spec.as_ref();
    spec.and_then(|spec| spec.node_name.clone())
        .unwrap_or_default()
}

/// Since when a pod is ready, since the Unix epoch.
pub(super) fn ready_since(pod: &Pod) -> Option<Duration> {
    let status = pod.status.as_ref()?;
    let ready = status
        .conditions
        .iter()
        .flatten()
        .find(|one| one.type_ == "Ready" && one.status == "True")?;
    ready.last_transition_time.as_ref().map(since_epoch)
}

/// A time of Kubernetes, since the Unix epoch.
pub(super) fn since_epoch(time: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time) -> Duration {
    Duration::from_secs(u64::try_from(time.0.as_second()).unwrap_or_default())
}
