//! Fuzzing of every parser of network input, by `cargo fuzz`.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, bail};
use clap::Args as ClapArgs;

use crate::command::{cache, root, rustup_cargo, succeed, succeeds};
use crate::stage::say;

/// Version of cargo-fuzz that is installed when none of it is in the cache.
const CARGO_FUZZ: &str = "0.13.2";
/// What cargo-fuzz builds for unless told otherwise: the machine it was built on.
const TRIPLE: &str = env!("TARGET");

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Only this target (see `fuzz/fuzz_targets`)
    target: Option<String>,
    /// Seconds of fuzzing for each target; as many run at once as there are cores
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Try the same inputs each time, from the seeds in `fuzz/corpus` alone; without it the corpus
    /// in the cache grows from run to run
    #[arg(long)]
    seed: Option<u32>,
}

impl Args {
    /// All targets, the same inputs each time: a change is judged by what it changed.
    pub(crate) fn repeatable() -> Self {
        Self {
            target: None,
            seconds: 10,
            seed: Some(1),
        }
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let cargo_fuzz = install()?;
    let targets = match &args.target {
        Some(target) => vec![target.clone()],
        None => targets()?,
    };
    succeed(
        fuzz(&cargo_fuzz)
            .args(["build", "--sanitizer", "none"])
            .args(&args.target),
    )?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let waiting = Mutex::new(targets.iter());
    std::thread::scope(|scope| {
        let runners: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| {
                    while let Some(target) = next(&waiting) {
                        fuzz_one(target, args)?;
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        runners.into_iter().try_for_each(|runner| {
            runner
                .join()
                .unwrap_or_else(|_| bail!("a thread of the fuzzing task broke"))
        })
    })?;
    say(&format!("{} passed, 0 failed", targets.len()));
    Ok(())
}

fn next<'a>(waiting: &Mutex<std::slice::Iter<'a, String>>) -> Option<&'a String> {
    waiting.lock().ok()?.next()
}

fn fuzz_one(target: &str, args: &Args) -> anyhow::Result<()> {
    let seconds = args.seconds;
    let folder = root().join("fuzz");
    let corpora = cache()?.join("corpus");
    let log = corpora.join(format!("{target}.log"));
    let grown = match args.seed {
        None => corpora.join(target),
        Some(seed) => {
            let fresh = corpora.join(format!("{target}-{seed}"));
            let _ = std::fs::remove_dir_all(&fresh);
            fresh
        }
    };
    let artifacts = folder.join("artifacts").join(target);
    std::fs::create_dir_all(&grown)?;
    std::fs::create_dir_all(&artifacts)?;
    let output = std::fs::File::create(&log)?;
    let status = Command::new(
        folder
            .join("target")
            .join(TRIPLE)
            .join("release")
            .join(target),
    )
    .arg(&grown)
    .arg(folder.join("corpus").join(target))
    .arg(format!("-max_total_time={seconds}"))
    .arg(format!("-artifact_prefix={}/", artifacts.display()))
    .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
    .stdin(Stdio::null())
    .stdout(output.try_clone()?)
    .stderr(output)
    .status()
    .with_context(|| format!("cannot start the fuzz target {target}"))?;
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    if !status.success() {
        let tail: Vec<&str> = text.lines().rev().take(30).collect();
        for line in tail.iter().rev() {
            say(line);
        }
        bail!(
            "fuzz target {target} found a fault: the input is in fuzz/artifacts/{target}, the log in {}",
            log.display()
        );
    }
    let runs = text
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .map_or("?", str::trim);
    say(&format!(
        "{target:<24} {seconds} s, {runs} inputs, no fault"
    ));
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
