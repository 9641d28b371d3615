//! The private HTTP interface: health, version, metrics, statistics, Colibri2 over REST, drain, shutdown, debugging.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use private::Gate;
use serde::Deserialize;
use serde_json::json;
use xmpp::lenient;

use super::control::Control;
use crate::colibri::json::{Answer, Request};
use crate::stats;

/// Everything that only operators may reach: what tells of the bridge as a whole, and behind the gate what gives it orders or
/// tells of its conferences.
pub(crate) fn router(control: Arc<Control>, gate: &Arc<Gate>) -> Router {
    let telling = Router::new()
        .route("/about/health", get(health))
        .route("/about/version", get(version))
        .route("/metrics", get(metrics))
        .route("/colibri/stats", get(colibri_stats))
        .with_state(Arc::clone(&control));
    let orders = Router::new()
        .route("/colibri/v2/conferences", post(create).get(not_implemented))
        .route(
            "/colibri/v2/conferences/{meeting}",
            patch(modify).get(not_implemented),
        )
        .route(
            "/colibri/v2/conferences/{meeting}/dominant-speaker-identification",
            get(dominant_speaker),
        )
        .route("/colibri/drain", get(drain))
        .route("/colibri/drain/enable", post(drain_enable))
        .route("/colibri/drain/disable", post(drain_disable))
        .route("/colibri/shutdown", post(shutdown))
        .route("/debug", get(debug))
        .with_state(control);
    telling.merge(gate.guard(orders))
}

async fn health(State(control): State<Arc<Control>>) -> Response {
    match control.health() {
        Ok(()) => "OK".into_response(),
        Err(reason) => (StatusCode::INTERNAL_SERVER_ERROR, reason).into_response(),
    }
}

async fn version(State(control): State<Arc<Control>>) -> Response {
    Json(json!({
        "name": "Shoal",
        "version": control.config.version(),
        "os": std::env::consts::OS,
    }))
    .into_response()
}

async fn metrics(State(control): State<Arc<Control>>) -> Response {
    let text = stats::render(&control.snapshot());
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

async fn colibri_stats(State(control): State<Arc<Control>>) -> Response {
    Json(control.snapshot().json()).into_response()
}

async fn create(
    State(control): State<Arc<Control>>,
    request: Result<Json<Request>, JsonRejection>,
) -> Response {
    colibri(&control, None, request)
}

async fn modify(
    State(control): State<Arc<Control>>,
    Path(meeting): Path<String>,
    request: Result<Json<Request>, JsonRejection>,
) -> Response {
    colibri(&control, Some(meeting), request)
}

fn colibri(
    control: &Control,
    meeting: Option<String>,
    request: Result<Json<Request>, JsonRejection>,
) -> Response {
    let refused = |status: StatusCode, reason: &str, text: String| {
        (status, Json(json!({ "error": reason, "text": text }))).into_response()
    };
    let bad = |text| refused(StatusCode::BAD_REQUEST, "unspecified", text);
    let request = match request {
        Ok(Json(request)) => request.into_modify(meeting),
        Err(rejection) => return bad(rejection.body_text()),
    };
    match request {
        Err(text) => bad(text),
        Ok(request) => match control.modify(&request) {
            Ok(modified) => Json(Answer::from(&modified)).into_response(),
            Err(refusal) => {
                let status = StatusCode::from_u16(refusal.http_status())
                    .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                refused(status, refusal.reason_name(), refusal.to_string())
            }
        },
    }
}

async fn not_implemented() -> Response {
    StatusCode::NOT_IMPLEMENTED.into_response()
}

async fn dominant_speaker(
    State(control): State<Arc<Control>>,
    Path(meeting): Path<String>,
) -> Response {
    match control.dominant_speaker(&meeting) {
        Some(speaker) => Json(json!({ "dominantEndpoint": speaker })).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn drain(State(control): State<Arc<Control>>) -> Response {
    Json(json!({ "drain": control.drain() })).into_response()
}

async fn drain_enable(State(control): State<Arc<Control>>) -> StatusCode {
    control.set_drain(true);
    StatusCode::OK
}

async fn drain_disable(State(control): State<Arc<Control>>) -> StatusCode {
    control.set_drain(false);
    StatusCode::OK
}

#[derive(Deserialize)]
struct Shutdown {
    #[serde(rename = "graceful-shutdown", deserialize_with = "lenient::flag")]
    graceful: bool,
}

async fn shutdown(
    State(control): State<Arc<Control>>,
    request: Result<Json<Shutdown>, JsonRejection>,
) -> Response {
    match request {
        Ok(Json(Shutdown { graceful })) => {
            control.begin_shutdown(graceful);
            StatusCode::OK.into_response()
        }
        Err(rejection) => (StatusCode::BAD_REQUEST, rejection.body_text()).into_response(),
    }
}

#[derive(Deserialize)]
struct Full {
    #[serde(default)]
    full: bool,
}

async fn debug(State(control): State<Arc<Control>>, Query(Full { full }): Query<Full>) -> Response {
    let mut told = control.describe(full);
    let snapshot = control.snapshot();
    told["load"] = json!({
        "stress": snapshot.stress,
        "cpu": snapshot.cpu,
        "worker_busy": snapshot.worker_busy,
    });
    told["drops"] = snapshot
        .drops
        .iter()
        .map(|(name, count)| ((*name).to_owned(), json!(count)))
        .collect();
    told["time"] = stats::timestamp(snapshot.time).into();
    Json(told).into_response()
}
