//! Where the local cluster keeps its files, and what a running one was started with.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ProxyMode;
use super::build::hex;
use crate::command::cache;

/// The cluster's folder in the cache: one cluster per person and machine, whichever clone started it.
pub(crate) struct Layout {
    base: PathBuf,
}

/// What a booted cluster was started with.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Booted {
    /// How many nodes.
    pub nodes: u8,
    /// How kube-proxy forwards.
    pub proxy_mode: ProxyMode,
    /// The folder of the Kubernetes binary, named by its version.
    pub binaries: PathBuf,
}

impl Layout {
    /// The layout in the cache folder.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            base: cache()?.join("cluster"),
        })
    }

    /// Tells clusters under different cache folders apart.
    pub(crate) fn id(&self) -> String {
        hex(&Sha256::digest(self.base.as_os_str().as_encoded_bytes())[..3])
    }

    /// Keys, certificates and kubeconfigs.
    pub(crate) fn pki(&self) -> PathBuf {
        self.base.join("pki")
    }

    /// What the programs print.
    pub(crate) fn logs(&self) -> PathBuf {
        self.base.join("logs")
    }

    /// Data that ends with the cluster.
    pub(crate) fn data(&self) -> PathBuf {
        self.base.join("data")
    }

    /// The data of one node.
    pub(crate) fn node(&self, index: u8) -> PathBuf {
        self.data().join(format!("node{index}"))
    }

    /// The administrator's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.pki().join("admin.kubeconfig")
    }

    /// Every request that the API server answered, one JSON object a line.
    pub(crate) fn audit_log(&self) -> PathBuf {
        self.base.join("audit").join("audit.log")
    }

    /// Held while a task starts or ends the cluster.
    pub(crate) fn lock_file(&self) -> PathBuf {
        self.base.with_extension("lock")
    }

    /// What the running cluster was started with; nothing when no boot came to its end.
    pub(crate) fn booted(&self) -> Option<Booted> {
        serde_json::from_slice(&fs::read(self.base.join("booted.json")).ok()?).ok()
    }

    /// Notes that the boot came to its end.
    pub(crate) fn set_booted(&self, booted: &Booted) -> anyhow::Result<()> {
        write(
            &self.base.join("booted.json"),
            serde_json::to_string_pretty(booted)?,
        )
    }

    /// Removes everything, or everything but what the programs printed.
    pub(crate) fn remove(&self, keep_logs: bool) -> anyhow::Result<()> {
        let Ok(entries) = fs::read_dir(&self.base) else {
            return Ok(());
        };
        for entry in entries {
            let path = entry?.path();
            if keep_logs && path == self.logs() {
                continue;
            }
            let removed = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }
}

/// Writes a file and the folders above it.
pub(super) fn write(path: &Path, content: impl AsRef<[u8]>) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}
