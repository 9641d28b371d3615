//! Who serves `custom.metrics.k8s.io`: the operator, prometheus-adapter, or nobody of ours.

use anyhow::{Context, ensure};
use serde_yaml::Value;

use super::{Rendered, at, text};
use crate::command::root;

const API_SERVICE: &str = "v1beta2.custom.metrics.k8s.io";

/// Everything by which the API server finds the operator and believes it names the same Service.
pub(super) fn of_the_operator(rendered: &Rendered) -> anyhow::Result<()> {
    let api = rendered.named("APIService", API_SERVICE)?;
    let name = text(api, "/spec/service/name").context("the APIService names no Service")?;
    ensure!(text(api, "/spec/service/namespace") == Some("shoal-system"));
    ensure!(
        at(api, "/spec/insecureSkipTLSVerify").is_none(),
        "the API server does not check who answers"
    );
    let service = rendered.named("Service", name)?;
    let port = at(service, "/spec/ports/0/port");
    ensure!(port == at(api, "/spec/service/port"));
    for part in ["authority", "certificate"] {
        let secret = rendered.named("Secret", &format!("{name}-{part}"))?;
        ensure!(
            secret.get("data").is_none(),
            "an upgrade of the release would undo what the operator wrote"
        );
    }
    let args = rendered.operator_args()?;
    ensure!(
        args.contains(&format!("--metrics-api-service={name} ")),
        "{args}"
    );
    let replicas = at(rendered.operator()?, "/spec/replicas");
    ensure!(
        replicas == Some(&Value::from(2)),
        "one operator cannot always answer"
    );
    Ok(())
}

/// Nothing of it is there.
pub(super) fn of_others(rendered: &Rendered) -> anyhow::Result<()> {
    ensure!(
        rendered.named("APIService", API_SERVICE).is_err(),
        "two programs would serve {API_SERVICE}"
    );
    ensure!(
        rendered.all("Secret").next().is_none(),
        "there is a Secret for nothing"
    );
    let args = rendered.operator_args()?;
    ensure!(!args.contains("--metrics-api"), "{args}");
    Ok(())
}

/// The rules for prometheus-adapter make both metrics, of series that bridges have.
pub(super) fn rules(rendered: &Rendered) -> anyhow::Result<()> {
    let config_map = rendered.named("ConfigMap", "shoal-operator-prometheus-adapter")?;
    let values = text(config_map, "/data/values.yaml").context("no values.yaml")?;
    let values: Value = serde_yaml::from_str(values)?;
    let rules = at(&values, "/rules/custom").and_then(Value::as_sequence);
    let rules = rules.context("no rules")?;
    let bridge = std::fs::read_to_string(root().join("bridge/src/stats/prometheus.rs"))?;
    let mut made = Vec::new();
    for rule in rules {
        made.extend(text(rule, "/name/as"));
        for key in ["/seriesQuery", "/metricsQuery"] {
            let query = text(rule, key).with_context(|| format!("a rule without {key}"))?;
            let series = series(query);
            ensure!(!series.is_empty(), "{query} reads no series");
            for name in series {
                let (own, kind) = match name.strip_suffix("_total") {
                    Some(own) => (own, "Metric::counter"),
                    None => (name, "Metric::gauge"),
                };
                let own = format!("\"{}\",", own.trim_start_matches("bridge_"));
                // One of them, or one for each of some labels: `(` or `s(` stands before the name.
                let mut rows = bridge.split(kind);
                let known = rows.any(|row| {
                    let arguments = row.trim_start_matches('s').strip_prefix('(');
                    arguments.is_some_and(|it| it.trim_start().starts_with(&own))
                });
                ensure!(known, "{name} of {query} is no series of bridges");
            }
        }
    }
    made.sort_unstable();
    ensure!(
        made == ["bridge_network_bytes_per_second", "bridge_stress"],
        "{made:?}"
    );
    Ok(())
}

/// Names of series in a query.
fn series(query: &str) -> Vec<&str> {
    let words = query.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("bridge_")).collect()
}
