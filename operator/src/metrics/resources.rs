//! What the leader knows of the resources, for Prometheus.
//!
//! It is read when it is asked for, so no number outlives its resource. The labels `namespace`, `cluster`, `shard` and
//! `pool` are the resource's own: a scrape must honour them (`honor_labels: true`).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use metrics::{Labels, Metric, Table};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use x509_parser::pem::Pem;

use crate::build::names;
use crate::crd::{BridgePool, JitsiCluster, JitsiShard};
use crate::scale::draining_since;

/// What is there at one moment.
#[derive(Clone, Default)]
pub(crate) struct Resources {
    /// Time since the Unix epoch.
    pub now: Duration,
    /// All clusters.
    pub clusters: Vec<Arc<JitsiCluster>>,
    /// All shards.
    pub shards: Vec<Arc<JitsiShard>>,
    /// All pools.
    pub pools: Vec<Arc<BridgePool>>,
    /// Those that scale pools.
    pub autoscalers: Vec<Arc<HorizontalPodAutoscaler>>,
    /// The pods of pools; others do no harm.
    pub pods: Vec<Arc<Pod>>,
    /// What front doors show; others do no harm.
    pub secrets: Vec<Arc<Secret>>,
}

/// Looks at what is there.
pub(crate) type Look = Arc<dyn Fn() -> Resources + Send + Sync>;

/// A gauge's values.
type Samples = Vec<(Labels, f64)>;

/// The table.
fn rows(seen: &Resources) -> Vec<Metric> {
    let pools = pools(seen);
    let gauge = Metric::gauges::<f64>;
    vec![
        gauge(
            "resource_condition",
            "Conditions of the resources of the group shoal.video: 1 true, 0 false, absent unknown",
            conditions(seen),
        ),
        gauge("pool_bridges", "Bridges of a pool, by state", pools.bridges),
        gauge(
            "pool_bridges_wanted",
            "Bridges that a pool is to have",
            pools.wanted,
        ),
        gauge(
            "pool_bridges_maximum",
            "Bridges that autoscaling may give a pool",
            pools.maximum,
        ),
        gauge(
            "pool_autoscaling_active",
            "1 while the HorizontalPodAutoscaler of a pool can compute a number, 0 while it cannot",
            pools.active,
        ),
        gauge(
            "pool_drain_seconds",
            "Seconds since the bridge of a pool that drains longest was told to; 0 when none does",
            pools.drain,
        ),
        gauge(
            "pool_drain_timeout_seconds",
            "Seconds after which a bridge of a pool leaves with people on it",
            pools.timeout,
        ),
        gauge(
            "certificate_expiry_timestamp_seconds",
            "When the certificate that a cluster's front door shows ends, in seconds since the Unix epoch",
            certificates(seen),
        ),
    ]
}

fn conditions(seen: &Resources) -> Samples {
    let mut samples = Samples::new();
    let mut add = |kind: &str, namespace: Option<String>, name: String, all: &[Condition]| {
        for one in all {
            let value = match one.status.as_str() {
                "True" => 1.0,
                "False" => 0.0,
                _ => continue,
            };
            let labels = vec![
                ("namespace", namespace.clone().unwrap_or_default()),
                ("kind", kind.to_owned()),
                ("name", name.clone()),
                ("condition", one.type_.clone()),
                ("reason", one.reason.clone()),
            ];
            samples.push((labels, value));
        }
    };
    for one in &seen.clusters {
        let status = one.status.as_ref();
        let all = status.map(|status| &*status.conditions).unwrap_or_default();
        add("JitsiCluster", one.namespace(), one.name_any(), all);
    }
    for one in &seen.shards {
        let status = one.status.as_ref();
        let all = status.map(|status| &*status.conditions).unwrap_or_default();
        add("JitsiShard", one.namespace(), one.name_any(), all);
    }
    for one in &seen.pools {
        let status = one.status.as_ref();
        let all = status.map(|status| &*status.conditions).unwrap_or_default();
        add("BridgePool", one.namespace(), one.name_any(), all);
    }
    samples
}

/// What is told of pools.
#[derive(Default)]
struct Pools {
    bridges: Samples,
    wanted: Samples,
    maximum: Samples,
    active: Samples,
    drain: Samples,
    timeout: Samples,
}

fn pools(seen: &Resources) -> Pools {
    let mut all = Pools::default();
    for pool in &seen.pools {
        let namespace = pool.namespace().unwrap_or_default();
        let name = pool.name_any();
        let labels = vec![
            ("namespace", namespace.clone()),
            ("cluster", pool.spec.cluster_ref.clone()),
            ("pool", name.clone()),
        ];
        let states = pool.status.clone().unwrap_or_default().bridges;
        for (state, count) in [
            ("starting", states.starting),
            ("ready", states.ready),
            ("draining", states.draining),
            ("failed", states.failed),
        ] {
            let mut labels = labels.clone();
            labels.push(("state", state.to_owned()));
            all.bridges.push((labels, f64::from(count)));
        }
        let put = |samples: &mut Samples, value: f64| samples.push((labels.clone(), value));
        put(&mut all.wanted, f64::from(pool.spec.replicas));
        if let Some(autoscaling) = &pool.spec.autoscaling {
            put(&mut all.maximum, f64::from(autoscaling.max_replicas));
        }
        if let Some(flag) = is_active(seen, &namespace, &name) {
            put(&mut all.active, f64::from(u8::from(flag)));
        }
        let is_of_pool = |pod: &&Arc<Pod>| {
            pod.namespace().is_some_and(|it| it == namespace)
                && pod
                    .labels()
                    .get("shoal.video/pool")
                    .is_some_and(|it| *it == name)
        };
        let marks = seen.pods.iter().filter(is_of_pool);
        let since = marks.filter_map(|pod| draining_since(pod)).min();
        let longest = since.map_or(Duration::ZERO, |since| seen.now.saturating_sub(since));
        put(&mut all.drain, longest.as_secs_f64());
        put(&mut all.timeout, pool.spec.drain.timeout.0.as_secs_f64());
    }
    all
}

/// What the autoscaler of a pool says of its own work; `None` when it says nothing.
fn is_active(seen: &Resources, namespace: &str, pool: &str) -> Option<bool> {
    let of_pool = |one: &&Arc<HorizontalPodAutoscaler>| {
        one.namespace().is_some_and(|it| it == namespace)
            && one
                .labels()
                .get("shoal.video/pool")
                .is_some_and(|it| it == pool)
    };
    let autoscaler = seen.autoscalers.iter().find(of_pool)?;
    let conditions = autoscaler.status.as_ref()?.conditions.as_ref()?;
    let active = conditions.iter().find(|one| one.type_ == "ScalingActive")?;
    // A pool that is scaled to nothing by hand is not blind.
    Some(active.status == "True" || active.reason.as_deref() == Some("ScalingDisabled"))
}

fn certificates(seen: &Resources) -> Samples {
    let mut samples = Samples::new();
    for cluster in &seen.clusters {
        let (namespace, name) = (cluster.namespace(), cluster.name_any());
        let secret = names::public_certificate(&name);
        let secret = seen
            .secrets
            .iter()
            .find(|one| one.namespace() == namespace && one.name_any() == secret);
        if let Some(end) = secret.and_then(|secret| end_of(secret)) {
            let labels = vec![
                ("namespace", namespace.unwrap_or_default()),
                ("cluster", name),
            ];
            samples.push((labels, end));
        }
    }
    samples
}

/// When the first certificate of a TLS Secret ends: that of the server, by RFC 8446, 4.4.2.
fn end_of(secret: &Secret) -> Option<f64> {
    let chain = secret.data.as_ref()?.get("tls.crt")?;
    let pem = Pem::iter_from_buffer(&chain.0).next()?.ok()?;
    let certificate = pem.parse_x509().ok()?;
    Some(certificate.validity().not_after.timestamp() as f64)
}

/// The collector of all of it.
pub(super) struct Collected(pub(super) Arc<parking_lot::RwLock<Option<Look>>>);

impl fmt::Debug for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collected")
    }
}

impl Collector for Collected {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let look = self.0.read().clone();
        let mut rows = look.map(|look| rows(&look())).unwrap_or_default();
        rows.push(listen::refusals());
        Table(rows).encode(encoder)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::Metrics;
    use super::*;
    use serde_json::{Value, json};

    fn one<K: serde::de::DeserializeOwned>(object: Value) -> Arc<K> {
        Arc::new(serde_json::from_value(object).unwrap())
    }

    fn text(seen: &Resources) -> String {
        let metrics = Metrics::default();
        let seen = seen.clone();
        metrics.show(Arc::new(move || seen.clone()));
        metrics.render().unwrap()
    }

    fn has(text: &str, line: &str) {
        assert!(
            text.lines().any(|it| it == line),
            "{line} is not in\n{text}"
        );
    }

    #[test]
    fn a_pool_tells_its_bridges_its_conditions_and_its_longest_drain() {
        let pod = |name: &str, since: &str| {
            one(
                json!({"metadata": {"name": name, "namespace": "meet", "labels": {"shoal.video/pool": "p"},
                "annotations": {"shoal.video/draining-since": since}}}),
            )
        };
        let pool = json!({
            "apiVersion": "shoal.video/v1alpha1", "kind": "BridgePool",
            "metadata": {"name": "p", "namespace": "meet"},
            "spec": {"replicas": 3, "drain": {"timeout": "5m"},
                "autoscaling": {"maxReplicas": 4, "targetNetworkBytesPerSecond": 1000}},
            "status": {"bridges": {"ready": 1, "failed": 2}, "conditions": [
                {"type": "Ready", "status": "False", "reason": "BridgesNotReady", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"},
                {"type": "MediaReachable", "status": "Unknown", "reason": "NotProbed", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
        });
        let text = text(&Resources {
            now: Duration::from_secs(1_000),
            pools: vec![one(pool)],
            autoscalers: vec![one(json!({
                "metadata": {"name": "p-bridge", "namespace": "meet", "labels": {"shoal.video/pool": "p"}},
                "spec": {"maxReplicas": 4, "scaleTargetRef": {"kind": "BridgePool", "name": "p"}},
                "status": {"currentMetrics": [], "desiredReplicas": 3, "conditions": [
                    {"type": "ScalingActive", "status": "False", "reason": "FailedGetPodsMetric"}]},
            }))],
            pods: vec![pod("p-bridge-2", "900"), pod("p-bridge-1", "940")],
            ..Resources::default()
        });
        let of = "namespace=\"meet\",cluster=\"default\",pool=\"p\"";
        has(
            &text,
            &format!("operator_pool_bridges{{{of},state=\"failed\"}} 2.0"),
        );
        has(&text, &format!("operator_pool_bridges_wanted{{{of}}} 3.0"));
        has(&text, &format!("operator_pool_bridges_maximum{{{of}}} 4.0"));
        has(
            &text,
            &format!("operator_pool_autoscaling_active{{{of}}} 0.0"),
        );
        has(&text, &format!("operator_pool_drain_seconds{{{of}}} 100.0"));
        has(
            &text,
            &format!("operator_pool_drain_timeout_seconds{{{of}}} 300.0"),
        );
        has(
            &text,
            "operator_resource_condition{namespace=\"meet\",kind=\"BridgePool\",name=\"p\",condition=\"Ready\",reason=\"BridgesNotReady\"} 0.0",
        );
        assert!(
            !text.contains("MediaReachable"),
            "what is unknown is not false"
        );
    }

    #[test]
    fn the_end_of_the_front_doors_certificate_is_told() {
        let mut params =
            rcgen::CertificateParams::new(vec!["meet.example.org".to_owned()]).unwrap();
        params.not_after = time::OffsetDateTime::from_unix_timestamp(2_000_000_000).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let cluster = json!({
            "apiVersion": "shoal.video/v1alpha1", "kind": "JitsiCluster",
            "metadata": {"name": "default", "namespace": "meet"}, "spec": {"domain": "meet.example.org"},
        });
        let secret = Secret {
            data: Some(
                [(
                    "tls.crt".to_owned(),
                    k8s_openapi::ByteString(pem.into_bytes()),
                )]
                .into(),
            ),
            ..serde_json::from_value(
                json!({"metadata": {"name": "default-front-door-tls", "namespace": "meet"}}),
            )
            .unwrap()
        };
        let text = text(&Resources {
            clusters: vec![one(cluster)],
            secrets: vec![Arc::new(secret)],
            ..Resources::default()
        });
        has(
            &text,
            "operator_certificate_expiry_timestamp_seconds{namespace=\"meet\",cluster=\"default\"} 2000000000.0",
        );
    }

    #[test]
    fn who_does_not_lead_says_nothing_of_resources() {
        let text = Metrics::default().render().unwrap();
        assert!(!text.contains("operator_pool"), "{text}");
    }
}
