//! The front of a meeting service: one HTTP(S) origin that serves the page and
//! passes signalling, the conference request and bridge channels to the parts
//! behind it. In a cluster the front door (HAProxy) takes this place.

use std::net::SocketAddr;

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

    /// The scheme's name in the URL of a WebSocket.
    pub fn websocket_name(&self) -> &'static str {
        match self {
            Self::Http => "ws",
            Self::Https(_) => "wss",
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
