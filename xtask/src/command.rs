//! Starting programs, with errors that name the program and the fix.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("invariant: xtask is a folder of the repository")
        .to_path_buf()
}

/// Where things that outlive a clone are kept: `$SHOAL_CACHE` or `~/.cache/shoal`.
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    let folder = match env::var_os("SHOAL_CACHE") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env::var_os("HOME").context("HOME is not set")?)
            .join(".cache")
            .join("shoal"),
    };
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create the cache folder {}", folder.display()))?;
    Ok(folder)
}

/// The cargo that runs this task.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// A cargo that chooses its toolchain anew (for `+nightly`).
pub(crate) fn rustup_cargo() -> Command {
    let mut cargo = Command::new("cargo");
    // Set by the cargo that runs this task; they would pin its toolchain.
    for name in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
        cargo.env_remove(name);
    }
    cargo.current_dir(root());
    cargo
}

/// A program started in a folder of the repository.
pub(crate) fn program(name: impl AsRef<OsStr>, folder: &str) -> Command {
    let mut program = Command::new(name);
    program.current_dir(root().join(folder));
    program
}

/// Runs to the end; failing is an error that shows the command line.
pub(crate) fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let line = line(command);
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{line}`: is it installed?"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Whether the command ends with success, its output thrown away.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
