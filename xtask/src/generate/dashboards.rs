//! Grafana's dashboards: a file of panels each (`dashboards/*.yaml`), and what Grafana reads.
//!
//! A panel answers the question that is its description. `$by` in an expression stands for the labels by which the
//! dashboard's variables select; Grafana fills in the variables.

use anyhow::Context;
use serde::Deserialize;
use serde_yaml::Mapping;

mod grafana;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dashboard {
    /// What people read in the list.
    title: String,
    /// What can be chosen, from the outermost, each narrowing the next: a label, and a metric that has it.
    variables: Mapping,
    /// From above.
    rows: Vec<Row>,
}

/// Panels beside each other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    row: String,
    /// From the left, of equal width.
    panels: Vec<Panel>,
}

/// A picture.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Panel {
    title: String,
    /// What it answers.
    question: String,
    /// Grafana's name of the unit.
    unit: String,
    #[serde(default)]
    show: Show,
    /// Legend and expression of each curve.
    queries: Mapping,
}

/// How a panel shows numbers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Show {
    /// Over time.
    #[default]
    Curves,
    /// Over time, one upon the other.
    Stack,
    /// As they are.
    Number,
}

/// Name of each dashboard, and its panels.
const DASHBOARDS: &[(&str, &str)] = &[
    ("cluster", include_str!("dashboards/cluster.yaml")),
    ("shard", include_str!("dashboards/shard.yaml")),
    ("bridge-pool", include_str!("dashboards/bridge-pool.yaml")),
    ("quality", include_str!("dashboards/quality.yaml")),
];

/// Path and content of each generated file.
pub(super) fn files() -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let file = |(name, text): &(&str, &str)| {
        let dashboard: Dashboard = serde_yaml::from_str(text)
            .with_context(|| format!("xtask/src/generate/dashboards/{name}.yaml"))?;
        let path = format!("charts/shoal/files/dashboards/{name}.json");
        Ok((path, grafana::json(name, &dashboard).into_bytes()))
    };
    DASHBOARDS.iter().map(file).collect()
}
