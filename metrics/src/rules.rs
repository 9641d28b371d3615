//! What all parts' metrics have in common, for their tests: `PREFIX_NOUN_UNIT[_total]`, a meaning, and documents that name none
//! that is not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders of the repository that name metrics: rules, dashboards, and what to do when a rule fires.
const DOCUMENTS: &[&str] = &["charts/shoal/files", "docs/runbooks"];
/// Names of `custom.metrics.k8s.io`, which nobody scrapes.
const NOT_SCRAPED: &[&str] = &["bridge_stress", "bridge_network_bytes_per_second"];
/// Units of names, and the words of a meaning that stand for them. The first that is found counts.
const UNITS: &[(&str, &[&str])] = &[
    ("per_second", &["per"]),
    ("milliseconds", &["milliseconds"]),
    ("seconds", &["seconds"]),
    ("bytes", &["bytes"]),
    ("ratio", &["share"]),
];

/// What is wrong with the metrics of `text` whose names begin with `prefix`, and with documents that name such, a sentence each.
///
/// # Panics
/// Where the repository is not there: it is for tests.
#[must_use]
pub fn faults(prefix: &str, text: &str) -> Vec<String> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut told = faults_of(prefix, text);
    let known = known(text);
    for folder in DOCUMENTS {
        for file in files(root.join(folder)) {
            let text = fs::read_to_string(&file).expect("a document is readable");
            let unknown = named(prefix, &text).filter(|name| !known.contains(*name));
            told.extend(unknown.map(|name| format!("{}: there is no {name}", file.display())));
        }
    }
    told
}

fn faults_of(prefix: &str, text: &str) -> Vec<String> {
    let mut told = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, kind) in described(text, "# TYPE ") {
        if !name.starts_with(&format!("{prefix}_")) {
            continue;
        }
        if !seen.insert(name) {
            told.push(format!("{name} is there twice"));
        }
        if !is_snake_case(name) || name.ends_with("_total") {
            told.push(format!("{name} is not NOUN_UNIT in snake_case"));
        }
        let mut helps = described(text, "# HELP ").filter(|(of, _)| *of == name);
        let help = helps.next().map_or("", |(_, help)| help);
        if help.len() < 4 {
            told.push(format!("{name} has no meaning"));
        }
        let (unit, meant) = (unit_of_name(name), unit_of_help(help));
        if unit != meant {
            told.push(format!(
                "{name} has the unit {unit:?}, its meaning, {help:?}, has {meant:?}"
            ));
        }
        let measured = kind == "histogram" || (kind == "gauge" && is_measured(name, text));
        if measured && unit.is_none() {
            told.push(format!("{name} is measured, and its name has no unit"));
        }
    }
    if seen.is_empty() {
        told.push(format!("nothing begins with {prefix}_"));
    }
    told
}

/// Name and the rest of each line that begins with `word`.
fn described<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let lines = text.lines().filter_map(move |line| line.strip_prefix(word));
    lines.filter_map(|line| line.split_once(' '))
}

/// Names of all samples that there may be.
fn known(text: &str) -> BTreeSet<String> {
    let all = described(text, "# TYPE ").flat_map(|(name, kind)| {
        let endings: &[&str] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        endings.iter().map(move |ending| format!("{name}{ending}"))
    });
    all.collect()
}

/// Words of a document that are names with this prefix.
fn named<'a>(prefix: &'a str, text: &'a str) -> impl Iterator<Item = &'a str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(move |word| {
        let rest = word.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.starts_with('_')) && !NOT_SCRAPED.contains(word)
    })
}

/// Whether a sample is no whole number.
fn is_measured(name: &str, text: &str) -> bool {
    let samples = text.lines().filter_map(|line| line.strip_prefix(name));
    samples
        .filter(|rest| rest.starts_with([' ', '{']))
        .filter_map(|rest| rest.rsplit(' ').next())
        .any(|number| number.contains('.'))
}

fn is_snake_case(name: &str) -> bool {
    let is_word = |word: &str| {
        let mut bytes = word.bytes();
        bytes.next().is_some_and(|first| first.is_ascii_lowercase())
            && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.split('_').all(is_word)
}

fn unit_of_name(name: &str) -> Option<&'static str> {
    let is_of = |unit: &&str| {
        let rest = name.strip_suffix(*unit);
        rest.is_some_and(|rest| rest.ends_with('_'))
    };
    UNITS.iter().map(|(unit, _)| *unit).find(is_of)
}

fn unit_of_help(help: &str) -> Option<&'static str> {
    let help = help.to_lowercase();
    let words: Vec<&str> = help.split(|c: char| !c.is_alphanumeric()).collect();
    let is_meant = |(_, meant): &&(&str, &[&str])| meant.iter().any(|one| words.contains(one));
    UNITS.iter().find(is_meant).map(|(unit, _)| *unit)
}

fn files(folder: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(&folder).expect("the folder of documents is there");
    entries
        .flat_map(|entry| {
            let path = entry.expect("the folder is readable").path();
            if path.is_dir() {
                files(path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_told() {
        for (text, fault) in [
            ("# HELP p_a Things\n# TYPE p_a gauge\np_a 1\n", None),
            (
                "# HELP p_a_seconds Seconds\n# TYPE p_a_seconds histogram\n",
                None,
            ),
            (
                "# HELP p_a_ratio Share lost\n# TYPE p_a_ratio gauge\np_a_ratio 0.5\n",
                None,
            ),
            (
                "# HELP q_a Things\n# TYPE q_a gauge\n",
                Some("nothing begins with p_"),
            ),
            ("# TYPE p_a gauge\n", Some("p_a has no meaning")),
            (
                "# HELP p_a Things\n# TYPE p_a gauge\n# TYPE p_a gauge\n",
                Some("p_a is there twice"),
            ),
            (
                "# HELP p_a_total Things\n# TYPE p_a_total gauge\n",
                Some("p_a_total is not NOUN_UNIT in snake_case"),
            ),
            (
                "# HELP p_A Things\n# TYPE p_A gauge\n",
                Some("p_A is not NOUN_UNIT in snake_case"),
            ),
            (
                "# HELP p_a Seconds since the start\n# TYPE p_a gauge\n",
                Some(
                    "p_a has the unit None, its meaning, \"Seconds since the start\", has Some(\"seconds\")",
                ),
            ),
            (
                "# HELP p_a_bytes Things\n# TYPE p_a_bytes counter\n",
                Some("p_a_bytes has the unit Some(\"bytes\"), its meaning, \"Things\", has None"),
            ),
            (
                "# HELP p_a Load\n# TYPE p_a gauge\np_a{x=\"y\"} 0.5\n",
                Some("p_a is measured, and its name has no unit"),
            ),
        ] {
            assert_eq!(
                faults_of("p", text),
                fault.into_iter().collect::<Vec<_>>(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_document_names_samples_and_not_other_words() {
        let text =
            "# TYPE p_joins counter\n# TYPE p_wait_seconds histogram\n# TYPE p_rooms gauge\n";
        let known = known(text);
        let document = "rate(p_joins_total{a=\"b\"}[5m]) / p_rooms, app_rooms and p_wait_seconds_bucket; p_joins";
        let unknown: Vec<&str> = named("p", document)
            .filter(|name| !known.contains(*name))
            .collect();
        assert_eq!(unknown, ["p_joins"]);
    }
}
