//! Serves the aggregated metrics API, on every replica: only the leader acts, but whoever is asked must know.
//!
//! Tasks: [`sampler`] asks bridges for their numbers, [`upkeep`] keeps certificates and the front proxy's authority true,
//! [`server`] answers.

mod access;
mod bridges;
mod certificates;
mod front_proxy;
mod sampler;
mod server;
mod tls;
mod upkeep;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::watch as signal;
use tokio::task::JoinSet;

use super::pod_http::PodHttp;
use crate::config::{MetricsApi, Settings};
use crate::metrics::Metrics;
use access::Access;
use certificates::Certificates;
use front_proxy::FrontProxy;
use server::Api;
use tls::ShownCertificate;

pub(crate) use bridges::Bridges;

/// Serves until the tasks are dropped. `ready` becomes true when there is a certificate to show and every bridge that
/// answers has numbers.
pub(crate) fn start(
    client: &Client,
    settings: &Settings,
    api: &MetricsApi,
    listener: TcpListener,
    bridges: &Arc<Bridges>,
    metrics: &Arc<Metrics>,
    ready: signal::Sender<bool>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let front_proxy = Arc::new(FrontProxy::new(client.clone()));
    let shown = Arc::new(ShownCertificate::default());
    let (has_numbers, numbers) = signal::channel(false);
    let (has_certificate, certificate) = signal::channel(false);
    tasks.spawn(sampler::run(
        bridges.clone(),
        client.clone(),
        settings.namespace.clone(),
        PodHttp::default(),
        metrics.clone(),
        has_numbers,
    ));
    let certificates = Certificates::new(
        client.clone(),
        &settings.defaults.operator_namespace,
        &api.service,
    );
    tasks.spawn(upkeep::run(
        certificates,
        front_proxy.clone(),
        shown.clone(),
        has_certificate,
    ));
    let api = Api {
        front_proxy,
        access: Access::new(client.clone()),
        bridges: bridges.clone(),
        metrics: metrics.clone(),
    };
    let config = tls::config(shown);
    tasks.spawn(server::serve(listener, config, Arc::new(api)));
    tasks.spawn(async move {
        for mut part in [certificate, numbers] {
            // A part that ended has no more to say; its task has told why.
            if part.wait_for(|done| *done).await.is_err() {
                return;
            }
        }
        ready.send_replace(true);
    });
    tasks
}
