//! Booting the cluster, and ending it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::build::{COREDNS, KUBE, PAUSE};
use super::daemon::{Daemon, wait_for};
use super::layout::{Booted, Layout};
use super::node::{self, Node};
use super::{Options, cgroups, control_plane, images, kubelet, pki, runtime};
use crate::command::{root, succeed, succeeds};
use crate::install::{self, CLUSTER};
use crate::stage::say;

/// Makes sure that a cluster with these options runs.
pub(super) fn up(layout: &Layout, options: &Options) -> anyhow::Result<()> {
    must_be_root()?;
    install::ensure(CLUSTER)?;
    let wanted = Booted {
        nodes: options.nodes,
        proxy_mode: options.proxy_mode,
        binaries: KUBE.folder()?,
    };
    let pause = images::pause(&PAUSE)?;
    let coredns = images::coredns(&COREDNS)?;
    let archives = [&pause, &coredns];
    match layout.booted() {
        Some(booted) if booted == wanted && answers(layout, &booted)? => {
            say("the cluster is up");
            return images::import(&archives);
        }
        _ if node::running()?.is_empty() => {}
        Some(booted) if booted == wanted => say("the cluster does not answer: replacing it"),
        Some(booted) if booted.binaries == wanted.binaries => say(&format!(
            "a cluster with {} and {} runs: replacing it",
            count(booted.nodes),
            booted.proxy_mode
        )),
        Some(_) => say("a cluster of another version runs: replacing it"),
        None => say("a boot was interrupted: clearing up after it"),
    }
    down(layout, false)?;
    let result = boot(layout, &wanted, &archives).and_then(|()| layout.set_booted(&wanted));
    if let Err(error) = result {
        down(layout, true)
            .with_context(|| format!("the boot failed ({error:#}), and so did clearing up"))?;
        return Err(error.context(format!(
            "the cluster did not boot and was taken down again; its logs are in {}",
            layout.logs().display()
        )));
    }
    Ok(())
}

/// Ends the cluster: processes, mounts, links, control groups, data.
pub(super) fn down(layout: &Layout, keep_logs: bool) -> anyhow::Result<()> {
    // The last ones first: they hang on node 1's switch.
    for node in node::running()?.iter().rev() {
        node.kill()?;
    }
    cgroups::remove(layout)?;
    // A mount point of the nodes that is empty outside them.
    let _ = fs::remove_dir("/tmp/hostpath_pv");
    layout.remove(keep_logs)
}

fn boot(layout: &Layout, wanted: &Booted, archives: &[&images::Archive]) -> anyhow::Result<()> {
    let start = Instant::now();
    let done = |what: &str| say(&format!("{:6.1} s  {what}", start.elapsed().as_secs_f64()));
    pki::create(&layout.pki(), wanted.nodes)?;
    let mut nodes = Vec::new();
    for index in 1..=wanted.nodes {
        nodes.push(Node::create(layout, index)?);
    }
    let first = nodes.first().context("a cluster has at least one node")?;
    done("namespaces");

    let mut daemons = control_plane::start_api(layout, first, &wanted.binaries)?;
    daemons.extend(runtimes(layout, &nodes)?);
    images::import(archives)?;
    done("containerd");
    let kubectl = || kubectl(layout, first, &wanted.binaries);
    wait_for(
        "the API server",
        Duration::from_secs(120),
        &mut daemons,
        || Ok(succeeds(kubectl().args(["get", "--raw", "/readyz"]))),
    )?;
    done("API server");

    daemons.extend(control_plane::start_controllers(
        layout,
        first,
        &wanted.binaries,
    )?);
    for node in &nodes {
        daemons.extend(kubelet::start(
            layout,
            node,
            &wanted.binaries,
            wanted.proxy_mode,
        )?);
    }
    for node in &nodes {
        wait_for(
            &format!("{} to be Ready", node.name()),
            Duration::from_secs(120),
            &mut daemons,
            || is_ready(kubectl(), &node.name()),
        )?;
    }
    done("nodes Ready");

    let manifests = root().join("e2e/cluster/manifests");
    for manifest in ["storage.yaml", "coredns.yaml"] {
        let mut apply = kubectl();
        apply.args(["apply", "--filename"]);
        succeed(apply.arg(manifests.join(manifest)).stdout(Stdio::null()))?;
    }
    wait_for("CoreDNS", Duration::from_secs(120), &mut daemons, || {
        let output = kubectl()
            .args(["--namespace", "kube-system", "get", "deployment", "coredns"])
            .args(["--output", "jsonpath={.status.availableReplicas}"])
            .output()?;
        Ok(output.stdout == b"1")
    })?;
    done("DNS");
    Ok(())
}

fn runtimes(layout: &Layout, nodes: &[Node]) -> anyhow::Result<Vec<Daemon>> {
    thread::scope(|scope| {
        let starts: Vec<_> = nodes
            .iter()
            .map(|node| scope.spawn(move || runtime::start(layout, node)))
            .collect();
        starts
            .into_iter()
            .map(|start| match start.join() {
                Ok(daemon) => daemon,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}

fn is_ready(mut kubectl: Command, node: &str) -> anyhow::Result<bool> {
    let output = kubectl
        .args(["get", "node", node, "--output"])
        .arg("jsonpath={.status.conditions[?(@.type==\"Ready\")].status}")
        .output()?;
    Ok(output.stdout == b"True")
}

fn answers(layout: &Layout, booted: &Booted) -> anyhow::Result<bool> {
    let nodes = node::running()?;
    let Some(first) = nodes.first() else {
        return Ok(false);
    };
    Ok(nodes.len() == usize::from(booted.nodes)
        && succeeds(kubectl(layout, first, &booted.binaries).args([
            "get",
            "--raw",
            "/readyz",
            "--request-timeout=5s",
        ])))
}

fn kubectl(layout: &Layout, node: &Node, binaries: &Path) -> Command {
    let mut kubectl = node.in_network(binaries.join("kubectl"));
    kubectl.env("KUBECONFIG", layout.kubeconfig());
    kubectl
}

fn count(nodes: u8) -> String {
    match nodes {
        1 => "one node".to_owned(),
        many => format!("{many} nodes"),
    }
}

fn must_be_root() -> anyhow::Result<()> {
    let output = Command::new("id").arg("-u").output()?;
    if output.stdout.trim_ascii() != b"0" {
        bail!(
            "the local cluster needs root for its namespaces and mounts: \
             `sudo --preserve-env=PATH,HOME cargo xtask cluster up`"
        );
    }
    Ok(())
}
