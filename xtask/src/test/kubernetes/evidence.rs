//! What a cluster says of itself, kept when a test failed.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::cluster::{Cluster, shoal::MEET, shoal::SYSTEM};
use crate::stage::say;

/// How much of the end of the audit log is kept.
const AUDIT_BYTES: u64 = 4 << 20;

/// What is asked, and the file that keeps the answer.
const QUESTIONS: &[(&str, &[&str])] = &[
    (
        "objects.txt",
        &[
            "get",
            "nodes,all,configmaps,ingresses,jitsiclusters,jitsishards,bridgepools",
            "--all-namespaces",
            "--output=wide",
        ],
    ),
    (
        "resources.yaml",
        &[
            "get",
            "jitsiclusters,jitsishards,bridgepools",
            "--all-namespaces",
            "--output=yaml",
        ],
    ),
    (
        "events.txt",
        &[
            "get",
            "events",
            "--all-namespaces",
            "--sort-by=.lastTimestamp",
        ],
    ),
];

/// Writes what there is into a folder. What cannot be had is said, and is no error: there is one already.
pub(super) fn collect(cluster: &Cluster, folder: &Path) {
    if let Err(error) = write_all(cluster, folder) {
        say(&format!(
            "not everything could be collected from the cluster: {error:#}"
        ));
    }
}

fn write_all(cluster: &Cluster, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for (file, question) in QUESTIONS {
        fs::write(folder.join(file), answer(cluster, question)?)?;
    }
    for namespace in [SYSTEM, MEET] {
        for pod in names(cluster, namespace)? {
            for (suffix, more) in [("log", None), ("previous.log", Some("--previous"))] {
                let mut question = vec!["--namespace", namespace, "logs", &pod];
                question.extend(["--all-containers", "--timestamps", "--tail=5000"]);
                question.extend(more);
                let text = answer(cluster, &question)?;
                // Most containers have no life before this one.
                if more.is_none() || !text.starts_with(b"Error") {
                    let name = pod.trim_start_matches("pod/");
                    fs::write(folder.join(format!("{namespace}.{name}.{suffix}")), text)?;
                }
            }
        }
    }
    if let Some(log) = cluster.audit_log()? {
        let mut file = fs::File::open(log)?;
        let start = file.metadata()?.len().saturating_sub(AUDIT_BYTES);
        file.seek(SeekFrom::Start(start))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        fs::write(folder.join("audit.log"), end)?;
    }
    Ok(())
}

/// `pod/NAME` of the pods of a namespace.
fn names(cluster: &Cluster, namespace: &str) -> anyhow::Result<Vec<String>> {
    let text = answer(
        cluster,
        &["--namespace", namespace, "get", "pods", "--output=name"],
    )?;
    Ok(String::from_utf8_lossy(&text)
        .lines()
        .map(str::to_owned)
        .collect())
}

/// What kubectl prints, complaints included.
fn answer(cluster: &Cluster, question: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = cluster.kubectl()?.args(question).output()?;
    let mut text = output.stdout;
    text.extend(output.stderr);
    Ok(text)
}
