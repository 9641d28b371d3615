//! `BridgePool`: a set of interchangeable bridges.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerBehavior;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ComponentSpec, Span, default_cluster};

/// A set of interchangeable bridges in one region, which serve one or many shards.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "shoal.video",
    version = "v1alpha1",
    kind = "BridgePool",
    plural = "bridgepools",
    shortname = "bp",
    category = "shoal",
    namespaced,
    derive = "PartialEq",
    status = "PoolStatus",
    doc = "A set of interchangeable bridges in one region, which serve one or many shards.",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.clusterRef", priority = "1"),
    printcolumn(name = "Region", type_ = "string", json_path = ".spec.region"),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(name = "Bridges", type_ = "string", json_path = ".status.summary"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Media", type_ = "string", json_path = ".status.conditions[?(@.type=='MediaReachable')].status"),
    printcolumn(name = "Conferences", type_ = "integer", json_path = ".status.conferences"),
    printcolumn(name = "Participants", type_ = "integer", json_path = ".status.participants"),
    printcolumn(name = "Stress%", type_ = "integer", json_path = ".status.stressPercent"),
    printcolumn(name = "Bytes/s", type_ = "integer", json_path = ".status.bytesPerSecond", priority = "1"),
    printcolumn(name = "Why", type_ = "string", json_path = ".status.message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 40")
        .message("metadata.name must be at most 40 lower-case letters, digits and hyphens, and begin with a letter, because it becomes part of Service names")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BridgePoolSpec {
    /// The JitsiCluster in the same namespace whose shards are served.
    #[serde(default = "default_cluster")]
    #[schemars(length(min = 1, max = 40))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("spec.clusterRef cannot change: delete the pool and create it for the other cluster"))]
    pub cluster_ref: String,
    /// Labels of the shards that are served; every shard of the cluster when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_selector: Option<LabelSelector>,
    /// Region of the bridges. Empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$')")
        .message("spec.region is lower-case letters, digits and hyphens, for instance eu-central"))]
    pub region: String,
    /// Number of bridges. With `autoscaling` the HorizontalPodAutoscaler writes it.
    #[serde(default = "one")]
    #[x_kube(validation = Rule::new("self >= 0 && self <= 1000")
        .message("spec.replicas must be between 0 and 1000"))]
    pub replicas: i32,
    /// Lets the number of bridges follow network traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<AutoscalingSpec>,
    /// How media reaches the bridges.
    #[serde(default)]
    pub exposure: ExposureSpec,
    /// How bridges leave.
    #[serde(default)]
    pub drain: DrainSpec,
    /// How the bridges' pods run.
    #[serde(default)]
    pub pods: ComponentSpec,
}

fn one() -> i32 {
    1
}

/// Lets the number of bridges follow network traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("self.minReplicas <= self.maxReplicas")
    .message("spec.autoscaling.minReplicas must not be above maxReplicas"),
    validation = Rule::new("duration(self.window) >= duration('10s') && duration(self.window) <= duration('10m')")
        .message("spec.autoscaling.window must be between 10s and 10m"))]
pub struct AutoscalingSpec {
    /// Least number of bridges.
    #[serde(default = "one")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 1000")
        .message("spec.autoscaling.minReplicas must be between 1 and 1000"))]
    pub min_replicas: i32,
    /// Greatest number of bridges.
    #[x_kube(validation = Rule::new("self >= 1 && self <= 1000")
        .message("spec.autoscaling.maxReplicas must be between 1 and 1000"))]
    pub max_replicas: i32,
    /// Bytes per second, received and sent, that a bridge can well carry.
    #[x_kube(validation = Rule::new("self >= 1000")
        .message("spec.autoscaling.targetNetworkBytesPerSecond is in bytes per second, received and sent together: at least 1000, 25000000 for about 200 Mbit/s"))]
    pub target_network_bytes_per_second: i64,
    /// Stress, in percent, that a bridge can well bear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 10 && self <= 100")
        .message("spec.autoscaling.targetStressPercent must be between 10 and 100"))]
    pub target_stress_percent: Option<i32>,
    /// Share of both targets, in percent, that stays free for meetings that begin.
    #[serde(default = "reserve_percent")]
    #[x_kube(validation = Rule::new("self >= 0 && self <= 80")
        .message("spec.autoscaling.reservePercent must be between 0 and 80"))]
    pub reserve_percent: i32,
    /// Over how long traffic and stress are averaged.
    #[serde(default = "window")]
    pub window: Span,
    /// How fast the number changes; defaults that suit meetings: up at once, down slowly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<HorizontalPodAutoscalerBehavior>,
}

impl AutoscalingSpec {
    /// The window where a pool names none.
    pub const WINDOW: Span = Span::seconds(30);
}

fn window() -> Span {
    AutoscalingSpec::WINDOW
}

fn reserve_percent() -> i32 {
    20
}

/// How media reaches the bridges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("(self.type == 'NodePort') == has(self.basePort)")
        .message("spec.exposure.basePort is the node port of bridge 0 with type NodePort: give both or neither"),
    validation = Rule::new("!has(self.loadBalancerClass) || self.type == 'LoadBalancer'")
        .message("spec.exposure.loadBalancerClass only goes with type LoadBalancer"),
    validation = Rule::new("!has(self.annotations) || self.type in ['LoadBalancer', 'NodePort']")
        .message("spec.exposure.annotations are those of the bridges' Services, which only types LoadBalancer and NodePort have")
)]
pub struct ExposureSpec {
    /// How UDP comes in.
    #[serde(default, rename = "type")]
    pub kind: BridgeExposure,
    /// UDP port of all media of a bridge.
    #[serde(default = "media_port")]
    #[x_kube(validation = Rule::new("self >= 1024 && self <= 65535")
        .message("spec.exposure.port must be between 1024 and 65535, because bridges do not run as root"))]
    pub port: i32,
    /// With type NodePort: node port of bridge 0; bridge N has this plus N.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 1024 && self <= 65535")
        .message("spec.exposure.basePort must be a port that the API server's node port range allows, usually between 30000 and 32767"))]
    pub base_port: Option<i32>,
    /// Class of load balancer, with type LoadBalancer.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer_class: Option<String>,
    /// Annotations of the bridges' Services.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// How the address that browsers send to is learnt.
    #[serde(default)]
    pub addresses: AddressesSpec,
}

impl Default for ExposureSpec {
    fn default() -> Self {
        Self {
            kind: BridgeExposure::default(),
            port: media_port(),
            base_port: None,
            load_balancer_class: None,
            annotations: BTreeMap::new(),
            addresses: AddressesSpec::default(),
        }
    }
}

fn media_port() -> i32 {
    10_000
}

/// How UDP comes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BridgeExposure {
    /// The media port of the node that a bridge runs on: one bridge per node.
    #[default]
    HostPort,
    /// A Service of type NodePort for each bridge.
    NodePort,
    /// A Service of type LoadBalancer for each bridge.
    LoadBalancer,
    /// The node's own network: one bridge per node, and no address translation at all.
    HostNetwork,
}

/// How the address that browsers send to is learnt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("(self.source == 'Static') == (has(self.static) && size(self.static) > 0)")
    .message("spec.exposure.addresses.static lists the addresses of source Static: give both or neither"))]
pub struct AddressesSpec {
    /// Where it comes from.
    #[serde(default)]
    pub source: AddressSource,
    /// IPv4 and IPv6 addresses that forward to the bridges.
    #[schemars(length(max = 16), inner(length(max = 45)))]
    #[serde(default, rename = "static", skip_serializing_if = "Vec::is_empty")]
    #[x_kube(validation = Rule::new("self.all(one, isIP(one))")
        .message("spec.exposure.addresses.static: each must be an IPv4 or IPv6 address, without port"))]
    pub fixed: Vec<String>,
}

/// Where a bridge's public address comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AddressSource {
    /// The Service's load balancer; else the node's ExternalIP, its annotation `shoal.video/public-address`, its InternalIP.
    #[default]
    Auto,
    /// The node's InternalIP, also where it has an ExternalIP.
    NodeInternal,
    /// The list `static`.
    Static,
}

/// How bridges leave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DrainSpec {
    /// What happens to the people on a bridge that is to leave.
    #[serde(default)]
    pub policy: DrainPolicy,
    /// After this long a bridge leaves even if people are on it; they are moved at that moment.
    #[serde(default = "drain_timeout")]
    pub timeout: Span,
}

impl Default for DrainSpec {
    fn default() -> Self {
        Self {
            policy: DrainPolicy::default(),
            timeout: drain_timeout(),
        }
    }
}

fn drain_timeout() -> Span {
    Span::seconds(600)
}

/// What happens to the people on a bridge that is to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DrainPolicy {
    /// They are moved to other bridges.
    #[default]
    Migrate,
    /// It stays until they have left.
    WaitForEmpty,
}

/// What the operator saw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Progressing`, `Degraded`, `Draining`, `MediaReachable`, and `Autoscaling` where there is any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Why it is not ready, or why bridges come and go, in a sentence; empty when all is as it shall be.
    #[serde(default)]
    pub message: String,
    /// Bridges that take meetings or are to: those that drain are not among them.
    #[serde(default)]
    pub replicas: i32,
    /// Label selector of those bridges' pods, for the scale subresource.
    #[serde(default)]
    pub selector: String,
    /// How many bridges start, are ready, drain and have failed.
    #[serde(default)]
    pub bridges: BridgesByState,
    /// The same for people: `3 ready, 1 draining`.
    #[serde(default)]
    pub summary: String,
    /// Meetings on the bridges.
    #[serde(default)]
    pub conferences: i64,
    /// People on the bridges.
    #[serde(default)]
    pub participants: i64,
    /// Mean stress of the ready bridges, in percent; 0 while nobody is on them.
    #[serde(default)]
    pub stress_percent: i32,
    /// Bytes per second of all bridges, received and sent; 0 while nobody is on them.
    #[serde(default)]
    pub bytes_per_second: i64,
}

/// How many bridges start, are ready, drain and have failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BridgesByState {
    /// Pods that do not run or do not answer yet.
    #[serde(default)]
    pub starting: i32,
    /// Take new meetings.
    #[serde(default)]
    pub ready: i32,
    /// Take no new meetings, and leave.
    #[serde(default)]
    pub draining: i32,
    /// Answer that they are unwell, or stopped answering.
    #[serde(default)]
    pub failed: i32,
}
