//! The front of a meeting service: one HTTP(S) origin that serves the page and
//! passes signalling, the conference request and bridge channels to the parts
//! behind it. In a cluster the front door (HAProxy) takes this place.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::routing::get;
use listen::http::Server;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) mod assets;
pub(crate) mod certificate;
pub(crate) mod config;
pub(crate) mod headers;
pub(crate) mod metrics;
pub(crate) mod page;
pub(crate) mod proxy;

pub(crate) use config::Config;

/// How the origin is served.
pub(crate) enum Scheme {
    /// Clear text: fit for loopback, where browsers still give the camera.
    Http,
    /// TLS.
    Https {
        /// With the certificate.
        tls: Arc<ServerConfig>,
        /// Whether somebody chose the certificate, so that browsers can be told to insist on TLS.
        chosen: bool,
    },
}

impl Scheme {
    /// The scheme's name in a URL.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https { .. } => "https",
        }
    }
}

/// The routes of the page alone; `parts` are the routes behind it, merged in
/// process (`all`) or proxied (`web`).
pub(crate) fn router(page: page::PageConfig, parts: Router, headers: headers::Headers) -> Router {
    let headers = Arc::new(headers);
    Router::new()
        .route("/config.json", get(move || page.clone().respond()))
        .route("/about/health", get(|| async { "OK" }))
        .merge(parts)
        .fallback(assets::serve)
        .layer(axum::middleware::map_response_with_state(
            headers,
            headers::secure,
        ))
}

/// Opens the page's socket.
pub(crate) fn bind(config: &Config) -> anyhow::Result<std::net::TcpListener> {
    let address = config.listen;
    listen::bind(address).with_context(|| {
        format!("cannot listen on {address} (web.listen): is another server running there?")
    })
}

/// Serves a router that only operators may reach, in clear text, until `stop` fires.
pub(crate) fn serve_private(
    address: SocketAddr,
    router: Router,
    http: &listen::http::Config,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let server = Server::private("private HTTP", http, stop);
    spawn(address, server, router, "private interface")
}

/// Opens a socket and serves it in clear text; `what` names it to people.
pub(crate) fn spawn(
    address: SocketAddr,
    server: Server,
    router: Router,
    what: &str,
) -> anyhow::Result<()> {
    let listener = listen::bind(address).and_then(TcpListener::from_std);
    let listener = listener.with_context(|| {
        format!("cannot listen on {address} ({what}): is another server running there?")
    })?;
    tokio::spawn(server.serve(listener, router));
    Ok(())
}

/// Serves `router` on `listener` until `stop` fires, then lets running
/// requests finish for a moment.
pub(crate) async fn serve(
    config: &Config,
    http: &listen::http::Config,
    listener: std::net::TcpListener,
    scheme: Scheme,
    router: Router,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let tls = match scheme {
        Scheme::Http => None,
        Scheme::Https { tls, .. } => Some(tls),
    };
    Server::public("the page", http, stop)
        .behind(config.trust_forwarded_for)
        .passing_on(config.passes_on())
        .with_tls(tls)
        .serve(TcpListener::from_std(listener)?, router)
        .await;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Head and body of the answer to a request.
    async fn ask(address: SocketAddr, method: &str, path: &str) -> (String, String) {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_lowercase(), body.to_owned())
    }

    #[tokio::test]
    async fn behind_a_front_door_it_serves_the_page_in_clear_and_nothing_else() {
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            tls: config::Tls::Off,
            ..Config::default()
        };
        let listener = bind(&config).unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = certificate::scheme(&config).unwrap();
        let names = page::Names::of(&signalling::Config::default());
        let page = page::PageConfig::new(&names, &config.page);
        let stop = CancellationToken::new();
        let headers = headers::Headers::new(&config, &scheme, &page, &[]).unwrap();
        let router = router(page, proxy::router(&config), headers);
        let served = tokio::spawn({
            let (config, stop) = (config.clone(), stop.clone());
            async move {
                let http = listen::http::Config::default();
                serve(&config, &http, listener, scheme, router, stop).await
            }
        });

        let (head, body) = ask(address, "GET", "/about/health").await;
        assert!(head.starts_with("http/1.1 200") && body == "OK", "{head}");
        let (head, body) = ask(address, "GET", "/config.json").await;
        assert!(
            head.contains("content-security-policy: default-src 'self'"),
            "{head}"
        );
        assert!(head.contains("x-content-type-options: nosniff"), "{head}");
        assert!(body.contains("/conference-request/v1"), "{body}");
        // Nobody is behind these paths here.
        let (head, _) = ask(address, "POST", "/conference-request/v1").await;
        assert!(!head.contains(" 502 "), "{head}");

        stop.cancel();
        served.await.unwrap().unwrap();
    }
}
