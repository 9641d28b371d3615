//! `shoal all`: every part in one process. They meet as stanzas all the same,
//! over in-memory streams, so that this is only a convenience.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use private::Gate;
use tokio_util::sync::CancellationToken;
use xmpp::client::Connector;

use crate::settings::Settings;
use crate::web::headers::Headers;
use crate::web::page::{Names, PageConfig};
use crate::web::{self, Scheme};
use crate::{log, secret};

/// Name of the in-process shard.
const SHARD: &str = "all";

/// Runs everything until `stop` fires.
pub(crate) async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    let listener = web::bind(&settings.web)?;
    let address = listener
        .local_addr()
        .context("the page's socket has no address")?;
    let scheme = web::certificate::scheme(&settings.web)?;
    let url = public_url(&settings.web, &scheme, address);
    let http = settings.http.clone();
    let wiring = wire(settings, &url, address);
    let bridge_urls = wiring.bridge.websocket.base_urls.clone();

    let names = Names::of(&wiring.signalling);
    let signalling = Arc::new(signalling::Server::start(wiring.signalling).await?);
    let connector = Connector::in_memory({
        let signalling = Arc::clone(&signalling);
        move || signalling.connect()
    });
    let gate =
        Gate::new(wiring.web.private_token_file.clone()).context("web.private_token_file")?;
    let bridge =
        bridge::Bridge::start(wiring.bridge, vec![(wiring.shard, connector.clone())]).await?;
    let focus = focus::Focus::start(wiring.focus, connector)?;

    let parts = Router::new()
        .merge(signalling.client_router())
        .merge(bridge.public_router())
        .merge(focus.client_router());
    let page = PageConfig::new(&names, &wiring.web.page);
    let headers = Headers::new(&wiring.web, &scheme, &page, &bridge_urls)?;
    let router = web::router(page, parts, headers);
    let served = tokio::spawn({
        let (web, http, stop) = (wiring.web.clone(), http.clone(), stop.clone());
        async move { web::serve(&web, &http, listener, scheme, router, stop).await }
    });
    if let Some(address) = wiring.web.private_listen {
        let private = Router::new()
            .nest("/signalling", signalling.http_router())
            .nest("/focus", focus.guarded_router(&gate))
            .nest("/bridge", bridge.private_router());
        web::serve_private(address, private, &http, stop.clone())?;
    }
    log::tell(&format!("Shoal is ready. Meeting page: {url}"));

    tokio::select! {
        () = stop.cancelled() => {}
        // Asked to over the private interface.
        () = bridge.finished() => stop.cancel(),
    }
    focus.shutdown().await;
    bridge.shutdown().await;
    signalling.shutdown().await;
    served.await.context("the page's server died")??;
    Ok(())
}

/// Configurations of parts that fit each other.
struct Wiring {
    web: web::Config,
    signalling: signalling::Config,
    focus: focus::Config,
    bridge: bridge::Config,
    shard: bridge::config::Shard,
}

/// Fits the parts to each other: one domain, accounts for the life of the
/// process, and the page's origin for bridge channels.
fn wire(settings: Settings, url: &str, address: SocketAddr) -> Wiring {
    let Settings {
        mut web,
        mut signalling,
        mut focus,
        mut bridge,
        ..
    } = settings;
    let passwords = [secret::generate(), secret::generate()];
    for (name, password) in ["focus", "jvb"].into_iter().zip(&passwords) {
        signalling.accounts.push(signalling::config::Account {
            name: name.into(),
            password: Some(password.as_str().into()),
            ..signalling::config::Account::default()
        });
    }
    remember_rooms(&mut signalling.rooms, &web.state);
    let domain = signalling.domain.clone();
    let auth = signalling
        .auth_domain
        .clone()
        .unwrap_or_else(|| format!("auth.{domain}"));
    let internal = signalling
        .internal_muc_domain
        .clone()
        .unwrap_or_else(|| format!("internal-muc.{domain}"));
    let brewery = format!("jvbbrewery@{internal}");

    focus.domain.clone_from(&domain);
    focus.account = Some(format!("focus@{auth}"));
    focus.password = Some(focus::config::Password(passwords[0].clone()));
    focus.muc.clone_from(&signalling.muc_domain);
    focus.alias.clone_from(&signalling.focus_domain);
    focus.brewery = Some(brewery.clone());

    // Clients reach every part through the page's listener.
    web.trust_forwarded_for = web.trust_forwarded_for.max(signalling.trust_forwarded_for);
    // The page's listeners stand in for the bridge's own.
    bridge.private_http = None;
    bridge
        .private_token_file
        .clone_from(&web.private_token_file);
    bridge.public_http = None;
    // It ends together with its focus, which could move nobody anyway.
    bridge.expiry.farewell_seconds = 0;
    if address.ip().is_loopback() {
        bridge.advertise_loopback = true;
    }
    if bridge.websocket.base_urls.is_empty()
        && (address.ip().is_loopback() || web.public_url.is_some())
    {
        bridge
            .websocket
            .base_urls
            .push(url.replacen("http", "ws", 1));
    }
    let shard = bridge::config::Shard {
        name: SHARD.into(),
        address: String::new(),
        tls: bridge::config::Tls::Plain,
        domain: auth,
        user: "jvb".into(),
        password: Some(passwords[1].clone().into()),
        password_file: None,
        brewery,
        nick: String::new(),
    };
    Wiring {
        web,
        signalling,
        focus,
        bridge,
        shard,
    }
}

/// Pages keep locks and owners for when the process ends, under a secret that outlives it.
fn remember_rooms(rooms: &mut signalling::config::RoomsConfig, state: &Path) {
    if rooms.memory_secret.is_some() || rooms.memory_secret_file.is_some() {
        return;
    }
    let path = state.join("memory.secret");
    match secret::kept(&path) {
        Ok(secret) => rooms.memory_secret = Some(secret.as_str().into()),
        Err(error) => tracing::warn!(
            path = %path.display(), %error,
            "cannot keep a secret: the locks and owners of rooms end with this process. \
             Name a folder for it with web.state, or a file with signalling.rooms.memory_secret_file."
        ),
    }
}

/// The address that people type.
fn public_url(web: &web::Config, scheme: &Scheme, address: SocketAddr) -> String {
    if let Some(url) = &web.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let port = address.port();
    let scheme = scheme.name();
    if address.ip().is_loopback() || address.ip().is_unspecified() {
        return format!("{scheme}://localhost:{port}");
    }
    format!("{scheme}://{address}")
}
