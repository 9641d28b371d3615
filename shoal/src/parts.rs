//! The parts as processes of their own.

use anyhow::Context;
use axum::Router;
use axum::routing::get;
use listen::http::Server;
use private::Gate;
use tokio_util::sync::CancellationToken;
use xmpp::client::{Connector, Tls, TlsOptions};

use crate::log;
use crate::settings::Settings;
use crate::web::headers::Headers;
use crate::web::page::{Names, PageConfig};
use crate::web::{self, proxy};

/// The XMPP server of a shard.
pub(crate) async fn signalling(
    mut config: signalling::Config,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    if config.listen.http.is_none() && config.listen.tcp.is_none() && config.listen.tls.is_none() {
        config.listen.http = Some(([127, 0, 0, 1], 5280).into());
        config.listen.tcp = Some(([127, 0, 0, 1], 5222).into());
    }
    if config.accounts.is_empty() {
        tracing::warn!(
            "signalling.accounts is empty: no focus and no bridge can log in; \
             give each an entry with `name` and `password_file`"
        );
    }
    if config.rooms.memory_secret.is_none() && config.rooms.memory_secret_file.is_none() {
        tracing::warn!(
            "signalling.rooms.memory_secret_file is not set: a room whose focus is lost with this process begins anew, \
             without password and owners"
        );
    }
    let server = signalling::Server::start(config).await?;
    log::tell(&format!("signalling is ready: {:?}", server.addresses()));
    stop.cancelled().await;
    server.shutdown().await;
    Ok(())
}

/// The focus of a shard.
pub(crate) async fn focus(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    let service = settings.focus_service;
    let (host, port) = service
        .address
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host.trim_matches(['[', ']']), port.parse().ok()?)))
        .with_context(|| {
            format!(
                "focus_service.address is `{}`: write HOST:PORT",
                service.address
            )
        })?;
    let options = TlsOptions {
        ca_file: service.tls_ca_file.clone(),
        ..TlsOptions::default()
    };
    let tls = match service.tls {
        bridge::config::Tls::Plain => Tls::Disabled,
        bridge::config::Tls::Starttls => Tls::StartTls(options),
        bridge::config::Tls::Direct => Tls::Direct(options),
    };
    if let Some(path) = service
        .tls_ca_file
        .filter(|_| !matches!(tls, Tls::Disabled))
    {
        // Read at each connection; a mistake is told at the start.
        std::fs::read(&path).with_context(|| {
            format!("cannot read {} (focus_service.tls_ca_file)", path.display())
        })?;
    }
    let gate = Gate::new(service.private_token_file).context("focus_service.private_token_file")?;
    let focus = focus::Focus::start(
        settings.focus,
        Connector::Tcp {
            host: host.to_owned(),
            port,
            tls,
        },
    )?;
    let server = Server::public("the focus's HTTP", &settings.http, stop.clone())
        .behind(service.trust_forwarded_for);
    web::spawn(
        service.http,
        server,
        focus.guarded_router(&gate),
        "focus_service.http",
    )?;
    if let Some(address) = service.private_http {
        web::serve_private(
            address,
            focus.private_router(&gate),
            &settings.http,
            stop.clone(),
        )?;
    }
    log::tell(&format!("focus is ready: http://{}", service.http));
    stop.cancelled().await;
    focus.shutdown().await;
    Ok(())
}

pub(crate) async fn bridge(config: bridge::Config, stop: CancellationToken) -> anyhow::Result<()> {
    if config.shards.is_empty() && config.shards_file.is_none() {
        tracing::warn!(
            "bridge.shards is empty and bridge.shards_file is not set: no focus will find this bridge; it answers Colibri2 over REST only"
        );
    }
    let bridge = bridge::Bridge::start(config, Vec::new()).await?;
    log::tell("bridge is ready");
    tokio::select! {
        () = stop.cancelled() => {}
        // Asked to over REST.
        () = bridge.finished() => {}
    }
    bridge.shutdown().await;
    Ok(())
}

/// The page, with the other parts behind the same origin.
pub(crate) async fn web(settings: &Settings, stop: CancellationToken) -> anyhow::Result<()> {
    let listener = web::bind(&settings.web)?;
    let scheme = web::certificate::scheme(&settings.web)?;
    let page = PageConfig::new(&Names::of(&settings.signalling), &settings.web.page);
    let address = listener
        .local_addr()
        .context("the page's socket has no address")?;
    log::tell(&format!("web is ready: {}://{address}", scheme.name()));
    let headers = Headers::new(&settings.web, &scheme, &page, &[])?;
    let router = web::router(page, proxy::router(&settings.web), headers);
    if let Some(address) = settings.web.private_listen {
        let private = Router::new()
            .route("/about/health", get(|| async { "OK" }))
            .route("/metrics", get(|| async { web::metrics::respond() }));
        web::serve_private(address, private, &settings.http, stop.clone())?;
    }
    web::serve(
        &settings.web,
        &settings.http,
        listener,
        scheme,
        router,
        stop,
    )
    .await
    .context("the page's server failed")
}
