//! As much of the Kubernetes API as the operator uses, in memory: lists, watches, server-side apply, merge patches, status,
//! finalizers, garbage collection. It counts writes.

// Named, for the simulation takes this file from another folder.
#[path = "fake/merge.rs"]
mod merge;
#[path = "fake/request.rs"]
mod request;
#[path = "fake/state.rs"]
mod state;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::{Request, Response, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

use request::{Target, Verb};
use state::State;

pub(crate) use state::Failure;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The server.
#[derive(Clone)]
pub(crate) struct FakeApi {
    state: Arc<Mutex<State>>,
    version: Arc<watch::Sender<u64>>,
}

impl Default for FakeApi {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            version: Arc::new(watch::channel(0).0),
        }
    }
}

impl FakeApi {
    /// What somebody else than the operator does.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let result = act(&mut state);
        self.version.send_replace(state.version());
        result
    }

    /// A client of it.
    pub(crate) fn client(&self) -> kube::Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let api = api.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await?;
                Ok::<_, kube::Error>(api.handle(Request::from_parts(parts, body)))
            }
        });
        kube::Client::new(service, "default")
    }

    /// Answers a request of the operator.
    pub(crate) fn handle(&self, request: Request<Bytes>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let Some(target) = Target::parse(&parts.uri) else {
            return failed(&Failure::missing("no such path"));
        };
        let kind = parts.headers.get("content-type");
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        match target.verb(&parts.method, kind) {
            Some(Verb::Watch) => self.watch(target),
            Some(verb) => match self.act(|state| state.handle(&target, verb, body)) {
                Ok(value) => respond(StatusCode::OK, &value),
                Err(failure) => failed(&failure),
            },
            None => failed(&Failure::missing("no such verb")),
        }
    }

    fn watch(&self, target: Target) -> Response<Body> {
        let end = tokio::time::Instant::now() + Duration::from_secs(target.timeout);
        let start = (self.clone(), self.version.subscribe(), target);
        let events = stream::unfold(start, move |(api, mut version, mut target)| async move {
            loop {
                version.borrow_and_update();
                let (text, last) = api.state.lock().events_since(&target);
                target.since = last;
                if !text.is_empty() {
                    return Some((text, (api, version, target)));
                }
                tokio::select! {
                    changed = version.changed() => changed.ok()?,
                    () = tokio::time::sleep_until(end) => return None,
                }
            }
        });
        let frames = events.map(|text| Ok(Frame::data(Bytes::from(text))));
        Response::new(StreamBody::new(frames).boxed_unsync())
    }
}

fn respond(status: StatusCode, value: &Value) -> Response<Body> {
    let body = Full::new(Bytes::from(value.to_string())).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn failed(failure: &Failure) -> Response<Body> {
    let status = StatusCode::from_u16(failure.code).expect("invariant: a status code");
    let value = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": failure.message, "reason": failure.reason, "code": failure.code,
    });
    respond(status, &value)
}
