//! The HTTP side: conference requests for clients, the rest for operators.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use listen::Caller;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use xmpp::conference::ConferenceRequest;
use xmpp::stanza::Condition;

use crate::director::{Director, MoveError, Moved};

use super::{Command, cors, metrics};

/// How long a conference request may wait for its room.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// Largest body, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// The way to the director.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) commands: mpsc::Sender<Command>,
    /// Origins of others whose pages may ask for conferences.
    pub(super) cors: Arc<[String]>,
}

impl Access {
    /// Lets the run loop evaluate something; `None` when the focus has ended.
    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Director, Instant) -> T + Send + 'static,
    ) -> Option<T> {
        let (sender, receiver) = oneshot::channel();
        let look = Box::new(move |director: &mut Director, now: Instant| {
            let _ = sender.send(look(director, now));
        });
        self.commands.send(Command::Look(look)).await.ok()?;
        receiver.await.ok()
    }
}

/// What clients use, for a server that faces the public.
pub(super) fn client_router(access: Access) -> Router {
    Router::new()
        .route("/conference-request/v1", post(conference_request))
        // The room's address says which tenant's it is.
        .route("/{tenant}/conference-request/v1", post(conference_request))
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(&access.cors), cors::answer))
        .with_state(access)
}

/// How the focus is.
pub(super) fn telling_router(access: Access) -> Router {
    Router::new()
        .route("/about/health", get(health))
        .route("/about/version", get(version))
        .route("/metrics", get(prometheus))
        .route("/stats", get(stats))
        .with_state(access)
}

/// What gives the focus orders or tells of its conferences.
pub(super) fn orders_router(access: Access) -> Router {
    Router::new()
        .route("/debug", get(debug))
        .route("/debug/conferences", get(rooms))
        .route("/debug/conferences-full", get(conferences))
        .route("/debug/conference/{room}", get(conference))
        .route("/debug/xmpp-caps", get(caps))
        .route("/move-endpoints/move-endpoint", get(move_endpoint))
        .route("/move-endpoints/move-endpoints", get(move_endpoints))
        .route("/move-endpoints/move-fraction", get(move_fraction))
        .with_state(access)
}

fn ended() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "the focus has ended").into_response()
}

fn respond<T: Serialize>(answer: Option<T>) -> Response {
    answer.map_or_else(ended, |answer| Json(answer).into_response())
}

/// The body as clients write it: properties may be strings, numbers or booleans.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    room: String,
    machine_uid: Option<String>,
    session_id: Option<String>,
    identity: Option<String>,
    #[serde(default)]
    properties: BTreeMap<String, Value>,
}

impl From<Body> for ConferenceRequest {
    fn from(body: Body) -> Self {
        let mut request = Self::new(body.room);
        request.machine_uid = body.machine_uid;
        request.session_id = body.session_id;
        request.identity = body.identity;
        request.properties = body
            .properties
            .into_iter()
            .filter_map(|(name, value)| match value {
                Value::String(text) => Some((name, text)),
                Value::Bool(_) | Value::Number(_) => Some((name, value.to_string())),
                _ => None,
            })
            .collect();
        request
    }
}

async fn conference_request(
    State(access): State<Access>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Response {
    let mut request: ConferenceRequest = match serde_json::from_slice::<Body>(&body) {
        Ok(body) => body.into(),
        Err(error) => {
            return (
                StatusCode::BAD_REQUEST,
                format!("not a conference request: {error}"),
            )
                .into_response();
        }
    };
    request.token = bearer(&headers);
    let (answer, result) = oneshot::channel();
    if access
        .commands
        .send(Command::Request {
            request: Box::new(request),
            caller: caller.map(|Extension(Caller(address))| address),
            answer,
        })
        .await
        .is_err()
    {
        return ended();
    }
    match tokio::time::timeout(REQUEST_TIMEOUT, result).await {
        Ok(Ok(Ok(answer))) => Json(answer).into_response(),
        Ok(Ok(Err(error))) => {
            let status = match error.condition {
                Condition::NotAuthorized => StatusCode::FORBIDDEN,
                Condition::BadRequest | Condition::NotAcceptable => StatusCode::BAD_REQUEST,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            let text = match error.condition {
                Condition::NotAcceptable => "invalid-session".to_owned(),
                _ => error.to_string(),
            };
            (status, text).into_response()
        }
        Ok(Err(_)) => ended(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the room does not answer").into_response(),
    }
}

/// The token of the `Authorization` header (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

/// 200 while the focus can hold meetings, else 503 with the reason.
async fn health(State(access): State<Access>) -> Response {
    let Some(overview) = access.look(|director, now| director.overview(now)).await else {
        return ended();
    };
    let reason = if !overview.online {
        "no connection to the XMPP server".to_owned()
    } else if let Some(trouble) = overview.no_room {
        trouble
    } else if !overview.brewery_joined {
        "the brewery is not joined".to_owned()
    } else if overview.bridges_operational == 0 {
        "no operational bridge".to_owned()
    } else {
        return "OK".into_response();
    };
    (StatusCode::SERVICE_UNAVAILABLE, reason).into_response()
}

async fn version() -> Response {
    Json(json!({"name": "Shoal focus", "version": env!("CARGO_PKG_VERSION"), "os": std::env::consts::OS}))
        .into_response()
}

async fn prometheus(State(access): State<Access>) -> Response {
    let look =
        access.look(|director, now| metrics::text(&director.overview(now), director.counters()));
    let Some(text) = look.await else {
        return ended();
    };
    ([(header::CONTENT_TYPE, ::metrics::CONTENT_TYPE)], text).into_response()
}

async fn stats(State(access): State<Access>) -> Response {
    respond(
        access
            .look(|director, now| {
                let bridges = director.bridge_summaries(now);
                metrics::stats(&director.overview(now), &bridges, director.counters())
            })
            .await,
    )
}

#[derive(Deserialize)]
struct Full {
    #[serde(default)]
    full: bool,
}

async fn debug(State(access): State<Access>, Query(Full { full }): Query<Full>) -> Response {
    let look = access.look(move |director, now| {
        let conferences = match full {
            true => json!(director.conferences(now)),
            false => json!(director.rooms()),
        };
        json!({
            "overview": director.overview(now),
            "bridges": director.bridge_summaries(now),
            "conferences": conferences,
        })
    });
    respond(look.await)
}

async fn rooms(State(access): State<Access>) -> Response {
    respond(access.look(|director, _| director.rooms()).await)
}

async fn conferences(State(access): State<Access>) -> Response {
    respond(access.look(|director, now| director.conferences(now)).await)
}

async fn conference(State(access): State<Access>, Path(room): Path<String>) -> Response {
    match access
        .look(move |director, _| director.conference(&room))
        .await
    {
        Some(Some(summary)) => Json(summary).into_response(),
        Some(None) => (StatusCode::NOT_FOUND, "no such conference").into_response(),
        None => ended(),
    }
}

async fn caps(State(access): State<Access>) -> Response {
    respond(access.look(|director, _| director.known_caps()).await)
}

fn moved(answer: Option<Result<Moved, MoveError>>) -> Response {
    match answer {
        Some(Ok(moved)) => Json(moved).into_response(),
        Some(Err(error @ MoveError::NotFound(_))) => {
            (StatusCode::NOT_FOUND, error.to_string()).into_response()
        }
        Some(Err(error)) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
        None => ended(),
    }
}

#[derive(Deserialize)]
struct MoveEndpoint {
    conference: String,
    endpoint: String,
    bridge: Option<String>,
}

async fn move_endpoint(State(access): State<Access>, Query(q): Query<MoveEndpoint>) -> Response {
    let look = move |director: &mut Director, now: Instant| {
        director.move_participant(&q.conference, &q.endpoint, q.bridge.as_deref(), now)
    };
    moved(access.look(look).await)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoveEndpoints {
    bridge: String,
    conference: Option<String>,
    #[serde(default = "one")]
    num_endpoints: usize,
}

fn one() -> usize {
    1
}

async fn move_endpoints(State(access): State<Access>, Query(q): Query<MoveEndpoints>) -> Response {
    let look = move |director: &mut Director, now: Instant| {
        director.move_from(&q.bridge, q.conference.as_deref(), q.num_endpoints, now)
    };
    moved(access.look(look).await)
}

#[derive(Deserialize)]
struct MoveFraction {
    bridge: String,
    #[serde(default = "a_tenth")]
    fraction: f64,
}

fn a_tenth() -> f64 {
    0.1
}

async fn move_fraction(State(access): State<Access>, Query(q): Query<MoveFraction>) -> Response {
    if !(q.fraction > 0.0 && q.fraction <= 1.0) {
        return (
            StatusCode::BAD_REQUEST,
            "fraction must be above 0 and at most 1",
        )
            .into_response();
    }
    let look = move |director: &mut Director, now: Instant| {
        let all = director
            .endpoints_on(&q.bridge)
            .ok_or(MoveError::NotFound("bridge"))?;
        let count = (all as f64 * q.fraction).ceil() as usize;
        director.move_from(&q.bridge, None, count, now)
    };
    moved(access.look(look).await)
}
