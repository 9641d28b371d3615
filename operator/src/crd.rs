//! The three resources of group `shoal.video`, as their users write them. The YAML under `crds/` is generated from these
//! types.
//!
//! What a schema and CEL can say is refused by the API server, with the sentence that stands beside the rule here; what
//! they cannot say is checked in [`crate::validate`].

#![allow(
    unreachable_pub,
    reason = "KubeSchema derives a hidden copy of each struct inside a function, at the struct's own place"
)]

mod auth;
mod cluster;
mod limits;
mod pool;
mod shard;
mod shared;

pub use auth::{Algorithm, AuthMode, AuthSpec};
pub use cluster::{
    ClusterStatus, FrontDoorExposure, FrontDoorSpec, GatewayRef, ImagesSpec, IssuerRef,
    JitsiCluster, JitsiClusterSpec, RegionSpec, TlsSpec, TrafficPolicy, TurnSpec, WebSpec,
};
pub use limits::LimitsSpec;
pub use pool::{
    AddressSource, AddressesSpec, AutoscalingSpec, BridgeExposure, BridgePool, BridgePoolSpec,
    BridgesByState, DrainPolicy, DrainSpec, ExposureSpec, PoolStatus,
};
pub use shard::{BridgeSelection, FocusSpec, JitsiShard, JitsiShardSpec, ShardState, ShardStatus};
pub use shared::{ComponentSpec, Scheduling, Span, default_cluster};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// API group of the resources.
pub const GROUP: &str = "shoal.video";

/// The definitions, in the order in which they are listed to people.
#[must_use]
pub fn definitions() -> [CustomResourceDefinition; 3] {
    [JitsiCluster::crd(), JitsiShard::crd(), BridgePool::crd()]
}
