//! `cargo xtask generate`: files that are written by programs, and the test
//! that they are fresh.

use std::fs;
use std::process::Stdio;

use anyhow::{Context, bail};
use clap::Args as ClapArgs;

use crate::command::{cargo, root};
use crate::stage::say;

#[derive(ClapArgs)]
pub struct Args {}

/// Each generated file, with the arguments of `shoal` that print it.
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

pub fn run(_args: &Args) -> anyhow::Result<()> {
    for (path, arguments) in FILES {
        let file = root().join(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make a folder for {path}"))?;
        }
        fs::write(file, print(arguments)?).with_context(|| format!("cannot write {path}"))?;
        say(&format!("wrote {path}"));
    }
    Ok(())
}

/// Fails when a generated file is not what its program prints.
pub fn check() -> anyhow::Result<()> {
    for (path, arguments) in FILES {
        let kept = fs::read(root().join(path)).with_context(|| format!("cannot read {path}"))?;
        if kept != print(arguments)? {
            bail!("{path} is stale: run `cargo xtask generate` and commit it");
        }
    }
    Ok(())
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
