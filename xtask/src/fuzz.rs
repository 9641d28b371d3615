//! Fuzzing of every parser of network input, by `cargo fuzz`.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args as ClapArgs;

use crate::command::{cache, root, rustup_cargo, succeed, succeeds};
use crate::stage::say;

/// Version of cargo-fuzz that is installed when none of it is in the cache.
const CARGO_FUZZ: &str = "0.13.2";

#[derive(ClapArgs)]
pub struct Args {
    /// Only this target (see `fuzz/fuzz_targets`)
    target: Option<String>,
    /// Seconds of fuzzing, shared equally by the targets
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

impl Args {
    /// All targets, a minute together.
    pub fn minute() -> Self {
        Self {
            target: None,
            seconds: 60,
        }
    }
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let cargo_fuzz = install()?;
    let targets = match &args.target {
        Some(target) => vec![target.clone()],
        None => targets()?,
    };
    succeed(fuzz(&cargo_fuzz).args(["build", "--sanitizer", "none"]))?;
    let share = (args.seconds / u32::try_from(targets.len())?).max(1);
    for target in &targets {
        say(&format!("-- fuzzing {target} for {share} s"));
        let corpus = root().join("fuzz/corpus").join(target);
        let grown = cache()?.join("corpus").join(target);
        std::fs::create_dir_all(&grown)?;
        succeed(
            fuzz(&cargo_fuzz)
                .args(["run", "--sanitizer", "none", target])
                .arg(&grown)
                .arg(&corpus)
                .args([
                    "--",
                    &format!("-max_total_time={share}"),
                    "-timeout=10",
                    "-rss_limit_mb=2048",
                ])
                .args(["-verbosity=0", "-print_final_stats=1"]),
        )
        .with_context(|| {
            format!("fuzz target {target} found a fault: the input is in fuzz/artifacts/{target}")
        })?;
    }
    say(&format!("{} passed, 0 failed", targets.len()));
    Ok(())
}

fn fuzz(cargo_fuzz: &std::path::Path) -> std::process::Command {
    let mut command = rustup_cargo();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut paths = vec![cargo_fuzz.to_path_buf()];
    paths.extend(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(paths) {
        command.env("PATH", path);
    }
    command.args(["+nightly", "fuzz"]);
    command
}

fn install() -> anyhow::Result<PathBuf> {
    if !succeeds(rustup_cargo().args(["+nightly", "--version"])) {
        bail!("fuzzing needs the nightly toolchain: rustup toolchain install nightly");
    }
    let folder = cache()?.join(format!("cargo-fuzz-{CARGO_FUZZ}"));
    let bin = folder.join("bin");
    if !bin.join("cargo-fuzz").exists() {
        say("installing cargo-fuzz");
        succeed(
            rustup_cargo()
                .args([
                    "install",
                    "--quiet",
                    "--locked",
                    "cargo-fuzz",
                    "--version",
                    CARGO_FUZZ,
                    "--root",
                ])
                .arg(&folder),
        )?;
    }
    Ok(bin)
}

fn targets() -> anyhow::Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let mut targets: Vec<String> = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot list {}", folder.display()))?
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.strip_suffix(".rs").map(str::to_owned)
        })
        .collect();
    if targets.is_empty() {
        bail!("{} holds no fuzz target", folder.display());
    }
    targets.sort();
    Ok(targets)
}
