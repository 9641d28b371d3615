//! `cargo xtask cluster`: a real Kubernetes on this machine, without a registry, a container engine or a cloud.
//!
//! Its programs are built from public Go modules; each node is a set of namespaces. There is one cluster per person and
//! machine, under the cache folder, whichever clone started it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::stage::say;
use layout::Layout;
use node::Node;

mod boot;
pub(crate) mod build;
mod cgroups;
mod control_plane;
mod daemon;
pub(crate) mod images;
mod kubelet;
mod layout;
pub(crate) mod node;
mod pki;
mod runtime;
pub(crate) mod shoal;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Boot the cluster, install Shoal in it, apply the example and print where the meeting page is
    Up(Up),
    /// Build the images again and give them to the nodes; prints their names
    Images,
    /// Remove the cluster and everything in it
    Down,
    /// Print the kubeconfig, the audit log and the nodes' processes as JSON
    Status,
    /// Run kubectl: `cargo xtask cluster kubectl -- get pods -A`
    Kubectl(Rest),
    /// Run Helm: `cargo xtask cluster helm -- list --all-namespaces`
    Helm(Rest),
    /// Run a command in a node's network, with your own files: `cargo xtask cluster in -- curl …`
    In(In),
    /// Give an image on every node a second name
    Retag {
        /// For instance `localhost/shoal:0123456789ab`
        from: String,
        /// For instance `localhost/shoal:next`
        to: String,
    },
}

#[derive(ClapArgs)]
struct Up {
    /// How many nodes: as many as run, or one
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=9))]
    nodes: Option<u8>,
    /// How kube-proxy forwards to Services: as it does, or by nftables
    #[arg(long, value_enum)]
    proxy_mode: Option<ProxyMode>,
    /// Kubernetes alone, without Shoal
    #[arg(long)]
    bare: bool,
}

/// What kind of cluster.
#[derive(Clone)]
pub(crate) struct Options {
    /// How many nodes.
    pub nodes: u8,
    /// How kube-proxy forwards to Services.
    pub proxy_mode: ProxyMode,
    /// Kubernetes alone, without Shoal.
    pub bare: bool,
}

/// How kube-proxy forwards to Services.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProxyMode {
    /// iptables rules
    Iptables,
    /// nftables sets and maps
    Nftables,
}

impl std::fmt::Display for ProxyMode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Iptables => "iptables",
            Self::Nftables => "nftables",
        })
    }
}

#[derive(ClapArgs)]
struct Rest {
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

#[derive(ClapArgs)]
struct In {
    /// Which node
    #[arg(long, default_value_t = 1)]
    node: u8,
    /// Also in its mounts and processes, for instance for `ctr`
    #[arg(long)]
    inside: bool,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.task {
        Task::Up(wish) => up(&wish.options()).map(drop),
        Task::Images => {
            Cluster::running()?;
            shoal::load_images().map(drop)
        }
        Task::Down => down(),
        Task::Status => status(),
        Task::Kubectl(rest) => become_command(Cluster::running()?.kubectl()?.args(&rest.rest)),
        Task::In(args) => {
            let cluster = Cluster::running()?;
            let mut command = if args.inside {
                cluster.node(args.node)?.inside(&args.command[0])
            } else {
                cluster.command_in(args.node, &args.command[0])?
            };
            become_command(command.args(&args.command[1..]))
        }
        Task::Helm(rest) => become_command(shoal::helm(&Cluster::running()?)?.args(&rest.rest)),
        Task::Retag { from, to } => images::retag(from, to),
    }
}

impl Up {
    /// What is not said stays as it runs: nobody's cluster is replaced for a flag that was left out.
    fn options(&self) -> Options {
        let running = options();
        Options {
            nodes: self
                .nodes
                .or(running.as_ref().map(|running| running.nodes))
                .unwrap_or(1),
            proxy_mode: self
                .proxy_mode
                .or(running.map(|running| running.proxy_mode))
                .unwrap_or(ProxyMode::Nftables),
            bare: self.bare,
        }
    }
}

/// A Kubernetes to work with: the one of this machine, or another that `KUBECONFIG` names.
pub(crate) struct Cluster {
    kubeconfig: PathBuf,
    /// The folder of the local cluster's programs; nothing for another's cluster.
    local: Option<PathBuf>,
}

/// Boots the cluster, or finds it running.
pub(crate) fn up(options: &Options) -> anyhow::Result<Cluster> {
    let layout = Layout::new()?;
    let _lock = lock(&layout)?;
    boot::up(&layout, options)?;
    let cluster = Cluster::running()?;
    if !options.bare {
        let images = shoal::load_images()?;
        shoal::install_chart(&cluster, &images)?;
        shoal::apply_example(&cluster)?;
        shoal::print_address(&cluster)?;
    }
    Ok(cluster)
}

/// With which options the local cluster was booted; nothing when none runs.
pub(crate) fn options() -> Option<Options> {
    let booted = Layout::new().ok()?.booted()?;
    (!nodes().is_empty()).then_some(Options {
        nodes: booted.nodes,
        proxy_mode: booted.proxy_mode,
        bare: false,
    })
}

/// Ends the cluster.
pub(crate) fn down() -> anyhow::Result<()> {
    let layout = Layout::new()?;
    let _lock = lock(&layout)?;
    boot::down(&layout, false)?;
    say("the cluster is gone");
    Ok(())
}

impl Cluster {
    /// The cluster that `KUBECONFIG` names, unless that is the local one.
    pub(crate) fn external() -> anyhow::Result<Option<Self>> {
        let Some(kubeconfig) = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty())
        else {
            return Ok(None);
        };
        let kubeconfig = PathBuf::from(kubeconfig);
        if kubeconfig == Layout::new()?.kubeconfig() {
            return Ok(None);
        }
        Ok(Some(Self {
            kubeconfig,
            local: None,
        }))
    }

    /// The local cluster, which must be up.
    pub(crate) fn running() -> anyhow::Result<Self> {
        let layout = Layout::new()?;
        let Some(booted) = layout.booted().filter(|_| !nodes().is_empty()) else {
            bail!("no cluster runs here; `cargo xtask cluster up` boots one");
        };
        Ok(Self {
            kubeconfig: layout.kubeconfig(),
            local: Some(booted.binaries),
        })
    }

    /// The administrator's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> &std::path::Path {
        &self.kubeconfig
    }

    /// A command from where the nodes and Services of the cluster can be reached: in the network of a node of the local
    /// cluster, on this machine for another's. Files are the caller's, `KUBECONFIG` is set.
    pub(crate) fn command_in(
        &self,
        node: u8,
        program: impl AsRef<OsStr>,
    ) -> anyhow::Result<Command> {
        let mut command = if self.local.is_some() {
            self.node(node)?.in_network(program)
        } else {
            Command::new(program)
        };
        command.env("KUBECONFIG", &self.kubeconfig);
        Ok(command)
    }

    /// kubectl for this cluster.
    pub(crate) fn kubectl(&self) -> anyhow::Result<Command> {
        match &self.local {
            Some(binaries) => self.command_in(1, binaries.join("kubectl")),
            None => self.command_in(1, "kubectl"),
        }
    }

    /// Whether it is the one of this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.local.is_some()
    }

    /// Every request that the API server answered, one JSON object a line; only the local cluster keeps that here.
    pub(crate) fn audit_log(&self) -> anyhow::Result<Option<PathBuf>> {
        Ok(match self.local {
            Some(_) => Some(Layout::new()?.audit_log()),
            None => None,
        })
    }

    /// A node of the local cluster.
    pub(crate) fn node(&self, index: u8) -> anyhow::Result<Node> {
        nodes()
            .into_iter()
            .find(|node| node.index == index)
            .with_context(|| format!("the local cluster has no {}", node::name(index)))
    }
}

fn nodes() -> Vec<Node> {
    node::running().unwrap_or_default()
}

fn status() -> anyhow::Result<()> {
    let cluster = Cluster::running()?;
    let layout = Layout::new()?;
    let booted = layout.booted().context("the cluster ended just now")?;
    let nodes: Vec<_> = nodes()
        .iter()
        .map(|node| {
            json!({
                "name": node.name(),
                "address": node::address(node.index),
                "init": node.init,
            })
        })
        .collect();
    say(&serde_json::to_string_pretty(&json!({
        "kubeconfig": cluster.kubeconfig(),
        "kubectl": booted.binaries.join("kubectl"),
        "auditLog": layout.audit_log(),
        "logs": layout.logs(),
        "proxyMode": booted.proxy_mode,
        "nodes": nodes,
    }))?);
    Ok(())
}

/// Held until dropped: one task at a time starts or ends the cluster.
fn lock(layout: &Layout) -> anyhow::Result<File> {
    let path = layout.lock_file();
    let file = File::create(&path).with_context(|| format!("cannot open {}", path.display()))?;
    if file.try_lock().is_err() {
        say("another task starts or ends the cluster: waiting for it");
        file.lock()
            .with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(file)
}

/// Replaces this process, so that signals, terminal and exit code are the command's own.
fn become_command(command: &mut Command) -> anyhow::Result<()> {
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))
}
