//! The thin outside: watches, requests, clocks and tasks.
//!
//! Every replica serves its metrics and the metrics API; the one that holds the lease watches, polls and reconciles. It does so until it is
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
mod metrics_api;
mod named_secrets;
pub mod pod_http;
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

use std::net::SocketAddr;
use std::sync::Arc;

use kube::Client;
use kube::runtime::events::Reporter;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch as signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Settings;
use crate::metrics::Metrics;
use cache::Cache;
use context::{Context, MANAGER};
use lease::{Lease, LeaseError};
use metrics_api::Bridges;
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
    #[error("cannot listen on {address}: {error}; choose another {flag}")]
    Listen {
        /// The flag that says where.
        flag: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
    /// Who leads cannot be found out.
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
    run_with(client, PodHttp::default(), settings, stop).await
}

/// The same with a client that exists, and another way to pods.
///
/// # Errors
/// See [`run`].
pub async fn run_with(
    client: Client,
    pods: PodHttp,
    settings: Settings,
    stop: CancellationToken,
) -> Result<(), OperatorError> {
    let metrics = Arc::new(Metrics::default());
    let (ready, is_ready) = signal::channel(false);
    let listener = bind("--listen", settings.listen)?;
    let server = tokio::spawn(server::serve(listener, metrics.clone(), is_ready));
    let mut bridges = None;
    // Its tasks end when this is dropped.
    let _metrics_api = match &settings.metrics_api {
        Some(api) => {
            let listener = bind("--metrics-api-listen", api.listen)?;
            let known = bridges.insert(Arc::default());
            metrics_api::start(&client, &settings, api, listener, known, &metrics, ready)
        }
        // A replica that waits for the lease is as ready as it can be.
        None => {
            ready.send_replace(true);
            JoinSet::new()
        }
    };
    let lease = Lease::new(
        client.clone(),
        &settings.defaults.operator_namespace,
        &settings.identity,
    );
    let result = async {
        if !lease.acquire(&stop).await? {
            return Ok(());
        }
        metrics.leader.set(1);
        tracing::info!(identity = settings.identity, "this replica leads");
        let result = tokio::select! {
            result = lead(client, pods, &settings, metrics.clone(), bridges) => result,
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

fn bind(flag: &'static str, address: SocketAddr) -> Result<TcpListener, OperatorError> {
    let bound = server::bind(address);
    bound.map_err(|error| OperatorError::Listen {
        flag,
        address,
        error,
    })
}

/// Watches, polls and reconciles, for ever.
async fn lead(
    client: Client,
    pods: PodHttp,
    settings: &Settings,
    metrics: Arc<Metrics>,
    bridges: Option<Arc<Bridges>>,
) -> Result<(), OperatorError> {
    if let Some(path) = &settings.default_cluster {
        default_cluster::apply(&client, path, settings).await?;
    }
    let reporter = Reporter {
        controller: MANAGER.into(),
        instance: Some(settings.identity.clone()),
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "names of resources there are, and the queue that takes them at once holds each once"
    )]
    let (requests, requested) = mpsc::unbounded_channel();
    let context = Arc::new(Context {
        reporter,
        client,
        cache: Arc::new(Cache::default()),
        defaults: settings.defaults.clone(),
        reports: Arc::new(Reports::default()),
        bridges,
        metrics,
        apis: apis::Apis::default(),
        memory: parking_lot::Mutex::default(),
        requests,
    });
    work::run(context, requested, pods, settings.namespace.as_deref()).await;
    Ok(())
}
