//! `kubectl shoal drain` and `undrain`: marks what is to take no new meetings, and shows how it empties.
//!
//! The operator honours the marks and has people moved; nothing that is drained by hand goes away.

mod progress;
mod target;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};
use k8s_openapi::api::core::v1::Pod;
use operator::crd::JitsiShard;
use operator::scale::DRAIN;
use serde::Serialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::io::Kubernetes;
use crate::log::tell;

use progress::Progress;

/// How often it is looked how far things are.
const LOOK: Duration = Duration::from_secs(1);

/// What is drained, and whether to wait.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// What
    #[command(subcommand)]
    pub target: Target,
    /// Only give the order
    #[arg(long, global = true)]
    pub no_wait: bool,
}

/// What can be drained.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Target {
    /// By the name of its pod.
    Bridge {
        /// Name of its pod
        #[arg(value_name = "BRIDGE")]
        name: String,
    },
    /// Every bridge of the namespace on a node
    Node {
        /// The node
        #[arg(value_name = "NODE")]
        name: String,
    },
    /// Every bridge that a pool has
    Pool {
        /// The pool
        #[arg(value_name = "POOL")]
        name: String,
    },
    /// A shard: it keeps its rooms and gets no new ones
    Shard {
        /// The shard
        #[arg(value_name = "SHARD")]
        name: String,
    },
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// No new meetings; people are moved.
    Drain,
    /// Back to use.
    Undrain,
}

/// What has been ordered and seen, for `-o json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    /// Names of the bridges, or of the shard.
    names: Vec<String>,
    /// Whether it was seen to be carried out; `false` with `--no-wait`.
    done: bool,
}

/// Gives the order and shows progress: on standard output, or not at all when `quiet`.
pub(super) async fn run(
    kubernetes: &Kubernetes,
    order: Order,
    options: &Options,
    quiet: bool,
    stop: CancellationToken,
) -> anyhow::Result<Outcome> {
    let seen = kubernetes.see().await?;
    let names = options.target.names(&seen)?;
    let say = |line: &str| {
        if !quiet {
            tell(line);
        }
    };
    if let Some(warning) = options.target.warning(&seen, order, &names) {
        say(&warning);
    }
    for name in &names {
        match options.target {
            Target::Shard { .. } => {
                let state = match order {
                    Order::Drain => "Draining",
                    Order::Undrain => "Active",
                };
                let change = json!({"spec": {"state": state}});
                kubernetes.patch::<JitsiShard>(name, &change).await?;
            }
            _ => {
                let mark: Value = match order {
                    Order::Drain => "true".into(),
                    Order::Undrain => Value::Null,
                };
                let change = json!({"metadata": {"annotations": {DRAIN: mark}}});
                kubernetes.patch::<Pod>(name, &change).await?;
            }
        }
        say(&options.target.ordered(name, order));
    }
    let done = !options.no_wait && wait(kubernetes, order, options, &names, &say, stop).await?;
    Ok(Outcome { names, done })
}

/// Shows how far it is until it is done.
async fn wait(
    kubernetes: &Kubernetes,
    order: Order,
    options: &Options,
    names: &[String],
    say: &dyn Fn(&str),
    stop: CancellationToken,
) -> anyhow::Result<bool> {
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    let start = super::io::now();
    loop {
        let look = async {
            let seen = kubernetes.see().await?;
            let heard = match options.target {
                Target::Shard { .. } => BTreeMap::new(),
                _ => {
                    let wanted = |name: &str| names.iter().any(|one| one == name);
                    kubernetes.ask_bridges(&seen, wanted).await
                }
            };
            anyhow::Ok(options.target.progress(&seen, &heard, order, names, start))
        };
        let progress = tokio::select! {
            progress = look => progress?,
            () = stop.cancelled() => bail!(options.target.left_on(order)),
        };
        for Progress { name, line, .. } in &progress {
            if told.get(name) != Some(line) {
                say(line);
                told.insert(name.clone(), line.clone());
            }
        }
        if progress.iter().all(|one| one.done) {
            return Ok(true);
        }
        if let Some(stuck) = progress.iter().find_map(|one| one.stuck.as_ref()) {
            bail!("{stuck}");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => bail!(options.target.left_on(order)),
        }
    }
}
