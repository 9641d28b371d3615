//! `cargo xtask image`: container images without a container engine.
//!
//! The same sources, compiler and Debian packages give the same bytes: owners are root, times zero, files in order.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::command::{program, root};
use crate::stage::say;
use crate::web;

pub(crate) mod archive;
mod closure;
pub(crate) mod haproxy;
mod sbom;
pub(crate) mod shoal;
pub(crate) mod tree;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Build with optimisations: slower to build, for real use
    #[arg(long)]
    release: bool,
    /// Where the archive and the bill of materials are written
    #[arg(long, default_value = "target/image", value_name = "FOLDER")]
    output: PathBuf,
    /// Write the files of the image into this folder, and no archive
    #[arg(long, value_name = "FOLDER")]
    files: Option<PathBuf>,
    /// Take the meeting page as it is in web/dist
    #[arg(long)]
    built_page: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if !args.built_page {
        web::build()?;
    }
    let output = root().join(&args.output);
    if let Some(folder) = &args.files {
        let (tree, _) = shoal::files(&output, args.release)?;
        tree.write(folder)?;
        say(&format!(
            "the files of the image are in {}",
            folder.display()
        ));
        return Ok(());
    }
    let archive = shoal::build(&output, args.release)?;
    say(&archive.describe());
    say(&format!(
        "load it with `docker load --input {0}`, `podman load --input {0}` or `ctr images import {0}`",
        archive.file.display()
    ));
    Ok(())
}

/// The labels that image tools show (OCI annotations).
fn labels(
    title: &str,
    version: &str,
    licenses: &str,
    description: &str,
) -> BTreeMap<String, String> {
    [
        ("title", title),
        ("version", version),
        ("licenses", licenses),
        ("description", description),
    ]
    .into_iter()
    .map(|(key, value)| (label(key), value.to_owned()))
    .collect()
}

fn label(key: &str) -> String {
    format!("org.opencontainers.image.{key}")
}

/// Where the sources are, from `SHOAL_SOURCE`, and their commit.
fn origin() -> BTreeMap<String, String> {
    let source = std::env::var("SHOAL_SOURCE").ok();
    [("source", source), ("revision", revision())]
        .into_iter()
        .filter_map(|(key, value)| Some((label(key), value?)))
        .collect()
}

/// `SHOAL_REVISION`, or the commit of the clone, marked when files differ from it.
fn revision() -> Option<String> {
    if let Ok(revision) = std::env::var("SHOAL_REVISION") {
        return Some(revision);
    }
    let git = |args: &[&str]| -> Option<String> {
        let output = program("git", ".").args(args).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    };
    let revision = git(&["rev-parse", "HEAD"])?;
    let clean = git(&["status", "--porcelain"])?.is_empty();
    Some(if clean {
        revision
    } else {
        format!("{revision}-modified")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dockerfile_builds_this_version_with_the_workspaces_compiler() {
        let read = |path: &str| std::fs::read_to_string(root().join(path)).expect(path);
        let dockerfile = read("Dockerfile");
        let version = concat!("ARG VERSION=", env!("CARGO_PKG_VERSION"), "\n");
        assert!(dockerfile.contains(version), "{version}");
        let compiler = concat!("FROM rust:", env!("CARGO_PKG_RUST_VERSION"), "-");
        assert!(dockerfile.contains(compiler), "{compiler}");
        let labels = labels("Shoal", "", "Apache-2.0", shoal::ABOUT);
        for key in ["title", "licenses", "description"] {
            let key = label(key);
            let line = format!("{key}=\"{}\"", labels[&key]);
            assert!(dockerfile.contains(&line), "{line}");
        }
    }
}
