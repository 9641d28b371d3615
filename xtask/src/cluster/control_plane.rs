//! The control plane on node 1: etcd, API server, controllers, scheduler, and addresses for load balancers.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use super::daemon::Daemon;
use super::layout::{Layout, write};
use super::node::{Node, address};

/// Starts etcd and the API server.
pub(super) fn start_api(
    layout: &Layout,
    node: &Node,
    binaries: &Path,
) -> anyhow::Result<Vec<Daemon>> {
    let policy = layout.data().join("audit-policy.json");
    write(
        &policy,
        serde_json::to_string_pretty(&json!({
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            // One line a request, when it was answered.
            "omitStages": ["RequestReceived"],
            "rules": [{"level": "Metadata"}],
        }))?,
    )?;
    let audit = layout.audit_log();
    std::fs::create_dir_all(
        audit
            .parent()
            .context("invariant: the audit log is in a folder")?,
    )?;
    let etcd = node.start(
        layout,
        binaries.join("etcd"),
        &[
            "--name=default".to_owned(),
            format!("--data-dir={}", layout.data().join("etcd").display()),
            "--listen-client-urls=http://127.0.0.1:2379".to_owned(),
            "--advertise-client-urls=http://127.0.0.1:2379".to_owned(),
            "--listen-peer-urls=http://127.0.0.1:2380".to_owned(),
            "--initial-advertise-peer-urls=http://127.0.0.1:2380".to_owned(),
            "--initial-cluster=default=http://127.0.0.1:2380".to_owned(),
            // The data ends with the cluster.
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
        ],
    )?;
    let api = node.start(
        layout,
        binaries.join("kube-apiserver"),
        &api_flags(&layout.pki(), &policy, &audit),
    )?;
    Ok(vec![etcd, api])
}

/// Starts the controllers and the scheduler; the API server answers already.
pub(super) fn start_controllers(
    layout: &Layout,
    node: &Node,
    binaries: &Path,
) -> anyhow::Result<Vec<Daemon>> {
    let pki = layout.pki();
    let file = |name: &str| pki.join(name).display().to_string();
    let identity = |name: &str| {
        let config = file(&format!("{name}.kubeconfig"));
        vec![
            format!("--kubeconfig={config}"),
            format!("--authentication-kubeconfig={config}"),
            format!("--authorization-kubeconfig={config}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--leader-elect=false".to_owned(),
        ]
    };
    let mut controllers = identity("controllers");
    controllers.extend([
        "--use-service-account-credentials=true".to_owned(),
        format!("--service-account-private-key-file={}", file("sa.key")),
        format!("--root-ca-file={}", file("ca.crt")),
        format!("--cluster-signing-cert-file={}", file("ca.crt")),
        format!("--cluster-signing-key-file={}", file("ca.key")),
        "--cluster-name=shoal".to_owned(),
        "--enable-hostpath-provisioner=true".to_owned(),
        "--node-monitor-period=2s".to_owned(),
        "--node-monitor-grace-period=20s".to_owned(),
        "--horizontal-pod-autoscaler-sync-period=5s".to_owned(),
    ]);
    Ok(vec![
        node.start(
            layout,
            binaries.join("kube-controller-manager"),
            &controllers,
        )?,
        node.start(
            layout,
            binaries.join("kube-scheduler"),
            &identity("scheduler"),
        )?,
        node.start(
            layout,
            binaries.join("load-balancers"),
            &[format!("--kubeconfig={}", file("admin.kubeconfig"))],
        )?,
    ])
}

fn api_flags(pki: &Path, policy: &Path, audit: &Path) -> Vec<String> {
    let files: [(&str, PathBuf); 15] = [
        ("client-ca-file", pki.join("ca.crt")),
        ("tls-cert-file", pki.join("apiserver.crt")),
        ("tls-private-key-file", pki.join("apiserver.key")),
        ("service-account-key-file", pki.join("sa.pub")),
        ("service-account-signing-key-file", pki.join("sa.key")),
        (
            "kubelet-client-certificate",
            pki.join("apiserver-kubelet.crt"),
        ),
        ("kubelet-client-key", pki.join("apiserver-kubelet.key")),
        ("kubelet-certificate-authority", pki.join("ca.crt")),
        (
            "requestheader-client-ca-file",
            pki.join("front-proxy-ca.crt"),
        ),
        ("proxy-client-cert-file", pki.join("front-proxy.crt")),
        ("proxy-client-key-file", pki.join("front-proxy.key")),
        ("audit-policy-file", policy.to_path_buf()),
        ("audit-log-path", audit.to_path_buf()),
        ("etcd-servers", "http://127.0.0.1:2379".into()),
        (
            "service-account-issuer",
            "https://kubernetes.default.svc.cluster.local".into(),
        ),
    ];
    let mut flags: Vec<String> = files
        .iter()
        .map(|(flag, file)| format!("--{flag}={}", file.display()))
        .collect();
    flags.push(format!("--advertise-address={}", address(1)));
    flags.extend(
        [
            "--secure-port=6443",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--allow-privileged=true",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--kubelet-preferred-address-types=InternalIP",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            "--audit-log-maxsize=200",
            "--audit-log-maxbackup=2",
        ]
        .map(str::to_owned),
    );
    flags
}
