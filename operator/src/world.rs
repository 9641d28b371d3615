//! What a reconcile reads before it decides: the resources that belong together, and what lives in the namespace.
//!
//! The dereference step fills these; validate and build only look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod, Secret, Service};

use crate::crd::{BridgePool, JitsiCluster, JitsiShard};

/// What the operator was told at its start.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// Image of Shoal's parts where a JitsiCluster names none.
    pub shoal_image: String,
    /// HAProxy's image where a JitsiCluster names none.
    pub haproxy_image: String,
    /// When images are pulled, where a JitsiCluster says nothing.
    pub pull_policy: String,
    /// DNS domain of the Kubernetes cluster, usually `cluster.local`.
    pub cluster_domain: String,
    /// Namespace of the operator, from which it reaches bridges (network policies).
    pub operator_namespace: String,
}

/// Objects of one namespace that the operator made or that a spec names, by name.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// Secrets: generated ones, and those that a spec names.
    pub secrets: BTreeMap<String, Secret>,
    /// For clients, and for the parts among themselves.
    pub services: BTreeMap<String, Service>,
    /// What the parts are configured by.
    pub config_maps: BTreeMap<String, ConfigMap>,
    /// Signalling, focus, bridges and front doors.
    pub stateful_sets: BTreeMap<String, StatefulSet>,
    /// The page.
    pub deployments: BTreeMap<String, Deployment>,
    /// Those of pools with `spec.autoscaling`.
    pub autoscalers: BTreeMap<String, HorizontalPodAutoscaler>,
    /// Of all components.
    pub pods: BTreeMap<String, Pod>,
}

/// For the reconcile of a JitsiCluster.
#[derive(Clone, Debug)]
pub struct ClusterWorld {
    /// The resource.
    pub cluster: JitsiCluster,
    /// Its shards, by name, those being deleted included.
    pub shards: Vec<JitsiShard>,
    /// Its pools, by name.
    pub pools: Vec<BridgePool>,
    /// What lives in the namespace.
    pub live: Live,
    /// What its front doors say of shards, by shard: `200`, `404`, other or unreachable (0). Empty before the first look.
    pub front_door: BTreeMap<String, u16>,
    /// Seconds since the Unix epoch.
    pub now: Duration,
}

/// For the reconcile of a JitsiShard.
#[derive(Clone, Debug)]
pub struct ShardWorld {
    /// The resource.
    pub shard: JitsiShard,
    /// Its cluster, when there is one of that name.
    pub cluster: Option<JitsiCluster>,
    /// Other shards of the cluster that take new rooms.
    pub others: Vec<JitsiShard>,
    /// Pools that serve it.
    pub pools: Vec<BridgePool>,
    /// What lives in the namespace.
    pub live: Live,
    /// What the focus says of itself; `None` when it does not answer.
    pub focus: Option<FocusReport>,
    /// Status of `/about/front-door` of signalling; `None` when it does not answer.
    pub signalling: Option<SignallingReport>,
    /// Seconds since the Unix epoch.
    pub now: Duration,
}

/// For the reconcile of a BridgePool.
#[derive(Clone, Debug)]
pub struct PoolWorld {
    /// The resource.
    pub pool: BridgePool,
    /// Its cluster, when there is one of that name.
    pub cluster: Option<JitsiCluster>,
    /// Shards that it serves, by name.
    pub shards: Vec<JitsiShard>,
    /// What lives in the namespace.
    pub live: Live,
    /// All nodes of the cluster, by name.
    pub nodes: BTreeMap<String, Arc<Node>>,
    /// What each bridge says of itself, by pod; absent when it does not answer.
    pub bridges: BTreeMap<String, BridgeReport>,
    /// Seconds since the Unix epoch.
    pub now: Duration,
}

/// What a focus says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FocusReport {
    /// Meetings that run.
    pub conferences: i64,
    /// People in them.
    pub participants: i64,
    /// Bridges that present themselves and are fit for use.
    pub bridges: i32,
    /// Names of those bridges; `None` when it does not name them.
    pub usable: Option<BTreeSet<String>>,
    /// Why it cannot hold meetings, if so.
    pub unfit: Option<String>,
}

/// What a signalling server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignallingReport {
    /// Whether it takes new rooms.
    pub takes_rooms: bool,
    /// Why not.
    pub reason: String,
}

/// What a bridge says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BridgeReport {
    /// Meetings on it.
    pub conferences: i64,
    /// People on it.
    pub participants: i64,
    /// Load, 1 = full.
    pub stress: f64,
    /// Bytes per second, received and sent.
    pub bytes_per_second: i64,
    /// Takes no new meetings.
    pub draining: bool,
    /// Why it is unwell, if so.
    pub unwell: Option<String>,
    /// A shard whose focus has other bridges and not this one yet.
    pub unseen_by: Option<String>,
    /// Result of the last probe of its media port: `None` before the first.
    pub media_reachable: Option<bool>,
}
