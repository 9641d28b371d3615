//! What people are told to apply is what the resources take: the chart's examples, and every YAML block of the docs.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use operator::crd::{BridgePool, JitsiCluster, JitsiShard};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Paths and texts of a folder's files that end so, in order of their names.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{folder} has no *{ending}");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path.display().to_string(), text)
    };
    paths.into_iter().map(read).collect()
}

fn documents(yaml: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(yaml)
        .map(|document| Value::deserialize(document).unwrap())
        .filter(|document| !document.is_null())
        .collect()
}

/// Reads an object as what its kind says, with unknown keys refused.
fn accept(origin: &str, object: &Value) {
    fn read<T: DeserializeOwned>(origin: &str, object: &Value) {
        if let Err(error) = serde_yaml::from_value::<T>(object.clone()) {
            panic!("{origin}: {error}");
        }
    }
    let of = |key: &str| {
        let value = object.get(key).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("{origin}: an object has no {key}"))
    };
    match (of("apiVersion"), of("kind")) {
        ("shoal.video/v1alpha1", "JitsiCluster") => read::<JitsiCluster>(origin, object),
        ("shoal.video/v1alpha1", "JitsiShard") => read::<JitsiShard>(origin, object),
        ("shoal.video/v1alpha1", "BridgePool") => read::<BridgePool>(origin, object),
        ("v1", "Secret") => read::<Secret>(origin, object),
        ("networking.k8s.io/v1", "NetworkPolicy") => read::<NetworkPolicy>(origin, object),
        other => panic!("{origin}: nothing here knows {other:?}"),
    }
}

#[test]
fn every_example_is_taken() {
    let examples = [
        files("charts/shoal/examples", ".yaml"),
        files("charts/shoal/examples/more", ".yaml"),
    ];
    for (path, yaml) in examples.into_iter().flatten() {
        let objects = documents(&yaml);
        assert!(!objects.is_empty(), "{path} is empty");
        for object in &objects {
            accept(&path, object);
        }
    }
}

#[test]
fn the_start_is_one_resource_of_each_kind_in_less_than_forty_lines() {
    let examples = files("charts/shoal/examples", ".yaml");
    let lines: usize = examples.iter().map(|(_, yaml)| yaml.lines().count()).sum();
    assert!(lines < 40, "{lines} lines");
    let mut kinds: Vec<String> = examples
        .iter()
        .flat_map(|(_, yaml)| documents(yaml))
        .map(|object| object["kind"].as_str().unwrap().to_owned())
        .collect();
    kinds.sort();
    assert_eq!(kinds, ["BridgePool", "JitsiCluster", "JitsiShard"]);
}

#[test]
fn resources_in_the_docs_are_taken() {
    let mut seen = 0;
    let pages = [
        files("docs", ".md"),
        files("docs/troubleshooting", ".md"),
        files(".", "README.md"),
    ];
    for (path, page) in pages.into_iter().flatten() {
        for block in page.split("```yaml\n").skip(1) {
            let yaml = block.split("```").next().unwrap();
            // Parts of a resource stand there too; whole ones say what they are.
            for object in documents(yaml)
                .iter()
                .filter(|object| object.get("kind").is_some())
            {
                accept(&path, object);
                seen += 1;
            }
        }
    }
    assert!(seen > 0, "the docs show no resource");
}

/// What people are told to look for, and the folder of the source that says it.
const SAID: &[(&str, &str)] = &[
    ("not run: ", "status"),
    ("does not answer the operator at port", "status"),
    ("UDP does not reach", "status"),
    ("nothing answers at", "status"),
    ("takes no new rooms", "status"),
    ("people can meet at", "status"),
    ("everything runs as the spec says", "status"),
    ("browsers warn of the self-signed certificate", "status"),
    ("EndsInFront", "status"),
    ("FromSecret", "status"),
    ("NotThere", "status"),
    ("SelfSigned", "status"),
    ("its pod is being made", "status"),
    ("has no node", "status"),
    (
        "this namespace has no JitsiCluster of that name",
        "validate",
    ),
    ("no BridgePool serves this shard", "validate"),
    ("no JitsiShard of cluster", "validate"),
    ("fits spec.shardSelector", "validate"),
    ("bridges would need port", "validate"),
    ("has a host name and no IP address", "validate"),
    ("is not there yet", "validate"),
    ("has no usable tls.crt and tls.key", "validate"),
    ("NoSuchSecret", "validate"),
    ("SecretIncomplete", "validate"),
    ("ApiMissing", "io"),
    ("and was not made by the operator", "io"),
    ("shoal.video/public-address", "build"),
    ("shoal.video/rotate", "secrets"),
];

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn what_the_docs_quote_is_what_the_operator_says() {
    let mut docs = String::new();
    for (_, page) in [files("docs", ".md"), files("docs/troubleshooting", ".md")]
        .into_iter()
        .flatten()
    {
        docs.push_str(&page);
    }
    for (sentence, folder) in SAID {
        assert!(
            docs.contains(sentence),
            "the docs say nothing of {sentence:?}"
        );
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut text = fs::read_to_string(own.join(format!("{folder}.rs"))).unwrap();
        sources(&own.join(folder), &mut text);
        assert!(
            text.contains(sentence),
            "the docs speak of {sentence:?}, which operator/src/{folder} does not say any more"
        );
    }
}
