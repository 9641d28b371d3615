//! `cargo xtask test`: everything that CI runs.

use anyhow::bail;
use clap::Args as ClapArgs;

use crate::command::{cargo, program, succeed};
use crate::stage::{Stage, say};
use crate::{fuzz, stage, web};

mod chart;
pub(crate) mod e2e;
mod kubernetes;
mod rules;

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// Only these stages
    #[arg(long, num_args = 1.., value_name = "STAGE")]
    only: Vec<String>,
    /// All but these stages
    #[arg(long, num_args = 1.., value_name = "STAGE")]
    skip: Vec<String>,
    /// List the stages
    #[arg(long)]
    list: bool,
}

/// In order: what fails quickest comes first.
const STAGES: &[Stage] = &[
    Stage {
        name: "format",
        about: "rustfmt",
        run: format,
    },
    Stage {
        name: "rules",
        about: "which crate may use which, what may have clocks and locks, comments that say nothing, licences of dependencies",
        run: rules::rules,
    },
    Stage {
        name: "page",
        about: "the page's lint, types, unit tests and build",
        run: page,
    },
    Stage {
        name: "lint",
        about: "clippy without warnings",
        run: lint,
    },
    Stage {
        name: "generated",
        about: "generated files are fresh",
        run: generated,
    },
    Stage {
        name: "chart",
        about: "what the chart makes of its values, and what it refuses",
        run: chart::chart,
    },
    Stage {
        name: "rust",
        about: "unit, table, script and simulation tests",
        run: rust,
    },
    Stage {
        name: "prosody",
        about: "the focus beside a real Prosody with hidden rooms and tenants; it is killed",
        run: prosody,
    },
    Stage {
        name: "meeting",
        about: "three Chromium in one process; what the load test plays in a fourth",
        run: e2e::meeting,
    },
    Stage {
        name: "parts",
        about: "three processes; a bridge is killed",
        run: e2e::parts,
    },
    Stage {
        name: "floods",
        about: "idle connections, half requests and unfinished frames beside a call; 256 descriptors",
        run: e2e::floods,
    },
    Stage {
        name: "codecs",
        about: "VP8, VP9, H.264 and AV1 as sent codec",
        run: e2e::codecs,
    },
    Stage {
        name: "clients",
        about: "clients and WebRTC stacks that are not ours",
        run: e2e::clients,
    },
    Stage {
        name: "k8s-refused",
        about: "invalid specs are refused by a real API server, with the sentence",
        run: kubernetes::refused,
    },
    Stage {
        name: "k8s-meeting",
        about: "kubectl apply to a meeting of three Chromium, on one node and two",
        run: kubernetes::meeting,
    },
    Stage {
        name: "k8s-helm",
        about: "helm test, upgrade, rollback, uninstall, install again",
        run: kubernetes::helm,
    },
    Stage {
        name: "k8s-idempotence",
        about: "a restarted operator writes nothing, a killed one does the same",
        run: kubernetes::idempotence,
    },
    Stage {
        name: "k8s-shards",
        about: "200 rooms at once on two shards; one is killed, one is drained",
        run: kubernetes::shards,
    },
    Stage {
        name: "k8s-rolling",
        about: "new images of every part under running calls",
        run: kubernetes::rolling,
    },
    Stage {
        name: "k8s-leaving",
        about: "an eviction, a new image and a drained node under running calls: nobody is interrupted",
        run: kubernetes::leaving,
    },
    Stage {
        name: "k8s-kills",
        about: "kill -9 of a bridge, the focus and signalling under running calls",
        run: kubernetes::kills,
    },
    Stage {
        name: "k8s-away",
        about: "the operator is away while a pool grows and shrinks, and goes in the midst of a drain",
        run: kubernetes::away,
    },
    Stage {
        name: "k8s-autoscaling",
        about: "a pool follows its traffic by a real autoscaler, one bridge to three and back; without metrics nothing leaves",
        run: kubernetes::autoscaling,
    },
    Stage {
        name: "k8s-recipe",
        about: "a pool and the usual recipe for bridges follow the same load by prometheus-adapter's numbers (not in CI)",
        run: kubernetes::recipe,
    },
    Stage {
        name: "k8s-exposure",
        about: "each way of media to a bridge, and what is said when none works",
        run: kubernetes::exposure,
    },
    Stage {
        name: "k8s-kubectl",
        about: "kubectl shoal while people meet: status, rooms, where, drain, move, why",
        run: kubernetes::kubectl,
    },
    Stage {
        name: "k8s-rotation",
        about: "secrets made anew under running calls",
        run: kubernetes::rotation,
    },
    Stage {
        name: "k8s-deletion",
        about: "what is deleted is drained, and then nothing is left",
        run: kubernetes::deletion,
    },
    Stage {
        name: "k8s-observe",
        about: "dashboards and alerts, by a real Prometheus on the running cluster (not in CI)",
        run: kubernetes::observe,
    },
    Stage {
        name: "ingress",
        about: "an Ingress controller and a Gateway in front (not in CI)",
        run: kubernetes::ingress,
    },
    Stage {
        name: "fuzz",
        about: "every parser of network input, the same inputs each time",
        run: fuzz_repeatable,
    },
];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.list {
        for stage in STAGES {
            say(&format!("{:<16} {}", stage.name, stage.about));
        }
        return Ok(());
    }
    for name in args.only.iter().chain(&args.skip) {
        if !STAGES.iter().any(|stage| stage.name == name) {
            bail!("there is no stage `{name}`; `cargo xtask test --list` shows them");
        }
    }
    let chosen: Vec<&Stage> = STAGES
        .iter()
        .filter(|stage| args.only.is_empty() || args.only.iter().any(|name| name == stage.name))
        .filter(|stage| !args.skip.iter().any(|name| name == stage.name))
        .collect();
    let outcome = stage::run(&chosen);
    // What failed matters more than what could not be cleared up after it.
    outcome.and(kubernetes::finish())
}

fn format() -> anyhow::Result<()> {
    succeed(cargo().args(["fmt", "--all", "--check"]))
}

fn page() -> anyhow::Result<()> {
    web::packages("web")?;
    succeed(program("npm", "web").args(["test"]))?;
    web::build()
}

fn lint() -> anyhow::Result<()> {
    succeed(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))
}

fn generated() -> anyhow::Result<()> {
    crate::generate::check()
}

fn rust() -> anyhow::Result<()> {
    // The front door is tried as HAProxy itself runs it.
    crate::install::ensure(&[crate::install::HAPROXY])?;
    succeed(cargo().args(["test", "--workspace", "--quiet"]))
}

fn prosody() -> anyhow::Result<()> {
    crate::install::ensure(&[crate::install::PROSODY])?;
    // Of the whole workspace, for which the stage before has built all that is needed.
    let test = ["test", "--quiet", "--workspace", "--test", "behaviour"];
    succeed(cargo().args(test).args(["--", "--ignored", "prosody::"]))
}

fn fuzz_repeatable() -> anyhow::Result<()> {
    fuzz::run(&fuzz::Args::repeatable())
}
