//! Which crate may depend on which: the code map of ARCHITECTURE.md.

use anyhow::{Context, bail};
use serde_json::Value;

use crate::command::cargo;

/// Each crate of the workspace with those that it may depend on. What only tests use is free.
const MAY_USE: &[(&str, &[&str])] = &[
    ("shoal-media", &[]),
    ("shoal-xmpp", &[]),
    ("shoal-listen", &["shoal-metrics"]),
    ("shoal-metrics", &[]),
    ("shoal-private", &[]),
    (
        "shoal-bridge",
        &[
            "shoal-listen",
            "shoal-media",
            "shoal-metrics",
            "shoal-private",
            "shoal-xmpp",
        ],
    ),
    (
        "shoal-focus",
        &[
            "shoal-listen",
            "shoal-metrics",
            "shoal-private",
            "shoal-xmpp",
        ],
    ),
    (
        "shoal-signalling",
        &["shoal-listen", "shoal-metrics", "shoal-xmpp"],
    ),
    ("shoal-bench", &["shoal-bridge", "shoal-media"]),
    ("shoal-loadtest", &["shoal-media", "shoal-xmpp"]),
    ("shoal-operator", &["shoal-listen", "shoal-metrics"]),
    (
        "shoal",
        &[
            "shoal-bridge",
            "shoal-focus",
            "shoal-listen",
            "shoal-loadtest",
            "shoal-media",
            "shoal-metrics",
            "shoal-operator",
            "shoal-private",
            "shoal-signalling",
            "shoal-xmpp",
        ],
    ),
    ("xtask", &[]),
];

/// Dependencies that no rule allows, a sentence each.
pub(super) fn broken() -> anyhow::Result<Vec<String>> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("`cargo metadata` ended with {}", output.status);
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata names no packages")?;
    Ok(packages.iter().flat_map(broken_by).collect())
}

fn broken_by(package: &Value) -> Vec<String> {
    let name = package["name"].as_str().unwrap_or_default();
    let Some((_, allowed)) = MAY_USE.iter().find(|(crate_name, _)| *crate_name == name) else {
        return vec![format!(
            "crate {name} has no rule: add it to the code map and to this table"
        )];
    };
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    dependencies
        .filter(|one| one["path"].is_string() && one["kind"] != "dev")
        .filter_map(|one| one["name"].as_str())
        .filter(|used| !allowed.contains(used))
        .map(|used| format!("crate {name} depends on {used}: the code map has no such arrow"))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_arrow_that_the_code_map_lacks_is_told() {
        let package = |kind: Value| {
            json!({"name": "shoal-focus", "dependencies": [
                {"name": "shoal-xmpp", "path": "xmpp", "kind": null},
                {"name": "shoal-signalling", "path": "signalling", "kind": kind},
                {"name": "axum", "kind": null},
            ]})
        };
        assert_eq!(broken_by(&package(json!("dev"))), [""; 0]);
        let told = broken_by(&package(json!(null)));
        assert_eq!(
            told,
            ["crate shoal-focus depends on shoal-signalling: the code map has no such arrow"]
        );
        assert!(broken_by(&json!({"name": "new"}))[0].contains("no rule"));
    }
}
