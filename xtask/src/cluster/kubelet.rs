//! The kubelet and kube-proxy of a node.

use std::path::Path;

use serde_json::json;

use super::daemon::Daemon;
use super::layout::{Layout, write};
use super::node::{Node, address};
use super::{ProxyMode, cgroups};

/// Starts both; the node is Ready some seconds later.
pub(super) fn start(
    layout: &Layout,
    node: &Node,
    binaries: &Path,
    mode: ProxyMode,
) -> anyhow::Result<[Daemon; 2]> {
    let data = layout.node(node.index);
    let name = node.name();
    let kubelet = data.join("kubelet.json");
    write(
        &kubelet,
        serde_json::to_string_pretty(&kubelet_settings(layout, node))?,
    )?;
    let proxy = data.join("kube-proxy.json");
    write(
        &proxy,
        serde_json::to_string_pretty(&proxy_settings(layout, node, mode))?,
    )?;
    Ok([
        node.start(
            layout,
            binaries.join("kubelet"),
            &[
                format!("--config={}", kubelet.display()),
                format!(
                    "--kubeconfig={}",
                    layout.pki().join(format!("{name}.kubeconfig")).display()
                ),
                format!("--hostname-override={name}"),
                format!("--node-ip={}", address(node.index)),
                format!(
                    "--node-labels=topology.kubernetes.io/region=local,\
                     topology.kubernetes.io/zone=zone-{}",
                    node.index
                ),
                "-v=2".to_owned(),
            ],
        )?,
        node.start(
            layout,
            binaries.join("kube-proxy"),
            &[format!("--config={}", proxy.display()), "-v=2".to_owned()],
        )?,
    ])
}

fn kubelet_settings(layout: &Layout, node: &Node) -> serde_json::Value {
    let pki = layout.pki();
    let data = layout.node(node.index);
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": false,
        "failSwapOn": false,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroups::name(layout, node.index),
        // Lowering it needs CAP_SYS_RESOURCE, which containers often lack.
        "oomScoreAdj": 0,
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": pki.join("ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": pki.join(format!("{}.crt", node.name())),
        "tlsPrivateKeyFile": pki.join(format!("{}.key", node.name())),
        "clusterDomain": "cluster.local",
        "clusterDNS": ["10.96.0.10"],
        "resolvConf": data.join("resolv.conf"),
        "configMapAndSecretChangeDetectionStrategy": "Watch",
        "nodeStatusUpdateFrequency": "5s",
        // Images cannot be fetched again here: they are never collected, and a full disk evicts late.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
            "imagefs.inodesFree": "1%",
        },
    })
}

fn proxy_settings(layout: &Layout, node: &Node, mode: ProxyMode) -> serde_json::Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": mode.to_string(),
        "clusterCIDR": "10.244.0.0/16",
        "hostnameOverride": node.name(),
        "oomScoreAdj": 0,
        "clientConnection": {"kubeconfig": layout.pki().join("proxy.kubeconfig")},
        "metricsBindAddress": "127.0.0.1:10249",
        // The limit on tracked connections is read-only outside the first network namespace.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    })
}
