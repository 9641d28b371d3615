//! The software bill of materials: every crate in the binary and every Debian package in the image.
//!
//! CycloneDX 1.5, without time and serial number, so that the same content gives the same bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde_json::{Value, json};

use crate::command::{cargo, root};

/// The document for the package with these shared libraries.
pub(super) fn of(package: &str, libraries: &[PathBuf]) -> anyhow::Result<String> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--filter-platform"])
        .arg(env!("TARGET"))
        .output()
        .context("cannot start `cargo metadata`")?;
    let metadata: Value =
        serde_json::from_slice(&output.stdout).context("`cargo metadata` printed no JSON")?;
    let lock = fs::read_to_string(root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let document = document(&metadata, &checksums(&lock), package, debian(libraries))?;
    Ok(serde_json::to_string_pretty(&document)?)
}

fn document(
    metadata: &Value,
    checksums: &HashMap<(String, String), String>,
    package: &str,
    mut components: Vec<Value>,
) -> anyhow::Result<Value> {
    let packages: HashMap<&str, &Value> = list(&metadata["packages"])
        .filter_map(|package| Some((package["id"].as_str()?, package)))
        .collect();
    let start = packages
        .iter()
        .find(|(_, candidate)| candidate["name"] == package && candidate["source"].is_null())
        .map(|(id, _)| *id)
        .with_context(|| format!("the workspace has no package `{package}`"))?;
    let graph = needed(metadata, start);
    for id in graph.keys().filter(|id| **id != start) {
        components.push(component(packages[id], checksums));
    }
    components.sort_by_key(|component| component["bom-ref"].to_string());
    let reference = |id: &str| url(packages[id]);
    let mut dependencies: Vec<Value> = graph
        .iter()
        .map(|(id, needs)| {
            let mut needs: Vec<String> = needs.iter().map(|need| reference(need)).collect();
            needs.sort();
            json!({"ref": reference(id), "dependsOn": needs})
        })
        .collect();
    dependencies.sort_by_key(|dependency| dependency["ref"].to_string());
    let mut subject = component(packages[start], checksums);
    subject["type"] = json!("application");
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": subject},
        "components": components,
        "dependencies": dependencies,
    }))
}

/// What the package needs at run time, directly and indirectly; not what builds or tests it.
fn needed<'a>(metadata: &'a Value, start: &'a str) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let nodes: HashMap<&str, &Value> = list(&metadata["resolve"]["nodes"])
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let mut graph = BTreeMap::new();
    let mut waiting = vec![start];
    while let Some(id) = waiting.pop() {
        if graph.contains_key(id) {
            continue;
        }
        let needs: BTreeSet<&str> = nodes
            .get(id)
            .into_iter()
            .flat_map(|node| list(&node["deps"]))
            .filter(|dependency| list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null()))
            .filter_map(|dependency| dependency["pkg"].as_str())
            .collect();
        waiting.extend(&needs);
        graph.insert(id, needs);
    }
    graph
}

fn component(package: &Value, checksums: &HashMap<(String, String), String>) -> Value {
    let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let mut component = json!({
        "type": "library",
        "bom-ref": url(package),
        "name": text("name"),
        "version": text("version"),
        "purl": url(package),
    });
    if let Some(license) = package["license"].as_str() {
        // Old manifests separate alternatives by a slash, which SPDX does not know.
        let expression = license.replace('/', " OR ");
        component["licenses"] = json!([{"expression": expression}]);
    }
    if let Some(checksum) = checksums.get(&(text("name"), text("version"))) {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

fn url(package: &Value) -> String {
    format!(
        "pkg:cargo/{}@{}",
        package["name"].as_str().unwrap_or_default(),
        package["version"].as_str().unwrap_or_default()
    )
}

/// The checksums of the lock file, by name and version.
fn checksums(lock: &str) -> HashMap<(String, String), String> {
    let mut checksums = HashMap::new();
    for block in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            block.lines().find_map(|line| {
                let value = line.strip_prefix(key)?.strip_prefix(" = \"")?;
                Some(value.trim_end_matches('"').to_owned())
            })
        };
        if let (Some(name), Some(version), Some(checksum)) =
            (value("name"), value("version"), value("checksum"))
        {
            checksums.insert((name, version), checksum);
        }
    }
    checksums
}

/// The Debian packages that the libraries come from; nothing on another distribution.
fn debian(libraries: &[PathBuf]) -> Vec<Value> {
    let packages: BTreeSet<(String, String)> =
        libraries.iter().filter_map(|file| owner(file)).collect();
    packages
        .into_iter()
        .map(|(name, version)| {
            let url = format!("pkg:deb/debian/{name}@{version}");
            json!({"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url})
        })
        .collect()
}

/// Name and version of the Debian package of a file.
pub(super) fn owner(file: &Path) -> Option<(String, String)> {
    let output = Command::new("dpkg-query")
        .arg("--search")
        .arg(file)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let package = text.split(": ").next()?.split(',').next()?.to_owned();
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${Package}\t${Version}"])
        .arg(&package)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (name, version) = text.lines().next()?.split_once('\t')?;
    Some((name.to_owned(), version.to_owned()))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn metadata() -> Value {
        let package = |id: &str, source: Value| json!({"id": id, "name": id, "version": "1.0.0", "source": source, "license": "MIT/Apache-2.0"});
        let depends = |id: &str, kind: Value| json!({"pkg": id, "dep_kinds": [{"kind": kind}]});
        json!({
            "packages": [
                package("ours", Value::Null),
                package("needed", json!("registry")),
                package("deeper", json!("registry")),
                package("builds", json!("registry")),
                package("tests", json!("registry")),
            ],
            "resolve": {"nodes": [
                {"id": "ours", "deps": [
                    depends("needed", Value::Null),
                    depends("builds", json!("build")),
                    depends("tests", json!("dev")),
                ]},
                {"id": "needed", "deps": [depends("deeper", Value::Null)]},
                {"id": "deeper", "deps": []},
            ]},
        })
    }

    #[test]
    fn what_runs_is_listed_and_what_builds_or_tests_is_not() {
        let lock = "[[package]]\nname = \"needed\"\nversion = \"1.0.0\"\nchecksum = \"abc\"\n";
        let document = document(&metadata(), &checksums(lock), "ours", Vec::new()).unwrap();
        let names: Vec<&str> = list(&document["components"])
            .filter_map(|component| component["name"].as_str())
            .collect();
        assert_eq!(names, ["deeper", "needed"]);
        assert_eq!(document["metadata"]["component"]["name"], "ours");
        assert_eq!(document["components"][1]["hashes"][0]["content"], "abc");
        assert_eq!(
            document["components"][0]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
    }

    #[test]
    fn the_graph_says_who_needs_what() {
        let document = document(&metadata(), &HashMap::new(), "ours", Vec::new()).unwrap();
        assert_eq!(
            document["dependencies"][2],
            json!({"ref": "pkg:cargo/ours@1.0.0", "dependsOn": ["pkg:cargo/needed@1.0.0"]})
        );
    }
}
