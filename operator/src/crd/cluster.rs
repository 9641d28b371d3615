//! `JitsiCluster`: one public service at one domain.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AuthSpec, ComponentSpec, LimitsSpec};

/// One public meeting service at one domain: its certificate, its sign-in, its front door and its page.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "shoal.video",
    version = "v1alpha1",
    kind = "JitsiCluster",
    plural = "jitsiclusters",
    shortname = "jcl",
    category = "shoal",
    namespaced,
    derive = "PartialEq",
    status = "ClusterStatus",
    doc = "One public meeting service at one domain: its certificate, its sign-in, its front door and its page.",
    printcolumn(name = "Domain", type_ = "string", json_path = ".spec.domain"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Shards", type_ = "string", json_path = ".status.shards"),
    printcolumn(name = "Bridges", type_ = "integer", json_path = ".status.bridges"),
    printcolumn(name = "Conferences", type_ = "integer", json_path = ".status.conferences"),
    printcolumn(name = "Participants", type_ = "integer", json_path = ".status.participants"),
    printcolumn(name = "Why", type_ = "string", json_path = ".status.message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 40")
        .message("metadata.name must be at most 40 lower-case letters, digits and hyphens, and begin with a letter, because it becomes part of Service names")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JitsiClusterSpec {
    /// Name under which people open the page, for instance `meet.example.org`. It is also the XMPP domain, so it stays.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)+$')")
            .message("spec.domain must be a lower-case host name with a dot and no scheme, port or path, for instance meet.example.org"),
        validation = Rule::new("self == oldSelf")
            .message("spec.domain cannot change, because running meetings live under it: create a second JitsiCluster for the new domain")
    )]
    pub domain: String,
    /// The certificate that browsers see. Without it a self-signed one is made, which browsers warn of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
    /// The proxy that finds the shard of a room.
    #[serde(default)]
    pub front_door: FrontDoorSpec,
    /// Who may hold meetings.
    #[serde(default)]
    pub auth: AuthSpec,
    /// What one address may use.
    #[serde(default, skip_serializing_if = "LimitsSpec::is_default")]
    pub limits: LimitsSpec,
    /// TURN server for people whose networks block UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnSpec>,
    /// The meeting page.
    #[serde(default)]
    pub web: WebSpec,
    /// Images of everything in this cluster; the operator's own defaults where nothing is said.
    #[serde(default)]
    pub images: ImagesSpec,
}

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.secretName) || has(self.issuerRef)")
    .message("spec.tls needs secretName (a Secret of type kubernetes.io/tls), issuerRef (a cert-manager issuer), or both"))]
pub struct TlsSpec {
    /// Secret of type `kubernetes.io/tls`. With `issuerRef`, the Secret that cert-manager is to write.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// cert-manager issuer of which a certificate for the domain is requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_ref: Option<IssuerRef>,
}

/// A cert-manager issuer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssuerRef {
    /// Name of the Issuer or ClusterIssuer.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// `Issuer` or `ClusterIssuer`.
    #[serde(default = "issuer")]
    #[x_kube(validation = Rule::new("self in ['Issuer', 'ClusterIssuer']")
        .message("spec.tls.issuerRef.kind must be Issuer or ClusterIssuer"))]
    pub kind: String,
}

fn issuer() -> String {
    "Issuer".into()
}

/// The proxy that finds the shard of a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("!has(self.nodePort) || self.exposure == 'NodePort'")
        .message("spec.frontDoor.nodePort only goes with exposure NodePort"),
    validation = Rule::new("!has(self.ingressClassName) || self.exposure == 'Ingress'")
        .message("spec.frontDoor.ingressClassName only goes with exposure Ingress"),
    validation = Rule::new("(self.exposure == 'Gateway') == has(self.gatewayRef)")
        .message("spec.frontDoor.gatewayRef names the Gateway of exposure Gateway: give both or neither"),
    validation = Rule::new("!has(self.loadBalancerClass) || self.exposure == 'LoadBalancer'")
        .message("spec.frontDoor.loadBalancerClass only goes with exposure LoadBalancer"),
    validation = Rule::new("!has(self.externalTrafficPolicy) || self.exposure in ['LoadBalancer', 'NodePort']")
        .message("spec.frontDoor.externalTrafficPolicy only goes with exposures LoadBalancer and NodePort"),
    validation = Rule::new("!has(self.proxiesInFront) || self.exposure in ['Ingress', 'Gateway']")
        .message("spec.frontDoor.proxiesInFront only goes with exposures Ingress and Gateway, which are proxies in front")
)]
pub struct FrontDoorSpec {
    /// Number of proxies. Any of them finds the same shard for a room.
    #[serde(default = "two")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 20")
        .message("spec.frontDoor.replicas must be between 1 and 20"))]
    pub replicas: i32,
    /// How people reach it.
    #[serde(default)]
    pub exposure: FrontDoorExposure,
    /// Port on every node, with exposure `NodePort`. Kubernetes chooses one when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 1024 && self <= 65535")
        .message("spec.frontDoor.nodePort must be a port between 1024 and 65535 that the API server's node port range allows"))]
    pub node_port: Option<i32>,
    /// Ingress class, with exposure `Ingress`; the cluster's default class when it is left out.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress_class_name: Option<String>,
    /// The Gateway that the route attaches to, with exposure `Gateway`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_ref: Option<GatewayRef>,
    /// Class of load balancer, with exposure `LoadBalancer`.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer_class: Option<String>,
    /// Which nodes answer, with exposures `LoadBalancer` and `NodePort`; `Local` when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_traffic_policy: Option<TrafficPolicy>,
    /// Proxies between callers and the front door, with exposures `Ingress` and `Gateway`: that many last entries of
    /// `X-Forwarded-For` are believed. 1 when it is left out: the ingress controller or the Gateway. With a load balancer that
    /// speaks HTTP before it, 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 8")
        .message("spec.frontDoor.proxiesInFront must be between 1 and 8"))]
    pub proxies_in_front: Option<u32>,
    /// Annotations of the Ingress, the HTTPRoute or the Service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Regions of callers; the focus prefers bridges of a caller's region.
    #[schemars(length(max = 32))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(validation = Rule::new("self.all(one, self.exists_one(other, other.name == one.name))")
        .message("spec.frontDoor.regions: every region needs a name of its own"))]
    pub regions: Vec<RegionSpec>,
    /// How its pods run; `image` is the HAProxy image.
    #[serde(default)]
    pub pods: ComponentSpec,
}

impl Default for FrontDoorSpec {
    fn default() -> Self {
        Self {
            replicas: two(),
            exposure: FrontDoorExposure::default(),
            node_port: None,
            ingress_class_name: None,
            gateway_ref: None,
            load_balancer_class: None,
            external_traffic_policy: None,
            proxies_in_front: None,
            annotations: BTreeMap::new(),
            regions: Vec::new(),
            pods: ComponentSpec::default(),
        }
    }
}

fn two() -> i32 {
    2
}

/// How people reach the front door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FrontDoorExposure {
    /// A Service of type LoadBalancer; TLS ends at the front door.
    #[default]
    LoadBalancer,
    /// A port on every node; TLS ends at the front door.
    NodePort,
    /// An Ingress; TLS ends at the ingress controller.
    Ingress,
    /// An HTTPRoute of the Gateway API; TLS ends at the Gateway.
    Gateway,
    /// Only the ClusterIP Service.
    None,
}

/// Which nodes answer for the front door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TrafficPolicy {
    /// Those on which a front door runs. It sees callers' addresses, on which limits and regions depend.
    #[default]
    Local,
    /// All. Whom another node passes on has that node's address, so limits per address are lifted, unless `spec.limits` sets
    /// them, and nobody has a region by network.
    Cluster,
}

/// Which Gateway an HTTPRoute is attached to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayRef {
    /// Name of the Gateway.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace; that of the JitsiCluster by default.
    #[schemars(length(min = 1, max = 63))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// One listener of it; all by default.
    #[schemars(length(min = 1, max = 253))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section_name: Option<String>,
}

/// Callers of one region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("(has(self.cidrs) && size(self.cidrs) > 0) || (has(self.headers) && size(self.headers) > 0)")
    .message("spec.frontDoor.regions: a region needs cidrs, headers, or both, or nobody is ever in it"))]
pub struct RegionSpec {
    /// Its name, as bridge pools write it.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("spec.frontDoor.regions: a name is lower-case letters, digits and hyphens, for instance eu-central"))]
    pub name: String,
    /// Networks of its callers.
    #[schemars(length(max = 1000), inner(length(max = 50)))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(validation = Rule::new("self.all(one, one.matches('^[0-9a-fA-F.:]+/[0-9]{1,3}$'))")
        .message("spec.frontDoor.regions: cidrs are written ADDRESS/BITS, for instance 203.0.113.0/24"))]
    pub cidrs: Vec<String>,
    /// Values of request headers that a proxy in front sets, for instance `cf-ipcountry: [DE, AT]`.
    #[schemars(extend("maxProperties" = 8))]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Vec<String>>,
}

/// A TURN server of yours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TurnSpec {
    /// Its host name or address, as browsers reach it.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("!self.contains('/') && !self.contains(' ')")
        .message("spec.turn.host must be a host name or an address, without scheme"))]
    pub host: String,
    /// Port of `turn:` over UDP and TCP.
    #[serde(default = "turn_port")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 65535")
        .message("spec.turn.port must be between 1 and 65535"))]
    pub port: i32,
    /// Port of `turns:` (TLS); none is told to clients when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 65535")
        .message("spec.turn.tlsPort must be between 1 and 65535"))]
    pub tls_port: Option<i32>,
    /// Secret whose key `secret` is the server's shared secret (coturn: static-auth-secret).
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: String,
}

fn turn_port() -> i32 {
    3478
}

/// The meeting page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebSpec {
    /// Number of pods.
    #[serde(default = "two")]
    #[x_kube(validation = Rule::new("self >= 1 && self <= 50")
        .message("spec.web.replicas must be between 1 and 50"))]
    pub replicas: i32,
    /// Origins whose pages may show the meeting in a frame, beside its own, for instance `https://intranet.example.org` or
    /// `https://*.example.org`; `*` is any.
    #[schemars(length(max = 64), inner(length(max = 300)))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(validation = Rule::new("self.all(one, one == '*' || one.matches('^https?://[^/ ;,]+$'))")
        .message("spec.web.frameAncestors: each must be an origin, for instance https://intranet.example.org, or *"))]
    pub frame_ancestors: Vec<String>,
    /// Origins whose pages may ask for meetings (CORS of `/conference-request/v1`), for instance
    /// `https://intranet.example.org`; `*` is any.
    #[schemars(length(max = 64), inner(length(max = 300)))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(validation = Rule::new("self.all(one, one == '*' || one.matches('^https?://[^/ ;,*]+$'))")
        .message("spec.web.corsOrigins: each must be an origin, for instance https://intranet.example.org, or *"))]
    pub cors_origins: Vec<String>,
    /// Merged into what the page receives as `config.json`.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
    pub config: serde_json::Map<String, serde_json::Value>,
    /// How its pods run.
    #[serde(default)]
    pub pods: ComponentSpec,
}

impl Default for WebSpec {
    fn default() -> Self {
        Self {
            replicas: two(),
            frame_ancestors: Vec::new(),
            cors_origins: Vec::new(),
            config: serde_json::Map::new(),
            pods: ComponentSpec::default(),
        }
    }
}

/// Images of everything in a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImagesSpec {
    /// Image of all Shoal's parts.
    #[schemars(length(min = 1, max = 500))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shoal: Option<String>,
    /// HAProxy's image, 2.6 or newer.
    #[schemars(length(min = 1, max = 500))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub haproxy: Option<String>,
    /// When images are pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self in ['Always', 'IfNotPresent', 'Never']")
        .message("spec.images.pullPolicy must be Always, IfNotPresent or Never"))]
    pub pull_policy: Option<String>,
    /// Secrets with which images are pulled.
    #[schemars(length(max = 16))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pull_secrets: Vec<String>,
}

/// What the operator saw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Progressing`, `Degraded`, `CertificateTrusted`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Why it is not ready, in a sentence; empty when it is.
    #[serde(default)]
    pub message: String,
    /// Shards that take new meetings, of all: `2/3`.
    #[serde(default)]
    pub shards: String,
    /// Bridges that run.
    #[serde(default)]
    pub bridges: i32,
    /// Meetings that run.
    #[serde(default)]
    pub conferences: i64,
    /// People in meetings.
    #[serde(default)]
    pub participants: i64,
    /// Stable ids of the shards in the front door's tables, never used again for another shard.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shard_ids: BTreeMap<String, u32>,
    /// Where the page is reached, for instance `https://meet.example.org`.
    #[serde(default)]
    pub url: String,
}
