//! The front of a meeting service: one HTTP(S) origin that serves the page and
//! passes signalling, the conference request and bridge channels to the parts
//! behind it. In a cluster the front door (HAProxy) takes this place.

use std::net::SocketAddr;

use anyhow::Context;
use axum::Router;
use axum::routing::get;
use axum_server::tls_rustls::RustlsConfig;
use tokio_util::sync::CancellationToken;

pub mod assets;
pub mod certificate;
pub mod config;
pub mod headers;
pub mod page;
pub mod proxy;

pub use config::Config;

/// How the origin is served.
pub enum Scheme {
    /// Clear text: fit for loopback, where browsers still give the camera.
    Http,
    /// TLS with this certificate.
    Https(RustlsConfig),
}

impl Scheme {
    /// The scheme's name in a URL.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https(_) => "https",
        }
    }
}

/// The routes of the page alone; `parts` are the routes behind it, merged in
/// process (`all`) or proxied (`web`).
pub fn router(page: page::PageConfig, parts: Router) -> Router {
    Router::new()
        .route("/config.json", get(move || page.clone().respond()))
        .merge(parts)
        .fallback(assets::serve)
        .layer(axum::middleware::map_response(headers::secure))
}

/// Opens the page's socket.
pub fn bind(config: &Config) -> anyhow::Result<std::net::TcpListener> {
    let address = config.listen;
    let listener = std::net::TcpListener::bind(address).with_context(|| {
        format!("cannot listen on {address} (web.listen): is another server running there?")
    })?;
    listener
        .set_nonblocking(true)
        .context("the page's socket cannot be made non-blocking")?;
    Ok(listener)
}

/// Serves a router that only operators may reach, in clear text, until `stop` fires.
pub fn serve_private(
    address: SocketAddr,
    router: Router,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listener = std::net::TcpListener::bind(address).with_context(|| {
        format!("cannot listen on {address} (private interface): is another server running there?")
    })?;
    listener
        .set_nonblocking(true)
        .context("a socket cannot be made non-blocking")?;
    tokio::spawn(serve(listener, Scheme::Http, router, stop));
    Ok(())
}

/// Serves `router` on `listener` until `stop` fires, then lets running
/// requests finish for a moment.
pub async fn serve(
    listener: std::net::TcpListener,
    scheme: Scheme,
    router: Router,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let handle = axum_server::Handle::new();
    tokio::spawn({
        let handle = handle.clone();
        async move {
            stop.cancelled().await;
            handle.graceful_shutdown(Some(config::SHUTDOWN_GRACE));
        }
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    match scheme {
        Scheme::Http => {
            axum_server::from_tcp(listener)?
                .handle(handle)
                .serve(service)
                .await
        }
        Scheme::Https(tls) => {
            axum_server::from_tcp_rustls(listener, tls)?
                .handle(handle)
                .serve(service)
                .await
        }
    }
}
