//! The stages on a real Kubernetes. It is booted by the first of them, and taken down after the last one, unless it ran
//! before. With `KUBECONFIG` set they run there, where the chart must be installed.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, bail};

use super::e2e;
use crate::cluster::build::{PROMETHEUS_ADAPTER, TRAEFIK};
use crate::cluster::{self, Cluster, Options, ProxyMode, images};
use crate::command::{cargo, program, root, succeed};
use crate::install::{self, CHROMIUM, OPENSSL, PROMETHEUS};
use crate::stage::say;
use crate::web;

mod evidence;

/// Invalid specs are refused by the API server.
pub(super) fn refused() -> anyhow::Result<()> {
    node("refused")
}

/// The examples, and a meeting of real browsers.
pub(super) fn meeting() -> anyhow::Result<()> {
    node("meeting")
}

/// The chart's tests, upgrade, rollback and uninstall.
pub(super) fn helm() -> anyhow::Result<()> {
    node("helm")
}

/// Writes of a restarted operator, and of a killed one.
pub(super) fn idempotence() -> anyhow::Result<()> {
    node("idempotence")
}

/// Two shards.
pub(super) fn shards() -> anyhow::Result<()> {
    node("shards")
}

/// New images under running calls.
pub(super) fn rolling() -> anyhow::Result<()> {
    node("rolling")
}

/// Bridges leave under running calls.
pub(super) fn leaving() -> anyhow::Result<()> {
    node("leaving")
}

/// Parts are killed under running calls.
pub(super) fn kills() -> anyhow::Result<()> {
    node("kills")
}

/// The operator is away while bridges come and go.
pub(super) fn away() -> anyhow::Result<()> {
    node("away")
}

/// Bridges follow the traffic.
pub(super) fn autoscaling() -> anyhow::Result<()> {
    node("autoscaling")
}

/// The usual recipe for bridges beside a pool, both by Prometheus' numbers.
pub(super) fn recipe() -> anyhow::Result<()> {
    let why = "it compares, takes five minutes, and prometheus-adapter is to be built";
    if is_left_out_of_ci("k8s-recipe", why) {
        return Ok(());
    }
    let cluster = running()?;
    let mut command = test_command(cluster, "recipe")?;
    if cluster.is_local() {
        install::ensure(&[PROMETHEUS])?;
        command.env("SHOAL_PROMETHEUS_ADAPTER", PROMETHEUS_ADAPTER.binary()?);
    }
    run(cluster, &mut command)
}

/// Deletion drains, and leaves nothing.
pub(super) fn deletion() -> anyhow::Result<()> {
    node("deletion")
}

/// Ways of media to a bridge.
pub(super) fn exposure() -> anyhow::Result<()> {
    node("exposure")
}

/// The plugin of kubectl.
pub(super) fn kubectl() -> anyhow::Result<()> {
    node("kubectl")
}

/// Secrets made anew.
pub(super) fn rotation() -> anyhow::Result<()> {
    node("rotation")
}

/// Dashboards and alerts.
pub(super) fn observe() -> anyhow::Result<()> {
    if is_left_out_of_ci("k8s-observe", "it breaks each part for minutes") {
        return Ok(());
    }
    install::ensure(&[PROMETHEUS, OPENSSL])?;
    node("observe")
}

/// Whether a stage is not run because CI's time is short; says so.
fn is_left_out_of_ci(stage: &str, why: &str) -> bool {
    let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    if is_ci {
        say(&format!(
            "skipped in CI: {why}; run it with `cargo xtask test --only {stage}`"
        ));
    }
    is_ci
}

/// An Ingress controller and a Gateway in front.
pub(super) fn ingress() -> anyhow::Result<()> {
    let why = "building Traefik takes a quarter of an hour";
    if is_left_out_of_ci("ingress", why) {
        return Ok(());
    }
    let cluster = running()?;
    let image = if cluster.is_local() {
        let archive = images::traefik(&TRAEFIK)?;
        images::import(&[&archive])?;
        archive.reference
    } else {
        "docker.io/library/traefik:v3.6.7".to_owned()
    };
    let mut command = test_command(cluster, "ingress")?;
    command
        .env("SHOAL_TRAEFIK_IMAGE", image)
        .env("SHOAL_GATEWAY_API", gateway_api()?);
    run(cluster, &mut command)
}

/// Prints what was measured, and ends a cluster that was booted for the tests.
pub(super) fn finish() -> anyhow::Result<()> {
    let Some(started) = STARTED.get() else {
        return Ok(());
    };
    if let Ok(figures) = fs::read_to_string(artifacts().join("figures.txt")) {
        say("== figures of the tests on Kubernetes");
        for line in figures.lines() {
            say(line);
        }
    }
    if started.booted {
        cluster::down()?;
    }
    Ok(())
}

/// The cluster of this run.
struct Started {
    cluster: Cluster,
    /// Whether it was booted for the tests.
    booted: bool,
}

static STARTED: OnceLock<Started> = OnceLock::new();

/// Where logs and figures of these tests are kept.
fn artifacts() -> PathBuf {
    root().join("e2e/artifacts/kubernetes")
}

fn running() -> anyhow::Result<&'static Cluster> {
    if let Some(started) = STARTED.get() {
        return Ok(&started.cluster);
    }
    let _ = fs::remove_dir_all(artifacts());
    let started = match Cluster::external()? {
        Some(cluster) => {
            say("the tests run on the cluster that KUBECONFIG names");
            Started {
                cluster,
                booted: false,
            }
        }
        None => {
            let as_it_runs = cluster::options();
            let booted = as_it_runs.is_none();
            let options = as_it_runs.unwrap_or(Options {
                nodes: 2,
                proxy_mode: ProxyMode::Nftables,
                bare: false,
            });
            match cluster::up(&options) {
                Ok(cluster) => Started { cluster, booted },
                Err(error) => {
                    // One that came up, and on which Shoal did not: what it says of itself is what is needed.
                    if let Ok(cluster) = Cluster::running() {
                        evidence::collect(&cluster, &artifacts());
                        if booted {
                            cluster::down()?;
                        }
                    }
                    return Err(error);
                }
            }
        }
    };
    Ok(&STARTED.get_or_init(|| started).cluster)
}

fn node(name: &str) -> anyhow::Result<()> {
    let cluster = running()?;
    run(cluster, &mut test_command(cluster, name)?)
}

/// Node's test runner for a file, from where the cluster can be reached.
fn test_command(cluster: &Cluster, name: &str) -> anyhow::Result<Command> {
    install::ensure(&[CHROMIUM])?;
    web::packages("e2e")?;
    succeed(cargo().args(["build", "--package", "shoal", "--quiet"]))?;
    succeed(program("node", "e2e").arg("support/prepare.mjs"))?;
    let mut command = cluster.command_in(1, "node")?;
    command
        .current_dir(root().join("e2e"))
        .args(e2e::NODE_TEST)
        .arg(format!("kubernetes/{name}.test.mjs"));
    Ok(command)
}

fn run(cluster: &Cluster, command: &mut Command) -> anyhow::Result<()> {
    let Err(error) = succeed(command) else {
        return Ok(());
    };
    evidence::collect(cluster, &artifacts());
    say(&format!(
        "what the cluster says of itself is in {}",
        artifacts().display()
    ));
    // Two nodes, browsers and hundreds of participants share the machine's cores: a fault shows again, a halt does not.
    say(&format!("{error:#}: ONCE MORE, and this one counts"));
    succeed(command).inspect(|()| say("passed at the second attempt: see above what failed first"))
}

/// The folder of the Gateway API's definitions, of the version that Traefik speaks.
fn gateway_api() -> anyhow::Result<PathBuf> {
    const MODULE: &str = "sigs.k8s.io/gateway-api";
    let folder = "e2e/cluster/traefik";
    succeed(program("go", folder).args(["mod", "download", MODULE]))?;
    let output = program("go", folder)
        .args(["list", "-m", "-f", "{{.Dir}}", MODULE])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start `go list`")?;
    if !output.status.success() {
        bail!("`go list -m {MODULE}` ended with {}", output.status);
    }
    let module = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(module.join("config/crd/standard"))
}
