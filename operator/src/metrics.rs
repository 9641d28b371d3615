//! What the operator tells of itself.

mod resources;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};

use parking_lot::RwLock;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use resources::Collected;
pub(crate) use resources::{Look, Resources};

/// Upper bounds of the reconcile's duration, in seconds.
const DURATIONS: [f64; 10] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// A kind of resource or object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Kind {
    /// As Kubernetes writes it.
    pub kind: String,
}

/// A write to the API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Write {
    /// Kind of the object.
    pub kind: String,
    /// `apply`, `patch`, `status`, `delete`, `event`.
    pub verb: String,
}

/// An answer of the metrics API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Answer {
    /// HTTP status.
    pub code: u16,
}

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    /// Duration of reconciles, by kind.
    pub reconciles: Family<Kind, Histogram, fn() -> Histogram>,
    /// Reconciles that failed, by kind.
    pub errors: Family<Kind, Counter<u64, AtomicU64>>,
    /// Writes to the API server.
    pub writes: Family<Write, Counter<u64, AtomicU64>>,
    /// 1 while this replica leads.
    pub leader: Gauge<i64, AtomicI64>,
    /// Resources that are due.
    pub queue: Gauge<i64, AtomicI64>,
    /// Resources in memory, by kind.
    pub objects: Family<Kind, Gauge<i64, AtomicI64>>,
    /// Probes of a bridge's media port that were not answered.
    pub probes_failed: Counter<u64, AtomicU64>,
    /// Answers of the metrics API, by status.
    pub answers: Family<Answer, Counter<u64, AtomicU64>>,
    /// Bridges that run and have no fresh numbers for the metrics API.
    pub without_numbers: Gauge<i64, AtomicI64>,
    look: Arc<RwLock<Option<Look>>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(DURATIONS);
        let mut metrics = Self {
            registry: Registry::default(),
            reconciles: Family::new_with_constructor(histogram),
            errors: Family::default(),
            writes: Family::default(),
            leader: Gauge::default(),
            queue: Gauge::default(),
            objects: Family::default(),
            probes_failed: Counter::default(),
            answers: Family::default(),
            without_numbers: Gauge::default(),
            look: Arc::default(),
        };
        // A counter that begins with its first error would hide it from `increase`.
        for kind in ["JitsiCluster", "JitsiShard", "BridgePool"] {
            let kind = Kind { kind: kind.into() };
            let _ = metrics.errors.get_or_create(&kind);
        }
        let registry = &mut metrics.registry;
        registry.register_collector(Box::new(Collected(metrics.look.clone())));
        registry.register(
            "operator_reconcile_duration_seconds",
            "Duration of reconciles",
            metrics.reconciles.clone(),
        );
        registry.register(
            "operator_reconcile_errors",
            "Reconciles that failed",
            metrics.errors.clone(),
        );
        registry.register(
            "operator_writes",
            "Writes to the API server",
            metrics.writes.clone(),
        );
        registry.register(
            "operator_leader",
            "1 while this replica leads",
            metrics.leader.clone(),
        );
        registry.register(
            "operator_queue_resources",
            "Resources that are due to be reconciled",
            metrics.queue.clone(),
        );
        registry.register(
            "operator_resources",
            "Resources of the group shoal.video",
            metrics.objects.clone(),
        );
        registry.register(
            "operator_media_probes_failed",
            "Probes of a bridge's media port that were not answered",
            metrics.probes_failed.clone(),
        );
        registry.register(
            "operator_metrics_api_answers",
            "Answers of the metrics API, by HTTP status",
            metrics.answers.clone(),
        );
        registry.register(
            "operator_metrics_api_silent_bridges",
            "Bridges that have no fresh numbers for the metrics API",
            metrics.without_numbers.clone(),
        );
        metrics
    }
}

impl Metrics {
    /// One write to the API server.
    pub(crate) fn wrote(&self, kind: &str, verb: &str) {
        let label = Write {
            kind: kind.to_owned(),
            verb: verb.to_owned(),
        };
        self.writes.get_or_create(&label).inc();
    }

    /// Shows resources from here on.
    pub(crate) fn show(&self, look: Look) {
        *self.look.write() = Some(look);
    }

    /// Everything, for Prometheus.
    ///
    /// # Errors
    /// When it cannot be written, which a text buffer always can.
    pub(crate) fn render(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn writes_are_counted_by_kind_and_verb() {
        let metrics = Metrics::default();
        metrics.wrote("ConfigMap", "apply");
        metrics.wrote("ConfigMap", "apply");
        let text = metrics.render().unwrap();
        let line = "operator_writes_total{kind=\"ConfigMap\",verb=\"apply\"} 2";
        assert!(text.lines().any(|found| found == line), "{text}");
    }
}
