//! The thin outside: watches, requests, clocks and tasks.
//!
//! Every replica serves its metrics; the one that holds the lease watches, polls and reconciles. It does so until it is
//! stopped or loses the lease, and then ends everything at once: what is in flight in the cluster needs no operator.

mod apis;
mod apply;
mod cache;
mod context;
mod default_cluster;
mod dereference;
mod events;
pub mod front_door;
mod lease;
mod media_probe;
mod named_secrets;
mod pod_http;
mod poll;
mod reconcile;
mod reports;
mod routes;
mod server;
mod store;
mod trim;
mod watch;
mod watches;
mod work;

use std::sync::Arc;

use kube::Client;
use kube::runtime::events::Reporter;
use thiserror::Error;
use tokio::sync::{mpsc, watch as signal};
use tokio_util::sync::CancellationToken;

use crate::config::Settings;
use crate::metrics::Metrics;
use cache::Cache;
use context::{Context, MANAGER};
use lease::{Lease, LeaseError};
use pod_http::PodHttp;
use reports::Reports;

/// Why the operator ended.
#[derive(Debug, Error)]
pub enum OperatorError {
    /// There is no way to the API server.
    #[error("cannot reach the Kubernetes API server: {0}; run in a pod, or set KUBECONFIG")]
    Config(#[from] kube::config::InferConfigError),
    /// The client cannot be made.
    #[error("cannot make a client of the Kubernetes API server: {0}")]
    Client(#[from] kube::Error),
    /// The HTTP interface.
    #[error("cannot serve metrics on {address}: {error}; choose another --listen")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
    /// The lease.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// The cluster of `--default-cluster`.
    #[error(transparent)]
    DefaultCluster(#[from] default_cluster::DefaultClusterError),
}

/// Runs until `stop`.
///
/// # Errors
/// When it cannot start, or has lost the lease: the process is to end, and to be started again.
pub async fn run(settings: Settings, stop: CancellationToken) -> Result<(), OperatorError> {
    let config = kube::Config::infer().await?;
    let client = Client::try_from(config)?;
    run_with(client, settings, stop).await
}

/// The same with a client that exists.
///
/// # Errors
/// See [`run`].
pub async fn run_with(
    client: Client,
    settings: Settings,
    stop: CancellationToken,
) -> Result<(), OperatorError> {
    let metrics = Arc::new(Metrics::default());
    let (ready, is_ready) = signal::channel(false);
    let listener = server::bind(settings.listen)
        .await
        .map_err(|error| OperatorError::Listen {
            address: settings.listen,
            error,
        })?;
    let server = tokio::spawn(server::serve(listener, metrics.clone(), is_ready));
    let lease = Lease::new(
        client.clone(),
        &settings.defaults.operator_namespace,
        &settings.identity,
    );
    // A replica that waits for the lease is as ready as it can be.
    ready.send_replace(true);
    let result = async {
        if !lease.acquire(&stop).await? {
            return Ok(());
        }
        metrics.leader.set(1);
        tracing::info!(identity = settings.identity, "this replica leads");
        let result = tokio::select! {
            result = lead(client, &settings, metrics.clone()) => result,
            error = lease.hold() => Err(error.into()),
            () = stop.cancelled() => Ok(()),
        };
        metrics.leader.set(0);
        // Whoever waits for the lease need not wait for its end.
        if stop.is_cancelled() {
            lease.release().await;
        }
        result
    }
    .await;
    server.abort();
    result
}

/// Watches, polls and reconciles, for ever.
async fn lead(
    client: Client,
    settings: &Settings,
    metrics: Arc<Metrics>,
) -> Result<(), OperatorError> {
    if let Some(path) = &settings.default_cluster {
        default_cluster::apply(&client, path, settings).await?;
    }
    let reporter = Reporter {
        controller: MANAGER.into(),
        instance: Some(settings.identity.clone()),
    };
    let (requests, requested) = mpsc::unbounded_channel();
    let context = Arc::new(Context {
        reporter,
        client,
        cache: Arc::new(Cache::default()),
        defaults: settings.defaults.clone(),
        reports: Arc::new(Reports::default()),
        metrics,
        apis: apis::Apis::default(),
        memory: parking_lot::Mutex::default(),
        requests,
    });
    work::run(
        context,
        requested,
        PodHttp::default(),
        settings.namespace.as_deref(),
    )
    .await;
    Ok(())
}
