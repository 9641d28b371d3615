//! `cargo xtask bench`: the benchmarks, each printing ratios of one run.

mod process;

use clap::Args as ClapArgs;

use crate::command::{cargo, succeed};
use crate::stage::say;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Only benchmarks whose name contains this
    filter: Option<String>,
    /// Options of the benchmark of whole processes, e.g. `-- --only audio --seconds 10`
    #[arg(last = true)]
    options: Vec<String>,
}

/// (package, bench target, what it prints)
const BENCHES: &[(&str, &str, &str)] = &[
    (
        "shoal-bridge",
        "forwarding",
        "packets forwarded per CPU-second, beside the floor",
    ),
    (
        "shoal-bridge",
        "conference",
        "what a change costs in a conference of 50 to 1,000",
    ),
    (
        "shoal-bridge",
        "crowd",
        "1,000 people join one conference of a whole bridge, 50 a second",
    ),
    (
        "shoal-bridge",
        "quality",
        "what receivers behind weak links have of a call",
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
    let wanted = |name: &str| {
        args.filter
            .as_ref()
            .is_none_or(|filter| name.contains(filter.as_str()))
    };
    for (package, bench, about) in BENCHES {
        let name = format!("{package}/{bench}");
        if !wanted(&name) {
            continue;
        }
        say(&format!("== {name} · {about}"));
        succeed(cargo().args(["bench", "--quiet", "--package", package, "--bench", bench]))?;
    }
    if wanted("process") {
        say("== process · whole servers side by side: processor time per packet, latency, memory");
        process::run(&args.options)?;
    }
    Ok(())
}
