//! `cargo xtask bench`: the benchmarks, each printing ratios of one run.

use clap::Args as ClapArgs;

use crate::command::{cargo, succeed};
use crate::stage::say;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Only benchmarks whose name contains this
    filter: Option<String>,
}

/// (package, bench target, what it prints)
const BENCHES: &[(&str, &str, &str)] = &[
    (
        "shoal-bridge",
        "forwarding",
        "packets forwarded per CPU-second, beside the floor",
    ),
    (
        "shoal-signalling",
        "load",
        "joins and presence fan-out of signalling",
    ),
    ("shoal-focus", "joins", "joins of focus"),
    (
        "shoal-loadtest",
        "capacity",
        "participants of the load test that one core carries",
    ),
    (
        "shoal-operator",
        "simulation",
        "the operator with 1,000 shards and 10,000 bridges",
    ),
    (
        "shoal-operator",
        "day",
        "a simulated day of up to 1,000 bridges: bridge-hours, calls rejected, participants cut",
    ),
];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    for (package, bench, about) in BENCHES {
        let name = format!("{package}/{bench}");
        if args
            .filter
            .as_ref()
            .is_some_and(|filter| !name.contains(filter.as_str()))
        {
            continue;
        }
        say(&format!("== {name} · {about}"));
        succeed(cargo().args(["bench", "--quiet", "--package", package, "--bench", bench]))?;
    }
    Ok(())
}
