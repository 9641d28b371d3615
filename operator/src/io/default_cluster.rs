//! The JitsiCluster that the chart asks for.

use std::path::{Path, PathBuf};

use kube::api::{Api, Patch, PatchParams};
use kube::{Client, ResourceExt};
use thiserror::Error;

use super::apply::compare;
use super::context::MANAGER;
use crate::config::Settings;
use crate::crd::JitsiCluster;

/// Why the cluster was not applied.
#[derive(Debug, Error)]
pub enum DefaultClusterError {
    /// The file cannot be read.
    #[error("--default-cluster: cannot read {path:?}: {error}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// It is no JitsiCluster.
    #[error("--default-cluster: {path:?} is no JitsiCluster: {error}")]
    Wrong {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: serde_yaml::Error,
    },
    /// The API server refuses it.
    #[error("--default-cluster: the API server refuses the JitsiCluster: {0}")]
    Refused(#[from] kube::Error),
}

/// Applies the file where the cluster differs from it.
pub(crate) async fn apply(
    client: &Client,
    path: &Path,
    settings: &Settings,
) -> Result<(), DefaultClusterError> {
    let text = tokio::fs::read_to_string(path).await;
    let text = text.map_err(|error| DefaultClusterError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    let wrong = |error| DefaultClusterError::Wrong {
        path: path.to_owned(),
        error,
    };
    // As it is written, without the defaults that the type would add: those belong to the API server.
    let wanted: serde_json::Value = serde_yaml::from_str(&text).map_err(wrong)?;
    let cluster: JitsiCluster = serde_yaml::from_str(&text).map_err(wrong)?;
    let own = &settings.defaults.operator_namespace;
    let namespace = cluster.namespace().unwrap_or_else(|| own.clone());
    let name = cluster.name_any();
    let api: Api<JitsiCluster> = Api::namespaced(client.clone(), &namespace);
    if let Some(live) = api.get_opt(&name).await? {
        let live = serde_json::to_value(&live).unwrap_or_default();
        if compare::difference(&wanted, &live).is_none() {
            return Ok(());
        }
    }
    tracing::info!(
        namespace,
        name,
        "applying the JitsiCluster of --default-cluster"
    );
    let params = PatchParams::apply(MANAGER).force();
    api.patch(&name, &params, &Patch::Apply(&wanted)).await?;
    Ok(())
}
