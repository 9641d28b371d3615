//! Passwords: read from files, or made for the life of one process.

use std::path::Path;

use anyhow::{Context, bail};
use rand::distr::{Alphanumeric, SampleString};

/// A password that nobody needs to type.
pub fn generate() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 40)
}

/// The first line of a file.
pub fn read(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the password file {}", path.display()))?;
    match text.lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => bail!("the password file {} is empty: write the password on its first line", path.display()),
    }
}
