//! The cluster's programs, built from public Go modules and kept by version.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use crate::command::{cache, program, succeed};
use crate::stage::say;

/// A program with a Go module of its own under `e2e/cluster/`.
pub(crate) struct Program {
    /// Folder of the module, and name of the binary.
    pub name: &'static str,
    package: &'static str,
    flags: &'static str,
    links: &'static [&'static str],
    about: &'static str,
}

/// Everything that Kubernetes runs on a node, and kubectl.
pub(crate) const KUBE: Program = Program {
    name: "kube",
    package: ".",
    flags: "-X k8s.io/component-base/version.gitVersion=v1.35.4 \
            -X k8s.io/component-base/version.gitMajor=1 \
            -X k8s.io/component-base/version.gitMinor=35 \
            -X k8s.io/component-base/version.gitTreeState=clean \
            -X k8s.io/component-base/version.gitCommit=0000000000000000000000000000000000000000 \
            -X k8s.io/component-base/version.buildDate=2026-01-01T00:00:00Z \
            -X k8s.io/client-go/pkg/version.gitVersion=v1.35.4",
    links: &[
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "kube-proxy",
        "kubectl",
        "load-balancers",
    ],
    about: "Kubernetes 1.35 (about seven minutes on two idle cores, once)",
};

/// The DNS of the cluster.
pub(crate) const COREDNS: Program = Program {
    name: "coredns",
    package: ".",
    flags: "",
    links: &[],
    about: "CoreDNS 1.14 (two minutes, once)",
};

/// The installer of charts.
pub(crate) const HELM: Program = Program {
    name: "helm",
    package: "helm.sh/helm/v3/cmd/helm",
    flags: "-X helm.sh/helm/v3/internal/version.version=v3.20.0",
    links: &[],
    about: "Helm 3.20 (a minute, once)",
};

/// The holder of namespaces.
pub(crate) const PAUSE: Program = Program {
    name: "pause",
    package: ".",
    flags: "",
    links: &[],
    about: "the holder of namespaces",
};

/// The Ingress controller and Gateway of the tests.
pub(crate) const TRAEFIK: Program = Program {
    name: "traefik",
    package: "github.com/traefik/traefik/v3/cmd/traefik",
    flags: "-X github.com/traefik/traefik/v3/pkg/version.Version=3.6.7",
    links: &[],
    about: "Traefik 3.6 (about ten minutes, once)",
};

/// A server that the benchmark of whole processes measures beside ours.
pub(crate) const LIVEKIT: Program = Program {
    name: "livekit",
    package: "github.com/livekit/livekit-server/cmd/server",
    flags: "",
    links: &[],
    about: "LiveKit's server 1.13 (about five minutes, once)",
};

/// What a HorizontalPodAutoscaler reads Prometheus' numbers through.
pub(crate) const PROMETHEUS_ADAPTER: Program = Program {
    name: "prometheus-adapter",
    package: "sigs.k8s.io/prometheus-adapter/cmd/adapter",
    flags: "",
    links: &[],
    about: "prometheus-adapter 0.12 (three minutes, once)",
};

impl Program {
    /// The folder with the binary and its links, built when this version of it is not there.
    pub(crate) fn folder(&self) -> anyhow::Result<PathBuf> {
        let folder = programs()?.join(format!("{}-{}", self.name, self.version()?));
        if folder.join(self.name).exists() {
            return Ok(folder);
        }
        say(&format!("building {}", self.about));
        let unfinished = folder.with_extension(std::process::id().to_string());
        fs::create_dir_all(&unfinished)
            .with_context(|| format!("cannot create {}", unfinished.display()))?;
        let mut build = program("go", &self.source());
        build
            .env("CGO_ENABLED", "0")
            .env("GOFLAGS", "-buildvcs=false")
            .args(["build", "-trimpath", "-ldflags"])
            .arg(format!("-s -w {}", self.flags))
            .arg("-o")
            .arg(unfinished.join(self.name))
            .arg(self.package);
        succeed(&mut build)?;
        for link in self.links {
            symlink(self.name, unfinished.join(link))
                .with_context(|| format!("cannot link {link}"))?;
        }
        // Another task may have built the same version meanwhile: either will do.
        if fs::rename(&unfinished, &folder).is_err() && !folder.join(self.name).exists() {
            bail!("cannot put {} into place", folder.display());
        }
        Ok(folder)
    }

    /// The binary, built when this version of it is not there.
    pub(crate) fn binary(&self) -> anyhow::Result<PathBuf> {
        Ok(self.folder()?.join(self.name))
    }

    fn source(&self) -> String {
        format!("e2e/cluster/{}", self.name)
    }

    /// What the binary is made of: sources, dependencies, flags and compiler.
    fn version(&self) -> anyhow::Result<String> {
        let mut hash = Sha256::new();
        hash.update(go_version()?);
        hash.update(self.flags);
        let folder = crate::command::root().join(self.source());
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut files: Vec<PathBuf> = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<anyhow::Result<_>>()?;
        files.sort();
        for file in files {
            hash.update(
                fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?,
            );
        }
        Ok(hex(&hash.finalize())[..12].to_owned())
    }
}

/// The folder of all versions of all programs.
pub(crate) fn programs() -> anyhow::Result<PathBuf> {
    Ok(cache()?.join("bin"))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a file belongs to a program that was built here.
pub(crate) fn is_built_here(path: &Path, name: &str) -> bool {
    programs().is_ok_and(|programs| path.starts_with(programs))
        && path
            .file_name()
            .is_some_and(|file| file.to_string_lossy().split(' ').next() == Some(name))
}

/// The compiler's version, new enough for Kubernetes.
fn go_version() -> anyhow::Result<String> {
    const NEEDED: &str =
        "Go 1.25 or newer is needed to build Kubernetes (https://go.dev/dl; Debian's is older)";
    let output = Command::new("go")
        .args(["env", "GOVERSION"])
        .output()
        .context(NEEDED)?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let minor: u32 = version
        .strip_prefix("go1.")
        .and_then(|rest| rest.split(['.', 'r', 'b']).next())
        .and_then(|minor| minor.parse().ok())
        .unwrap_or(0);
    if minor < 25 {
        bail!("{NEEDED}; `go env GOVERSION` says `{version}`");
    }
    Ok(version)
}
