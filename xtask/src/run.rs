//! `cargo xtask run`: from a fresh clone to a meeting.

use std::os::unix::process::CommandExt;

use anyhow::Context;
use clap::Args as ClapArgs;

use crate::command::{cargo, root, succeed};
use crate::{stage, web};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Build with optimisations: slower to build, for real use
    #[arg(long)]
    release: bool,
    /// Arguments of `shoal all`, for instance `--listen 0.0.0.0:8443`; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    web::build()?;
    stage::say("building the server");
    let mut build = cargo();
    build.args(["build", "--package", "shoal"]);
    if args.release {
        build.arg("--release");
    }
    succeed(&mut build)?;
    let profile = if args.release { "release" } else { "debug" };
    let binary = target().join(profile).join("shoal");
    // Replacing this process hands Ctrl-C and the exit code straight through.
    let error = std::process::Command::new(&binary)
        .arg("all")
        .args(&args.rest)
        .exec();
    Err(error).with_context(|| format!("cannot start {}", binary.display()))
}

fn target() -> std::path::PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into)
}
