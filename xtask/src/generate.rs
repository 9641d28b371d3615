//! `cargo xtask generate`: files that are written by programs, and the test
//! that they are fresh.

use std::fs;
use std::process::Stdio;

use anyhow::{Context, bail};
use clap::Args as ClapArgs;

use crate::command::{cargo, root};
use crate::stage::say;

mod dashboards;

#[derive(ClapArgs)]
pub(crate) struct Args {}

/// Each file that `shoal` prints, with the arguments of `shoal` that print it.
const FILES: &[(&str, &[&str])] = &[
    ("docs/configuration.toml", &["configuration"]),
    ("crds/jitsiclusters.yaml", &["crd", "jitsiclusters"]),
    ("crds/jitsishards.yaml", &["crd", "jitsishards"]),
    ("crds/bridgepools.yaml", &["crd", "bridgepools"]),
    // Helm reads only what is in the chart's folder.
    (
        "charts/shoal/files/crds/jitsiclusters.yaml",
        &["crd", "jitsiclusters"],
    ),
    (
        "charts/shoal/files/crds/jitsishards.yaml",
        &["crd", "jitsishards"],
    ),
    (
        "charts/shoal/files/crds/bridgepools.yaml",
        &["crd", "bridgepools"],
    ),
];

pub(crate) fn run(_args: &Args) -> anyhow::Result<()> {
    for (path, content) in files()? {
        let file = root().join(&path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make a folder for {path}"))?;
        }
        fs::write(file, content).with_context(|| format!("cannot write {path}"))?;
        say(&format!("wrote {path}"));
    }
    Ok(())
}

/// Fails when a generated file is not what its program prints.
pub(crate) fn check() -> anyhow::Result<()> {
    for (path, content) in files()? {
        let kept = fs::read(root().join(&path)).with_context(|| format!("cannot read {path}"))?;
        if kept != content {
            bail!("{path} is stale: run `cargo xtask generate` and commit it");
        }
    }
    Ok(())
}

/// Path and content of every generated file.
fn files() -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    for (path, arguments) in FILES {
        all.push(((*path).to_owned(), print(arguments)?));
    }
    all.extend(dashboards::files()?);
    Ok(all)
}

fn print(arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = cargo()
        .args(["run", "--quiet", "--package", "shoal", "--"])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!(
            "`shoal {}` ended with {}",
            arguments.join(" "),
            output.status
        );
    }
    Ok(output.stdout)
}
