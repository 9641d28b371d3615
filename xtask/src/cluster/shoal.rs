//! Shoal in the cluster: its images, its chart, the example, and where the meeting page is.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use super::build::HELM;
use super::images::{self, Archive};
use super::{Cluster, node};
use crate::command::{cache, root, succeed};
use crate::image::{haproxy, shoal};
use crate::stage::say;
use crate::web;

/// Namespace of the operator.
pub(crate) const SYSTEM: &str = "shoal-system";
/// Namespace of the example.
pub(crate) const MEET: &str = "meet";
const KINDS: &str = "jitsiclusters,jitsishards,bridgepools";

/// The images, built from this clone and given to every node.
pub(crate) struct Images {
    /// Shoal's own.
    pub shoal: Archive,
    /// The front door's.
    pub haproxy: Archive,
}

/// Builds the images and gives them to the nodes.
pub(crate) fn load_images() -> anyhow::Result<Images> {
    let folder = cache()?.join("images");
    web::build()?;
    let images = Images {
        shoal: shoal::build(&folder, false)?,
        haproxy: haproxy::build(&folder)?,
    };
    say(&images.shoal.describe());
    say(&images.haproxy.describe());
    images::import(&[&images.shoal, &images.haproxy])?;
    Ok(images)
}

/// Installs the chart, or upgrades it, with these images.
pub(crate) fn install_chart(cluster: &Cluster, images: &Images) -> anyhow::Result<()> {
    say("installing the chart");
    forget_interrupted(cluster)?;
    let (repository, tag) = images
        .shoal
        .reference
        .rsplit_once(':')
        .context("invariant: the image has a tag")?;
    let mut helm = helm(cluster)?;
    helm.args(["upgrade", "--install", "shoal"])
        .arg(root().join("charts/shoal"))
        .args(["--namespace", SYSTEM, "--create-namespace"])
        .args(["--set", &format!("image.repository={repository}")])
        // A tag of digits only would otherwise be a number.
        .args(["--set-string", &format!("image.tag={tag}")])
        .args([
            "--set",
            &format!("images.haproxy={}", images.haproxy.reference),
        ])
        .args(["--set", "image.pullPolicy=IfNotPresent"])
        // On one machine a second one would be of no use.
        .args(["--set", "operator.replicas=1"])
        .args(["--wait", "--timeout", "3m"])
        .stdout(Stdio::null());
    if let Err(error) = succeed(&mut helm) {
        for question in [
            &["get", "pods"][..],
            &["logs", "deployment/shoal-operator", "--tail=15"],
        ] {
            let mut kubectl = cluster.kubectl()?;
            kubectl.args(["--namespace", SYSTEM]).args(question);
            // Without an answer the first error has to do.
            let _ = succeed(&mut kubectl);
        }
        return Err(
            error.context("the operator did not start; its pods and its last words are above")
        );
    }
    Ok(())
}

/// Helm refuses to go on where it was interrupted. What the operator made stays: it belongs to the resources.
fn forget_interrupted(cluster: &Cluster) -> anyhow::Result<()> {
    let mut status = helm(cluster)?;
    status.args(["status", "shoal", "--namespace", SYSTEM, "--output", "json"]);
    let release: Value = serde_json::from_slice(&status.output()?.stdout).unwrap_or(Value::Null);
    let interrupted = release["info"]["status"]
        .as_str()
        .is_some_and(|status| status.starts_with("pending"));
    if interrupted {
        say("an installation of the chart was interrupted: beginning anew");
        let mut uninstall = helm(cluster)?;
        uninstall.args(["uninstall", "shoal", "--namespace", SYSTEM]);
        succeed(uninstall.stdout(Stdio::null()))?;
    }
    Ok(())
}

/// Applies the example and waits until everything in it is Ready.
pub(crate) fn apply_example(cluster: &Cluster) -> anyhow::Result<()> {
    say("applying the example");
    namespace(cluster)?;
    let mut apply = cluster.kubectl()?;
    apply.args(["--namespace", MEET, "apply"]).args(files()?);
    succeed(&mut apply)?;
    let mut wait = cluster.kubectl()?;
    wait.args(["--namespace", MEET, "wait", "--for=condition=Ready"])
        .args([KINDS, "--all", "--timeout=180s"])
        .stdout(Stdio::null());
    if let Err(error) = succeed(&mut wait) {
        let mut show = cluster.kubectl()?;
        show.args(["--namespace", MEET, "get"])
            .arg(format!("{KINDS},pods"));
        succeed(&mut show)?;
        bail!(
            "the example is not Ready after three minutes ({error}); \
             `cargo xtask cluster kubectl -- --namespace {MEET} describe {KINDS}` says why"
        );
    }
    let mut show = cluster.kubectl()?;
    succeed(show.args(["--namespace", MEET, "get", KINDS]))
}

/// Says where the meeting page is and how to get there.
pub(crate) fn print_address(cluster: &Cluster) -> anyhow::Result<()> {
    let address = page_address(cluster)?;
    say(&format!("the meeting page: {address}"));
    say("the cluster has a network of its own; open the page from inside it:");
    say(&format!(
        "    cargo xtask cluster in -- chromium --no-sandbox --ignore-certificate-errors {address}"
    ));
    say("what runs: cargo xtask cluster kubectl -- get jcl,jsh,bp,pods --all-namespaces");
    Ok(())
}

/// The front door's address as the nodes reach it: a port of node 1, or the address of its Service.
pub(crate) fn page_address(cluster: &Cluster) -> anyhow::Result<String> {
    let services = json(cluster.kubectl()?.args([
        "--namespace",
        MEET,
        "get",
        "services",
        "--selector",
        "app.kubernetes.io/component=front-door",
        "--output",
        "json",
    ]))?;
    let services = services["items"].as_array().cloned().unwrap_or_default();
    services
        .iter()
        .filter_map(address_of)
        .next()
        .with_context(|| {
            format!(
                "no Service of the front door is reachable by a port; \
                 `cargo xtask cluster kubectl -- --namespace {MEET} get services` shows what there is"
            )
        })
}

/// The address of one Service, if it has a port for HTTPS and is no headless one.
fn address_of(service: &Value) -> Option<String> {
    let port = service["spec"]["ports"]
        .as_array()?
        .iter()
        .find(|port| port["name"] == "https")?;
    if let Some(address) = service["status"]["loadBalancer"]["ingress"][0]["ip"].as_str() {
        return Some(url(address, port["port"].as_u64()?));
    }
    if let Some(node_port) = port["nodePort"].as_u64() {
        return Some(url(&node::address(1), node_port));
    }
    let address = service["spec"]["clusterIP"].as_str()?;
    (address != "None").then(|| url(address, port["port"].as_u64().unwrap_or(443)))
}

fn url(address: &str, port: u64) -> String {
    match port {
        443 => format!("https://{address}/"),
        _ => format!("https://{address}:{port}/"),
    }
}

/// The example's namespace, as strict as the bridges' exposure allows: ports of the node are refused by every level
/// but the one without rules.
fn namespace(cluster: &Cluster) -> anyhow::Result<()> {
    let mut create = cluster.kubectl()?;
    create.args([
        "create",
        "namespace",
        MEET,
        "--dry-run=client",
        "--output=json",
    ]);
    let namespace = create.output()?.stdout;
    let file = cache()?.join("cluster/data/namespace.json");
    std::fs::write(&file, namespace)?;
    let mut apply = cluster.kubectl()?;
    apply.args(["apply", "--filename"]).arg(&file);
    succeed(apply.stdout(Stdio::null()))?;
    // What the API server makes of the example: with every default filled in.
    let pools = json(
        cluster
            .kubectl()?
            .args([
                "--namespace",
                MEET,
                "apply",
                "--dry-run=server",
                "--output=json",
            ])
            .args(files()?),
    )?;
    let opens_node_ports = pools["items"].as_array().into_iter().flatten().any(|item| {
        let exposure = &item["spec"]["exposure"]["type"];
        exposure == "HostPort" || exposure == "HostNetwork"
    });
    let level = if opens_node_ports {
        "privileged"
    } else {
        "restricted"
    };
    let mut label = cluster.kubectl()?;
    label
        .args(["label", "--overwrite", "namespace", MEET])
        .arg(format!("pod-security.kubernetes.io/enforce={level}"))
        .stdout(Stdio::null());
    succeed(&mut label)
}

/// `--filename` for each file of the example.
fn files() -> anyhow::Result<Vec<String>> {
    let folder = root().join("charts/shoal/examples");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|kind| kind == "yaml"));
    files.sort();
    Ok(files
        .iter()
        .map(|path| format!("--filename={}", path.display()))
        .collect())
}

pub(crate) fn helm(cluster: &Cluster) -> anyhow::Result<Command> {
    cluster.command_in(1, HELM.binary()?)
}

fn json(command: &mut Command) -> anyhow::Result<Value> {
    let output = command.output()?;
    if !output.status.success() {
        bail!(
            "kubectl failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    serde_json::from_slice(&output.stdout).context("kubectl printed no JSON")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use serde_json::json;

    #[test]
    fn the_page_is_at_the_load_balancer_else_at_a_port_of_the_node_else_at_the_service() {
        let mut service = json!({
            "metadata": {"labels": {}},
            "spec": {"clusterIP": "10.96.4.2", "ports": [
                {"name": "http", "port": 80, "nodePort": 30080},
                {"name": "https", "port": 443, "nodePort": 30443},
            ]},
            "status": {"loadBalancer": {"ingress": [{"ip": "10.99.1.1"}]}},
        });
        assert_eq!(address_of(&service).unwrap(), "https://10.99.1.1/");
        service["status"] = json!({});
        assert_eq!(address_of(&service).unwrap(), "https://10.99.0.2:30443/");
        service["spec"]["ports"] = json!([{"name": "https", "port": 8443}]);
        assert_eq!(address_of(&service).unwrap(), "https://10.96.4.2:8443/");
        service["spec"]["clusterIP"] = json!("None");
        assert_eq!(address_of(&service), None);
    }

    #[test]
    fn a_service_without_https_is_no_way_to_the_page() {
        let service = json!({
            "metadata": {"labels": {}},
            "spec": {"clusterIP": "10.96.4.3", "ports": [{"name": "peers", "port": 10001}]},
        });
        assert_eq!(address_of(&service), None);
    }
}
