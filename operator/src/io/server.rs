//! `/metrics`, `/about/health`, `/about/ready`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use listen::http::Server;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

#[derive(Clone)]
struct Shown {
    metrics: Arc<Metrics>,
    ready: watch::Receiver<bool>,
}

pub(crate) fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::from_std(listen::bind(address)?)
}

/// Serves until dropped.
pub(crate) async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    ready: watch::Receiver<bool>,
) {
    let router = Router::new()
        .route("/metrics", get(render))
        .route("/about/health", get(|| async { "OK" }))
        .route("/about/ready", get(is_ready))
        .with_state(Shown { metrics, ready });
    own().serve(listener, router).await;
}

/// How the operator and its helpers serve HTTP: few ask.
pub(crate) fn own() -> Server {
    let config = listen::http::Config::default();
    Server::private("HTTP", &config, CancellationToken::new())
}

async fn is_ready(State(shown): State<Shown>) -> Response {
    if *shown.ready.borrow() {
        "OK".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "starting").into_response()
    }
}

async fn render(State(shown): State<Shown>) -> Response {
    match shown.metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, ::metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
