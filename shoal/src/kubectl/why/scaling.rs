//! What a HorizontalPodAutoscaler sees and decides.

use std::fmt;

use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, MetricSpec, MetricStatus};
use serde::Serialize;

use super::{Said, said};
use crate::kubectl::table::Table;
use crate::kubectl::units::{percent, rate};

/// An autoscaler at a glance.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Scaling {
    current: i32,
    desired: i32,
    min: i32,
    max: i32,
    metrics: Vec<Metric>,
    conditions: Vec<Said>,
}

#[derive(Debug, Serialize)]
struct Metric {
    name: String,
    /// Mean per bridge; absent while it is not known.
    current: Option<String>,
    target: String,
}

impl Scaling {
    /// What it says of itself.
    pub(crate) fn of(one: &HorizontalPodAutoscaler) -> Self {
        let spec = one.spec.clone().unwrap_or_default();
        let status = one.status.clone().unwrap_or_default();
        let current = status.current_metrics.unwrap_or_default();
        let metrics = spec.metrics.unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        Self {
            current: status.current_replicas.unwrap_or_default(),
            desired: status.desired_replicas,
            min: spec.min_replicas.unwrap_or(1),
            max: spec.max_replicas,
            metrics: metrics
                .iter()
                .filter_map(|one| metric(one, &current))
                .collect(),
            conditions: conditions
                .into_iter()
                .map(|one| Said {
                    kind: one.type_,
                    status: one.status,
                    reason: one.reason.unwrap_or_default(),
                    message: one.message.unwrap_or_default(),
                })
                .collect(),
        }
    }
}

fn metric(spec: &MetricSpec, current: &[MetricStatus]) -> Option<Metric> {
    let pods = spec.pods.as_ref()?;
    let name = &pods.metric.name;
    let now = current.iter().find_map(|one| {
        let pods = one.pods.as_ref()?;
        (pods.metric.name == *name).then_some(pods.current.average_value.as_ref()?)
    });
    Some(Metric {
        current: now.map(|now| readable(name, &now.0)),
        target: pods
            .target
            .average_value
            .as_ref()
            .map(|one| readable(name, &one.0))?,
        name: name.clone(),
    })
}

/// A quantity of Kubernetes as people read what it measures.
fn readable(metric: &str, quantity: &str) -> String {
    match (metric, number(quantity)) {
        ("bridge_network_bytes_per_second", Some(number)) => rate(number),
        ("bridge_stress", Some(number)) => percent(number),
        _ => quantity.to_owned(),
    }
}

/// The decimal suffixes of a quantity, which are those that measured values have.
fn number(quantity: &str) -> Option<f64> {
    let digits = quantity.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &quantity[digits.len()..] {
        "m" => 1e-3,
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        _ => return None,
    };
    digits.parse::<f64>().ok().map(|number| number * factor)
}

impl fmt::Display for Scaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "The HorizontalPodAutoscaler wants {} and counts {}, between {} and {}.",
            self.desired, self.current, self.min, self.max
        )?;
        let mut metrics = Table::new(&["METRIC, MEAN OF BRIDGES", "NOW", "TARGET"]);
        for one in &self.metrics {
            let now = one.current.clone().unwrap_or_else(|| "not known".into());
            metrics.row([one.name.clone(), now, one.target.clone()]);
        }
        write!(f, "{metrics}")?;
        let conditions = said("AUTOSCALER", &self.conditions);
        match conditions.is_empty() {
            true => writeln!(f, "It has not looked yet."),
            false => write!(f, "\n{conditions}"),
        }
    }
}
