//! What the chart gives to Prometheus and Grafana.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_yaml::Value;

use super::{Rendered, at, text};
use crate::command::{root, succeed};
use crate::install::{self, PROMETHEUS};

/// A dashboard each, where Grafana's sidecar looks.
pub(super) fn dashboards(rendered: &Rendered) -> anyhow::Result<()> {
    let label = |map: &Value| {
        let labels = at(map, "/metadata/labels")?;
        Some(labels.get("grafana_dashboard")?.as_str()? == "1")
    };
    let maps = rendered
        .all("ConfigMap")
        .filter(|map| label(map) == Some(true));
    let mut titles = BTreeSet::new();
    for map in maps {
        let data = at(map, "/data")
            .and_then(Value::as_mapping)
            .context("a dashboard without data")?;
        for (file, json) in data {
            let json = json.as_str().context("a dashboard that is no text")?;
            let board: serde_json::Value =
                serde_json::from_str(json).with_context(|| format!("{file:?} is no JSON"))?;
            titles.insert(board["title"].as_str().unwrap_or_default().to_owned());
        }
    }
    let expected = [
        "Shoal / Bridge pool",
        "Shoal / Cluster",
        "Shoal / Conference quality",
        "Shoal / Shard",
    ];
    ensure!(
        titles.iter().eq(expected),
        "the chart makes the dashboards {titles:?}"
    );
    Ok(())
}

/// Every part is scraped, at a port that its pods have by that name.
pub(super) fn pod_monitors(rendered: &Rendered) -> anyhow::Result<()> {
    for part in ["signalling", "focus", "bridge", "front-door"] {
        let monitor = rendered.named("PodMonitor", &format!("shoal-operator-{part}"))?;
        ensure!(text(monitor, "/metadata/labels/release") == Some("prometheus"));
        ensure!(at(monitor, "/spec/namespaceSelector/any") == Some(&Value::Bool(true)));
    }
    Ok(())
}

/// The alerts of the file, with the values `rules.forPercent=50`, `rules.runbooks=https://runbooks.example.org/` and
/// `rules.alertLabels.team=video` applied.
pub(super) fn rules(rendered: &Rendered) -> anyhow::Result<()> {
    let rule = rendered.named("PrometheusRule", "shoal-operator")?;
    let made = alerts(at(rule, "/spec").context("no spec")?)?;
    let kept = std::fs::read(root().join("charts/shoal/files/rules/shoal.yaml"))?;
    let kept = serde_yaml::from_slice(&kept)?;
    let kept = alerts(&kept)?;
    ensure!(made.len() == kept.len(), "alerts are missing");
    for (made, kept) in made.iter().zip(&kept) {
        let name = text(kept, "/alert").context("no name")?;
        let seconds = |alert| -> anyhow::Result<f64> {
            let word = text(alert, "/for").context("no `for`")?;
            let number = word.strip_suffix('s').context("`for` is not in seconds")?;
            Ok(number.parse()?)
        };
        ensure!(
            seconds(made)? == (seconds(kept)? / 2.0).ceil(),
            "{name}: `for` is not half of that of the file"
        );
        ensure!(
            text(made, "/annotations/runbook_url")
                == Some(format!("https://runbooks.example.org/{name}.md").as_str()),
            "{name}: the runbook is elsewhere"
        );
        ensure!(
            text(kept, "/annotations/runbook_url")
                == Some(format!("docs/runbooks/{name}.md").as_str())
        );
        ensure!(text(made, "/labels/team") == Some("video"));
        ensure!(text(made, "/labels/severity") == text(kept, "/labels/severity"));
    }
    every_alert_has_a_page(&kept)?;
    promtool()
}

fn alerts(groups: &Value) -> anyhow::Result<Vec<Value>> {
    let groups = at(groups, "/groups").and_then(Value::as_sequence);
    let rules = groups
        .context("no groups")?
        .iter()
        .filter_map(|group| at(group, "/rules")?.as_sequence())
        .flatten();
    Ok(rules
        .filter(|rule| text(rule, "/alert").is_some())
        .cloned()
        .collect())
}

fn every_alert_has_a_page(alerts: &[Value]) -> anyhow::Result<()> {
    let names = alerts.iter().filter_map(|alert| text(alert, "/alert"));
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    let mut pages = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("docs/runbooks"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        pages.extend(name.strip_suffix(".md").map(str::to_owned));
    }
    ensure!(
        names == pages,
        "alerts and pages of docs/runbooks differ: {:?}",
        names.symmetric_difference(&pages).collect::<Vec<_>>()
    );
    Ok(())
}

/// Prometheus' own checks, and its tests of alerts whose cause is too costly for a cluster.
fn promtool() -> anyhow::Result<()> {
    install::ensure(&[PROMETHEUS])?;
    let promtool = || {
        let mut command = Command::new("promtool");
        command.current_dir(root());
        command
    };
    succeed(promtool().args(["check", "rules", "charts/shoal/files/rules/shoal.yaml"]))?;
    succeed(promtool().args(["test", "rules", "e2e/rules/alerts.test.yaml"]))
}
