//! HTTP: WebSocket, BOSH, keep-alive, health, metrics.

use super::server::Shared;
use super::{bosh, metrics, websocket};
use crate::addresses::Address;
use crate::connection::{Framing, Origin, Query};
use crate::host::Standing;
use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Query as UrlQuery, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

const SHARD_HEADER: HeaderName = HeaderName::from_static("x-jitsi-shard");
const REGION_HEADER: &str = "x-proxy-region";
/// WebSocket buffers of an idle connection, bytes.
const BUFFER_BYTES: usize = 4 * 1024;
/// Most bytes that wait in a socket that is being written to.
const MOST_BUFFERED: usize = 4 * 1024 * 1024;

/// Everything.
pub(super) fn router(shared: &Arc<Shared>) -> Router {
    let private = Router::new()
        .route("/about/health", get(health))
        .route("/about/front-door", get(front_door))
        .route("/metrics", get(show_metrics))
        .with_state(Arc::clone(shared));
    client_router(shared).merge(private)
}

/// What clients use.
pub(super) fn client_router(shared: &Arc<Shared>) -> Router {
    let most = shared
        .host
        .settings
        .limits
        .stanza_bytes
        .saturating_add(16 * 1024);
    let bosh = get(alive)
        .post(bind)
        .options(preflight)
        .layer(DefaultBodyLimit::max(most));
    Router::new()
        .route("/xmpp-websocket", get(connect))
        .route("/{tenant}/xmpp-websocket", get(connect))
        .route("/http-bind", bosh.clone())
        .route("/{tenant}/http-bind", bosh)
        .route("/_unlock", get(alive))
        .route("/{tenant}/_unlock", get(alive))
        .layer(from_fn_with_state(Arc::clone(shared), name_shard))
        .with_state(Arc::clone(shared))
}

/// Serves the configured HTTP socket.
pub(super) async fn serve(shared: Arc<Shared>, listener: TcpListener) {
    let service = router(&shared).into_make_service_with_connect_info::<SocketAddr>();
    let listener =
        axum::serve::ListenerExt::tap_io(listener, |socket: &mut tokio::net::TcpStream| {
            let _ = socket.set_nodelay(true);
        });
    if let Err(error) = axum::serve(listener, service).await {
        tracing::error!(%error, "HTTP stopped");
    }
}

/// Every answer tells the shard, to scripts from other origins as well: a client compares it with the shard it knows.
async fn name_shard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    if let Ok(shard) = HeaderValue::from_str(&shared.host.settings.shard)
        && !shard.is_empty()
    {
        headers.insert(SHARD_HEADER, shard);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("x-jitsi-shard"),
        );
    }
    response
}

async fn alive() -> &'static str {
    "It works! Now point your XMPP client to this URL.\n"
}

async fn preflight() -> impl IntoResponse {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "content-type, authorization",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "7200"),
    ];
    (StatusCode::NO_CONTENT, headers)
}

async fn health() -> &'static str {
    "OK"
}

/// 200: give new rooms to this shard. 404: it keeps those that it has. 503: count it as dead.
async fn front_door(State(shared): State<Arc<Shared>>) -> Response {
    match shared.host.standing(shared.started.elapsed()) {
        Standing::Fit => "OK".into_response(),
        Standing::Unfit(reason) => (StatusCode::NOT_FOUND, reason).into_response(),
        Standing::Returning(left) => {
            let text = format!("returns in {:.1} s", left.as_secs_f64());
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

async fn show_metrics(State(shared): State<Arc<Shared>>) -> Response {
    match metrics::render(&shared.host, shared.started.elapsed()) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Parameters of the URL; unknown ones are ignored, as other servers' parameters come along.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Parameters {
    room: Option<String>,
    prefix: Option<String>,
    token: Option<String>,
    previd: Option<String>,
}

/// The parts of a request that say where a connection comes from.
struct Visitor<'a> {
    parameters: Parameters,
    tenant: Option<String>,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

impl Visitor<'_> {
    fn origin(self, shared: &Shared, framing: Framing) -> Origin {
        let text = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text("authorization")
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(str::to_owned);
        let region = text(REGION_HEADER).map(|region| region.replace('-', "_").to_lowercase());
        let forwarded = text("x-forwarded-for")
            .filter(|_| shared.host.settings.trust_forwarded_for)
            .and_then(|list| list.rsplit(',').next()?.trim().parse().ok());
        let peer = self
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|peer| peer.0.ip());
        Origin {
            framing,
            address: forwarded.or(peer).map_or(Address::UNKNOWN, Address::of),
            encrypted: true,
            can_encrypt: false,
            query: Query {
                room: self.parameters.room.filter(|room| !room.is_empty()),
                prefix: self.parameters.prefix.or(self.tenant).unwrap_or_default(),
                token: self.parameters.token.or(bearer),
                previous: self.parameters.previd,
                region,
            },
        }
    }
}

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

async fn connect(
    State(shared): State<Arc<Shared>>,
    UrlQuery(parameters): UrlQuery<Parameters>,
    tenant: Option<Path<HashMap<String, String>>>,
    headers: HeaderMap,
    extensions: Extensions,
    upgrade: Upgrade,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return alive().await.into_response();
    };
    let visitor = Visitor {
        parameters,
        tenant: tenant.and_then(|Path(mut path)| path.remove("tenant")),
        headers: &headers,
        extensions: &extensions,
    };
    let origin = visitor.origin(&shared, Framing::WebSocket);
    let limits = &shared.host.settings.limits;
    let most = limits.stanza_bytes.saturating_add(1);
    let shared = Arc::clone(&shared);
    upgrade
        .protocols(["xmpp"])
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_write_buffer_size(MOST_BUFFERED)
        .max_message_size(most)
        .max_frame_size(most)
        .on_upgrade(move |socket| {
            let tasks = shared.tasks.clone();
            tasks.track_future(websocket::serve(shared, socket, origin))
        })
}

async fn bind(
    State(shared): State<Arc<Shared>>,
    UrlQuery(parameters): UrlQuery<Parameters>,
    tenant: Option<Path<HashMap<String, String>>>,
    headers: HeaderMap,
    extensions: Extensions,
    body: Bytes,
) -> Response {
    let visitor = Visitor {
        parameters,
        tenant: tenant.and_then(|Path(mut path)| path.remove("tenant")),
        headers: &headers,
        extensions: &extensions,
    };
    let origin = visitor.origin(&shared, Framing::Bosh);
    let answer = bosh::handle(&shared, origin, &body).await;
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], answer).into_response()
}
