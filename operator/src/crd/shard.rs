//! `JitsiShard`: one independent pair of signalling and focus.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ComponentSpec, Span, default_cluster};

/// One independent pair of signalling and focus, which holds a share of the rooms of its cluster.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "shoal.video",
    version = "v1alpha1",
    kind = "JitsiShard",
    plural = "jitsishards",
    shortname = "jsh",
    category = "shoal",
    namespaced,
    derive = "PartialEq",
    status = "ShardStatus",
    doc = "One independent pair of signalling and focus, which holds a share of the rooms of its cluster.",
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.clusterRef", priority = "1"),
    printcolumn(name = "Region", type_ = "string", json_path = ".spec.region"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Bridges", type_ = "integer", json_path = ".status.bridges"),
    printcolumn(name = "Conferences", type_ = "integer", json_path = ".status.conferences"),
    printcolumn(name = "Participants", type_ = "integer", json_path = ".status.participants"),
    printcolumn(name = "Why", type_ = "string", json_path = ".status.message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 40")
        .message("metadata.name must be at most 40 lower-case letters, digits and hyphens, and begin with a letter, because it becomes part of Service names")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JitsiShardSpec {
    /// The JitsiCluster in the same namespace that this shard serves.
    #[serde(default = "default_cluster")]
    #[schemars(length(min = 1, max = 40))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("spec.clusterRef cannot change: delete the shard and create it for the other cluster"))]
    pub cluster_ref: String,
    /// Region, by which nearby bridges are chosen. Empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$')")
        .message("spec.region is lower-case letters, digits and hyphens, for instance eu-central"))]
    pub region: String,
    /// `Draining` keeps the rooms that it has and takes no new ones.
    #[serde(default)]
    pub state: ShardState,
    /// How long the deletion of this shard waits for its rooms to empty.
    #[serde(default = "drain_timeout")]
    pub drain_timeout: Span,
    /// How the signalling server runs.
    #[serde(default)]
    pub signalling: ComponentSpec,
    /// How the focus runs and decides.
    #[serde(default)]
    pub focus: FocusSpec,
}

fn drain_timeout() -> Span {
    Span::seconds(4 * 3600)
}

/// Whether a shard takes new rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ShardState {
    /// Takes new rooms.
    #[default]
    Active,
    /// Keeps its rooms until they are empty, and takes no new ones.
    Draining,
}

/// How the focus runs and decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FocusSpec {
    /// How its pod runs.
    #[serde(default)]
    pub pods: ComponentSpec,
    /// How bridges are chosen.
    #[serde(default)]
    pub bridge_selection: BridgeSelection,
    /// Participants of one conference beyond which its bridge counts as full.
    #[serde(default = "participants_per_bridge")]
    #[x_kube(validation = Rule::new("self >= 2 && self <= 10000")
        .message("spec.focus.participantsPerBridge must be between 2 and 10000"))]
    pub participants_per_bridge: i32,
    /// Stress of a bridge, in percent, from which it gets no more participants while others have room.
    #[serde(default = "stress_threshold")]
    #[x_kube(validation = Rule::new("self >= 10 && self <= 100")
        .message("spec.focus.stressThresholdPercent must be between 10 and 100"))]
    pub stress_threshold_percent: i32,
}

impl Default for FocusSpec {
    fn default() -> Self {
        Self {
            pods: ComponentSpec::default(),
            bridge_selection: BridgeSelection::default(),
            participants_per_bridge: participants_per_bridge(),
            stress_threshold_percent: stress_threshold(),
        }
    }
}

fn participants_per_bridge() -> i32 {
    80
}

fn stress_threshold() -> i32 {
    80
}

/// How bridges are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BridgeSelection {
    /// One bridge per conference, the least loaded one of the first participant's region.
    #[default]
    SingleBridge,
    /// A bridge of its own for every participant, as far as there are any (for tests).
    SplitBridge,
    /// The best bridge for every participant's region.
    RegionBased,
    /// Only bridges of the first participant's region.
    IntraRegion,
}

/// What the operator saw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShardStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Progressing`, `Degraded`, `Draining`, `Drained`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Why it is not ready, in a sentence; empty when it is.
    #[serde(default)]
    pub message: String,
    /// `Active`, `Draining`, `Drained` or `Deleting`.
    #[serde(default)]
    pub state: String,
    /// Bridges that present themselves to this shard.
    #[serde(default)]
    pub bridges: i32,
    /// Meetings that run.
    #[serde(default)]
    pub conferences: i64,
    /// People in meetings.
    #[serde(default)]
    pub participants: i64,
}
