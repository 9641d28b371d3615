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

/// What all names begin with.
const PREFIX: &str = "operator";
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

/// A table of what is counted: field, type and first value, name, meaning.
macro_rules! metrics {
    ($($field:ident: $type:ty = $first:expr, $name:literal $help:literal;)*) => {
        /// Everything that is counted.
        pub(crate) struct Metrics {
            registry: Registry,
            look: Arc<RwLock<Option<Look>>>,
            $(#[doc = $help] pub $field: $type,)*
        }

        impl Metrics {
            fn new() -> Self {
                let mut metrics = Self {
                    registry: Registry::with_prefix(PREFIX),
                    look: Arc::default(),
                    $($field: $first,)*
                };
                $(metrics.registry.register($name, $help, metrics.$field.clone());)*
                metrics
            }
        }
    };
}

metrics! {
    reconciles: Family<Kind, Histogram, fn() -> Histogram> = Family::new_with_constructor(durations),
        "reconcile_duration_seconds" "Seconds that reconciles took";
    errors: Family<Kind, Counter<u64, AtomicU64>> = Family::default(),
        "reconcile_errors" "Reconciles that failed";
    writes: Family<Write, Counter<u64, AtomicU64>> = Family::default(),
        "writes" "Writes to the API server";
    leader: Gauge<i64, AtomicI64> = Gauge::default(),
        "leader" "1 while this replica leads";
    queue: Gauge<i64, AtomicI64> = Gauge::default(),
        "queue_resources" "Resources that are due to be reconciled";
    objects: Family<Kind, Gauge<i64, AtomicI64>> = Family::default(),
        "resources" "Resources of the group shoal.video";
    probes_failed: Counter<u64, AtomicU64> = Counter::default(),
        "media_probes_failed" "Probes of a bridge's media port that were not answered";
    answers: Family<Answer, Counter<u64, AtomicU64>> = Family::default(),
        "metrics_api_answers" "Answers of the metrics API, by HTTP status";
    without_numbers: Gauge<i64, AtomicI64> = Gauge::default(),
        "metrics_api_silent_bridges" "Bridges that run and have no fresh numbers for the metrics API";
}

fn durations() -> Histogram {
    Histogram::new(DURATIONS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self::new();
        // A counter that begins with its first error would hide it from `increase`.
        for kind in ["JitsiCluster", "JitsiShard", "BridgePool"] {
            let kind = Kind { kind: kind.into() };
            let _ = metrics.errors.get_or_create(&kind);
        }
        let resources = Box::new(Collected(metrics.look.clone()));
        metrics.registry.register_collector(resources);
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

    #[test]
    fn names_meanings_and_units_are_as_all_parts_have_them() {
        let metrics = Metrics::default();
        let kind = Kind {
            kind: "BridgePool".into(),
        };
        metrics.reconciles.get_or_create(&kind).observe(0.1);
        metrics.objects.get_or_create(&kind).set(1);
        metrics.answers.get_or_create(&Answer { code: 200 }).inc();
        metrics.wrote("ConfigMap", "apply");
        metrics.show(Arc::new(Resources::default));
        assert_eq!(
            ::metrics::faults(PREFIX, &metrics.render().unwrap()),
            [""; 0]
        );
    }
}
