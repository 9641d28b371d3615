//! containerd and the pods' network of a node.

use std::time::Duration;

use serde_json::json;

use super::daemon::{Daemon, wait_for};
use super::layout::{Layout, write};
use super::node::{Node, pod_range};
use crate::command::succeeds;

/// Starts containerd and waits until it answers.
pub(super) fn start(layout: &Layout, node: &Node) -> anyhow::Result<Daemon> {
    let data = layout.node(node.index);
    let network = data.join("network");
    write(
        &network.join("10-pods.conflist"),
        serde_json::to_string_pretty(&pod_network(node.index))?,
    )?;
    let config = data.join("containerd.toml");
    write(&config, settings(&network.display().to_string()))?;
    let daemon = node.start(
        layout,
        "/usr/bin/containerd".into(),
        &["--config".to_owned(), config.display().to_string()],
    )?;
    let mut daemons = [daemon];
    wait_for(
        &format!("containerd on {}", node.name()),
        Duration::from_secs(30),
        &mut daemons,
        || Ok(succeeds(node.inside("ctr").arg("version"))),
    )?;
    let [daemon] = daemons;
    Ok(daemon)
}

/// A bridge per node without address translation (the nodes have routes to each other's pods), and host ports.
fn pod_network(index: u8) -> serde_json::Value {
    json!({
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": true,
                "ipMasq": false,
                "hairpinMode": true,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": pod_range(index)}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": "/run/cni-ipam",
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    })
}

/// `restrict_oom_score_adj` lets it run where CAP_SYS_RESOURCE is not given, and is no loss elsewhere.
fn settings(network: &str) -> String {
    format!(
        r#"version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
    "io.containerd.internal.v1.opt",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.devmapper",
]
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "localhost/pause:1"
disable_apparmor = true
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{network}"
"#
    )
}
