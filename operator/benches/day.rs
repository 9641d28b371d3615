//! A day of a pool of up to a thousand bridges, under several ways to decide on their number.
//!
//! Virtual time; the same seed prints the same. What decides is what runs in a cluster: the operator's plan for the
//! bridges that leave, the autoscaler that it builds, the focus's choice of a bridge. Kubernetes' autoscaler and
//! StatefulSet, the people and the bridges' load are models (`day/`).
//!
//! `--svg FILE` also writes the plot, `--seed N` makes other traffic.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that prints, and is to fail loudly"
)]

#[path = "day/model.rs"]
mod model;
#[path = "day/plot.rs"]
mod plot;
#[path = "day/policies.rs"]
mod policies;
#[path = "day/table.rs"]
mod table;

use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use model::simulation::{Outcome, run};
use model::traffic::{DAY, Traffic};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |flag: &str| {
        let at = arguments.iter().position(|one| one == flag)?;
        Some(
            arguments
                .get(at + 1)
                .unwrap_or_else(|| panic!("{flag} needs a value")),
        )
    };
    let seed = value("--seed").map_or(1, |text| text.parse().expect("--seed is a number"));
    // Without `--bench` it is only to be seen that it runs.
    let scale = if arguments.iter().any(|one| one == "--bench") {
        1.0
    } else {
        0.02
    };
    let begun = Instant::now();
    let traffics = policies::shapes(scale).map(|shape| Traffic::new(shape, seed, DAY));
    let outcomes = outcomes(&traffics, seed);
    for (traffic, outcomes) in traffics.iter().zip(&outcomes) {
        print!("{}", table::of(traffic, outcomes));
        print!("{}", plot::of_terminal(&outcomes[policies::DEFAULT].1));
    }
    if let Some(file) = value("--svg") {
        // Cargo runs benchmarks in the folder of their crate; a person names files from the workspace.
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        let written = std::fs::write(&file, plot::of_page(&traffics, &outcomes));
        written.unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
    }
    println!("\nsimulated in {:.0} s", begun.elapsed().as_secs_f64());
}

/// By traffic and policy, computed on all cores.
fn outcomes(traffics: &[Traffic], seed: u64) -> Vec<Vec<(&'static str, Outcome)>> {
    let policies = policies::all();
    let jobs = traffics.len() * policies.len();
    let next = Mutex::new(0..jobs);
    let done = Mutex::new(vec![None; jobs]);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(job) = next.lock().unwrap().next() else {
                        break;
                    };
                    let policy = &policies[job % policies.len()];
                    let outcome = run(policy, &traffics[job / policies.len()], seed);
                    done.lock().unwrap()[job] = Some((policy.name, outcome));
                }
            });
        }
    });
    let done: Vec<_> = done.into_inner().unwrap().into_iter().flatten().collect();
    done.chunks(policies.len()).map(<[_]>::to_vec).collect()
}
