//! What a part tells of itself in numbers, as Prometheus reads it: each part has one table, of name, meaning and number.
//!
//! The lowest layer: it knows no part. A part makes its rows of what it has when it is asked ([`Metric`]) and gives them to
//! [`render`]; its test gives the text to [`faults`], which holds all parts to the same rules. Deliberately absent: a place
//! where numbers are kept. Parts count in what they have anyway.

mod rules;

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

pub use rules::faults;

/// `Content-Type` of what [`render`] gives (OpenMetrics 1.0, which Prometheus reads).
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Names and values that tell the samples of a metric apart.
pub type Labels = Vec<(&'static str, String)>;

/// A row of a part's table.
#[derive(Clone, Debug)]
pub struct Metric {
    name: &'static str,
    stock: Option<&'static str>,
    help: &'static str,
    samples: Samples,
}

#[derive(Clone, Debug)]
enum Samples {
    Count(u64),
    Counts(Vec<(Labels, u64)>),
    Value(Value),
    Values(Vec<(Labels, Value)>),
    Histogram { sum: f64, buckets: Vec<(f64, u64)> },
}

/// A number that goes up and down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Of things that are counted.
    Whole(i64),
    /// Of what is measured.
    Real(f64),
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Whole(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Whole(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Whole(i64::from(flag))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl Metric {
    fn new(name: &'static str, help: &'static str, samples: Samples) -> Self {
        Self {
            name,
            stock: None,
            help,
            samples,
        }
    }

    /// What only grows; `_total` is added to the name.
    #[must_use]
    pub fn counter(name: &'static str, help: &'static str, count: u64) -> Self {
        Self::new(name, help, Samples::Count(count))
    }

    /// A counter for each set of labels.
    #[must_use]
    pub fn counters(
        name: &'static str,
        help: &'static str,
        counts: impl IntoIterator<Item = (Labels, u64)>,
    ) -> Self {
        Self::new(name, help, Samples::Counts(counts.into_iter().collect()))
    }

    /// What goes up and down.
    #[must_use]
    pub fn gauge(name: &'static str, help: &'static str, value: impl Into<Value>) -> Self {
        Self::new(name, help, Samples::Value(value.into()))
    }

    /// A gauge for each set of labels.
    #[must_use]
    pub fn gauges<V: Into<Value>>(
        name: &'static str,
        help: &'static str,
        values: impl IntoIterator<Item = (Labels, V)>,
    ) -> Self {
        let values = values.into_iter();
        let values = values.map(|(labels, value)| (labels, value.into()));
        Self::new(name, help, Samples::Values(values.collect()))
    }

    /// How often something took how long: the sum of all, and how many are in each bucket by its upper bound, the last of which
    /// is infinity.
    #[must_use]
    pub fn histogram(
        name: &'static str,
        help: &'static str,
        sum: f64,
        buckets: Vec<(f64, u64)>,
    ) -> Self {
        Self::new(name, help, Samples::Histogram { sum, buckets })
    }

    /// The name of the same number in the stock part, so that dashboards made for that one go on working.
    #[must_use]
    pub fn stock(mut self, name: &'static str) -> Self {
        self.stock = Some(name);
        self
    }

    fn kind(&self) -> MetricType {
        match self.samples {
            Samples::Count(_) | Samples::Counts(_) => MetricType::Counter,
            Samples::Value(_) | Samples::Values(_) => MetricType::Gauge,
            Samples::Histogram { .. } => MetricType::Histogram,
        }
    }

    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, self.kind())?;
        match &self.samples {
            Samples::Count(count) => ConstCounter::new(*count).encode(metric),
            Samples::Value(value) => value.encode(metric),
            Samples::Counts(counts) => counts.iter().try_for_each(|(labels, count)| {
                ConstCounter::new(*count).encode(metric.encode_family(labels)?)
            }),
            Samples::Values(values) => values
                .iter()
                .try_for_each(|(labels, value)| value.encode(metric.encode_family(labels)?)),
            Samples::Histogram { sum, buckets } => {
                let count = buckets.iter().map(|(_, count)| count).sum();
                metric.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)
            }
        }
    }
}

impl Value {
    fn encode(self, encoder: MetricEncoder<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => ConstGauge::new(number).encode(encoder),
            Self::Real(number) => ConstGauge::new(number).encode(encoder),
        }
    }
}

/// A table as a collector of a registry, which has the prefix.
#[derive(Clone, Debug)]
pub struct Table(pub Vec<Metric>);

impl Collector for Table {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|row| row.encode(&mut encoder))
    }
}

/// The text of `/metrics`: every row as `PREFIX_NAME`, and where the stock part has a name for it, also under that part's
/// prefix.
#[must_use]
pub fn render(prefix: &str, stock_prefix: &str, rows: Vec<Metric>) -> String {
    let renamed = |row: &Metric| {
        let name = row.stock?;
        Some(Metric {
            name,
            ..row.clone()
        })
    };
    let stock = rows.iter().filter_map(renamed).collect();
    let mut registry = Registry::default();
    for (prefix, rows) in [(prefix, rows), (stock_prefix, stock)] {
        let registry = registry.sub_registry_with_prefix(prefix);
        registry.register_collector(Box::new(Table(rows)));
    }
    let mut text = String::new();
    text::encode(&mut text, &registry).expect("invariant: a String takes whatever is written");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(label: &str) -> Labels {
        vec![("reason", label.to_owned())]
    }

    #[test]
    fn every_form_of_a_metric_is_written_under_both_names() {
        let text = render(
            "part",
            "stock",
            vec![
                Metric::counter("joins", "Rooms entered", 3).stock("entries"),
                Metric::counters("drops", "Dropped", [(labelled("late"), 4)]),
                Metric::gauge("rooms", "Rooms", 5_usize),
                Metric::gauge("full", "Whether it is full", true),
                Metric::gauges("busy_ratio", "Share", [(labelled("a"), 0.5)]).stock("busy"),
                Metric::histogram(
                    "wait_seconds",
                    "Wait",
                    1.5,
                    vec![(1.0, 2), (f64::INFINITY, 1)],
                ),
            ],
        );
        for line in [
            "# HELP part_joins Rooms entered",
            "part_joins_total 3",
            "stock_entries_total 3",
            "part_drops_total{reason=\"late\"} 4",
            "part_rooms 5",
            "part_full 1",
            "part_busy_ratio{reason=\"a\"} 0.5",
            "stock_busy{reason=\"a\"} 0.5",
            "part_wait_seconds_sum 1.5",
            "part_wait_seconds_count 3",
            "part_wait_seconds_bucket{le=\"1.0\"} 2",
            "part_wait_seconds_bucket{le=\"+Inf\"} 3",
            "# EOF",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}: {text}");
        }
    }
}
