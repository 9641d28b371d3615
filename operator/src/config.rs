//! What the operator is told at its start.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::world::Defaults;

/// What the operator is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The one namespace that is watched; all when absent.
    pub namespace: Option<String>,
    /// What the objects that it builds are made of where no resource says.
    pub defaults: Defaults,
    /// Where `/metrics` and `/about/…` are served.
    pub listen: SocketAddr,
    /// The metrics API; not served when absent.
    pub metrics_api: Option<MetricsApi>,
    /// A JitsiCluster in YAML that is applied at the start.
    pub default_cluster: Option<PathBuf>,
    /// Who this replica is among others: its pod's name.
    pub identity: String,
}

/// Where and as whom the metrics API is served.
#[derive(Clone, Debug)]
pub struct MetricsApi {
    /// Where.
    pub listen: SocketAddr,
    /// Its Service in the operator's namespace. Secrets `SERVICE-authority` and `SERVICE-certificate` hold what it shows.
    pub service: String,
}
