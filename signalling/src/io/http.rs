//! HTTP: WebSocket, BOSH, keep-alive, health, metrics.

use super::server::Shared;
use super::{bosh, metrics, websocket};
use crate::addresses::Address;
use crate::connection::{Framing, Origin, Query};
use crate::host::Standing;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query as UrlQuery, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use listen::Caller;
use listen::http::Server;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;

const SHARD_HEADER: HeaderName = HeaderName::from_static("x-jitsi-shard");
const REGION_HEADER: &str = "x-proxy-region";

/// Everything.
pub(super) fn router(shared: &Arc<Shared>) -> Router {
    client_router(shared).merge(private_router(shared))
}

/// What those who run the service use.
pub(super) fn private_router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/about/health", get(health))
        .route("/about/front-door", get(front_door))
        .route("/metrics", get(show_metrics))
        .with_state(Arc::clone(shared))
}

/// What clients use.
pub(super) fn client_router(shared: &Arc<Shared>) -> Router {
    let bosh = get(alive).post(bind).options(preflight);
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

/// The way to serve clients.
pub(super) fn server(shared: &Shared) -> Server {
    let settings = &shared.host.settings;
    Server::public("signalling's HTTP", &settings.http, shared.stop.clone())
}

/// The way to serve those who run the service.
pub(super) fn private_server(shared: &Shared) -> Server {
    let settings = &shared.host.settings;
    Server::private(
        "signalling's private HTTP",
        &settings.http,
        shared.stop.clone(),
    )
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
    let text = metrics::text(&shared.host, shared.started.elapsed());
    ([(header::CONTENT_TYPE, ::metrics::CONTENT_TYPE)], text).into_response()
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
    fn origin(self, framing: Framing) -> Origin {
        let text = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text("authorization")
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(str::to_owned);
        let region = text(REGION_HEADER).map(|region| region.replace('-', "_").to_lowercase());
        let caller = self.extensions.get::<Caller>();
        Origin {
            framing,
            address: caller.map_or(Address::UNKNOWN, |caller| Address::of(caller.0)),
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

async fn connect(
    State(shared): State<Arc<Shared>>,
    UrlQuery(parameters): UrlQuery<Parameters>,
    tenant: Option<Path<HashMap<String, String>>>,
    mut request: Request,
) -> Response {
    let upgrade = match listen::websocket::upgrade(&mut request, "xmpp") {
        Ok(upgrade) => upgrade,
        Err(Some(refusal)) => return *refusal,
        Err(None) => return alive().await.into_response(),
    };
    let visitor = Visitor {
        parameters,
        tenant: tenant.and_then(|Path(mut path)| path.remove("tenant")),
        headers: request.headers(),
        extensions: request.extensions(),
    };
    let origin = visitor.origin(Framing::WebSocket);
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        if let Ok(socket) = upgrade.socket.await {
            websocket::serve(shared, socket, origin).await;
        }
    });
    upgrade.response
}

async fn bind(
    State(shared): State<Arc<Shared>>,
    UrlQuery(parameters): UrlQuery<Parameters>,
    tenant: Option<Path<HashMap<String, String>>>,
    headers: HeaderMap,
    extensions: Extensions,
    body: Body,
) -> Response {
    let visitor = Visitor {
        parameters,
        tenant: tenant.and_then(|Path(mut path)| path.remove("tenant")),
        headers: &headers,
        extensions: &extensions,
    };
    let origin = visitor.origin(Framing::Bosh);
    let answer = match bosh::read(&shared, body).await {
        Ok(body) => bosh::handle(&shared, origin, &body).await,
        Err(refusal) => refusal,
    };
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], answer).into_response()
}
