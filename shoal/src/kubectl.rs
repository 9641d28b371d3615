//! `kubectl shoal`: what somebody on call asks of a meeting service on Kubernetes.
//!
//! A plugin of kubectl: the binary, started under the name `kubectl-shoal`. It reads resources from the API server, asks focuses
//! and bridges through ports that the API server forwards, and renders. Everything but [`io`] is pure. Deliberately absent: an
//! agent in the cluster, a cache, colours.

mod answers;
mod bridges;
mod drain;
mod io;
mod moves;
mod rooms;
mod seen;
mod shards;
mod status;
mod table;
#[cfg(test)]
mod tests;
mod units;
mod whereabouts;
mod why;
mod wrong;

use std::fmt::Display;
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Parser, Subcommand, ValueEnum};
use kube::ResourceExt;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::log::tell;
use drain::Order;
use io::{Kubernetes, Place};

/// The name under which kubectl starts a plugin `shoal`.
const PLUGIN: &str = "kubectl-shoal";

/// Ask a meeting service on Kubernetes how it is, and drain and move what needs it.
#[derive(Parser)]
#[command(
    name = "kubectl shoal",
    bin_name = "kubectl shoal",
    version,
    max_term_width = 100
)]
pub(crate) struct Plugin {
    /// Everything.
    #[command(flatten)]
    pub options: Options,
}

impl Plugin {
    /// The command line, when this was started as kubectl's plugin.
    pub(crate) fn from_name() -> Option<Self> {
        let name = std::env::args_os().next()?;
        let name = PathBuf::from(name);
        (name.file_stem()? == PLUGIN).then(Self::parse)
    }
}

/// Flags as kubectl has them, and what to do.
#[derive(Args)]
pub(crate) struct Options {
    /// Namespace of the meeting service [default: that of the kubeconfig's context]
    #[arg(long, short, global = true, value_name = "NAME")]
    namespace: Option<String>,
    /// Context of the kubeconfig
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// Kubeconfig file [default: as kubectl finds it]
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Print for programs
    #[arg(long, short, global = true, value_name = "FORMAT")]
    output: Option<Output>,
    /// What to do
    #[command(subcommand)]
    command: Command,
}

/// A format for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Json,
}

/// What to do.
#[derive(Subcommand)]
enum Command {
    /// Clusters, shards, pools and bridges in one look, with what is wrong first
    Status {
        /// Only this JitsiCluster, with its shards and pools
        #[arg(value_name = "CLUSTER")]
        cluster: Option<String>,
    },
    /// Every room, with its shard, its bridges, its participants and its age
    Rooms(rooms::Options),
    /// Where a room is: shard, pods, bridge, address; and whether it is split
    Where {
        /// The room, by its name, a link to it, or its address
        #[arg(value_name = "ROOM")]
        room: String,
    },
    /// Have no new meetings on a bridge, node, pool or shard, and people moved away; shows progress
    Drain(drain::Options),
    /// Put what was drained by hand back to use
    Undrain(drain::Options),
    /// Move a room to another bridge, or people away from one
    Move(moves::Options),
    /// Explain the number of bridges and the last decisions
    Why {
        /// A pool, shard, cluster or bridge; `bp/NAME` tells kinds apart [default: every pool]
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

/// Does it. `stop` ends the waiting for a drain, not the drain.
pub(crate) async fn run(options: Options, stop: CancellationToken) -> anyhow::Result<()> {
    let place = Place {
        kubeconfig: options.kubeconfig,
        context: options.context,
        namespace: options.namespace,
    };
    let kubernetes = Kubernetes::connect(&place).await?;
    let json = options.output == Some(Output::Json);
    // Who stops waiting for a drain is told that it goes on.
    let says_what_stays = matches!(options.command, Command::Drain(_) | Command::Undrain(_));
    let waits = stop.clone();
    let work = async {
        match options.command {
            Command::Status { cluster } => {
                let mut seen = kubernetes.see().await?;
                if let Some(cluster) = &cluster {
                    let all: Vec<String> =
                        seen.clusters.iter().map(ResourceExt::name_any).collect();
                    if !seen.narrow(cluster) {
                        let place = &kubernetes.namespace;
                        bail!(
                            "namespace {place} has no JitsiCluster {cluster}, but {}",
                            either(&all)
                        );
                    }
                }
                let heard = kubernetes.ask_bridges(&seen, |_| true).await;
                show(&status::Status::of(&seen, &heard), json)
            }
            Command::Rooms(options) => {
                let seen = kubernetes.see().await?;
                let meetings = kubernetes.ask_focuses(&seen).await;
                show(&rooms::Rooms::of(&seen, &meetings, &options), json)
            }
            Command::Where { room } => {
                let seen = kubernetes.see().await?;
                let meetings = kubernetes.ask_focuses(&seen).await;
                let concerned = whereabouts::bridges_of(&seen, &meetings, &room);
                let heard = kubernetes
                    .ask_bridges(&seen, |name| concerned.contains(name))
                    .await;
                show(
                    &whereabouts::Where::of(&seen, &meetings, &heard, &room)?,
                    json,
                )
            }
            Command::Move(options) => show(&moves::run(&kubernetes, &options).await?, json),
            Command::Why { name } => show(&why::run(&kubernetes, name.as_deref()).await?, json),
            Command::Drain(options) => drained(
                drain::run(&kubernetes, Order::Drain, &options, json, waits).await?,
                json,
            ),
            Command::Undrain(options) => drained(
                drain::run(&kubernetes, Order::Undrain, &options, json, waits).await?,
                json,
            ),
        }
    };
    tokio::select! {
        done = work => done,
        () = stop.cancelled(), if !says_what_stays => bail!("interrupted"),
    }
}

/// A drain has told people what happened while it did.
fn drained(outcome: drain::Outcome, json: bool) -> anyhow::Result<()> {
    match json {
        true => show_json(&outcome),
        false => Ok(()),
    }
}

fn show(view: &(impl Serialize + Display), json: bool) -> anyhow::Result<()> {
    if json {
        return show_json(view);
    }
    tell(view.to_string().trim_end());
    Ok(())
}

fn show_json(view: &impl Serialize) -> anyhow::Result<()> {
    tell(&serde_json::to_string_pretty(view)?);
    Ok(())
}

fn either(names: &[String]) -> String {
    match names.is_empty() {
        true => "none at all: choose another with --namespace".into(),
        false => names.join(", "),
    }
}
