//! `cargo xtask …`: every command of the project in one place.

use clap::{Parser, Subcommand};

mod bench;
mod cluster;
mod command;
mod fuzz;
mod generate;
mod image;
mod install;
mod record;
mod run;
mod stage;
mod test;
mod web;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, run and test Shoal")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Set up what is missing, build, and start a meeting service in one process
    Run(run::Args),
    /// Run the tests, the quick ones first, and print the time of each stage
    Test(test::Args),
    /// Run the benchmarks and print their ratios
    Bench(bench::Args),
    /// Boot and use a real Kubernetes on this machine
    Cluster(cluster::Args),
    /// Build the container image, without a container engine
    Image(image::Args),
    /// Write the generated files anew (`docs/configuration.toml`, `docs/cli.md`)
    Generate(generate::Args),
    /// Record anew what the load test plays (`loadtest/media/`)
    Record(record::Args),
    /// Run one fuzz target, or all of them in turn
    Fuzz(fuzz::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Run(args) => run::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Cluster(args) => cluster::run(&args),
        Task::Image(args) => image::run(&args),
        Task::Generate(args) => generate::run(&args),
        Task::Record(args) => record::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
    }
}
