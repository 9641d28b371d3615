//! As much of the API server as is used: lists, merge patches, and ports of pods over a WebSocket.
//!
//! Bridge 0 and the focus of shard a are one meeting; the operator's part, to have its people moved, is played at once.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{self, Path, Query};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, body};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::kubectl::io::Kubernetes;

/// What the server has and does.
pub(super) struct State {
    objects: BTreeMap<String, Vec<Value>>,
    /// A part of the paths that are answered with 403; empty: none.
    pub forbids: &'static str,
    pub nothing_listens: bool,
    /// Whether a drained bridge empties.
    pub moves_people: bool,
    pub participants: u64,
    pub draining: bool,
    /// Orders to move that the focus of shard a got.
    pub orders: Vec<String>,
    bridge: &'static str,
}

/// The server.
pub(super) struct Fake {
    state: Arc<Mutex<State>>,
    client: kube::Client,
}

type Shared = Arc<Mutex<State>>;

impl Fake {
    /// Starts it on a port of loopback; it ends with the test.
    pub(super) async fn start() -> Self {
        let seen = seen();
        let pods = seen
            .pods
            .iter()
            .map(|pod| serde_json::to_value(pod).unwrap());
        let objects = BTreeMap::from([
            ("jitsiclusters".to_owned(), vec![cluster()]),
            ("jitsishards".to_owned(), vec![shard("a"), shard("b")]),
            ("bridgepools".to_owned(), vec![pool()]),
            ("pods".to_owned(), pods.collect()),
            ("horizontalpodautoscalers".to_owned(), Vec::new()),
            ("configmaps".to_owned(), Vec::new()),
        ]);
        let state = Arc::new(Mutex::new(State {
            objects,
            forbids: "",
            nothing_listens: false,
            moves_people: true,
            participants: 2,
            draining: false,
            orders: Vec::new(),
            bridge: "bridges-bridge-0",
        }));
        let router = Router::new()
            .route(
                "/api/v1/namespaces/meet/pods/{pod}/portforward",
                get(port_forward),
            )
            .fallback(api)
            .with_state(state.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let client = kube::Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap();
        Self { state, client }
    }

    pub(super) fn kubernetes(&self) -> Kubernetes {
        Kubernetes::of(self.client.clone())
    }

    pub(super) fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }

    /// The annotation by which a bridge drains.
    pub(super) fn mark(&self, pod: &str) -> Value {
        self.act(|state| {
            let pods = &state.objects["pods"];
            let found = pods
                .iter()
                .find(|one| one["metadata"]["name"] == pod)
                .unwrap();
            found["metadata"]["annotations"]["shoal.video/drain"].clone()
        })
    }
}

fn failure(code: u16, message: &str) -> Response {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message,
        "reason": "Forbidden"});
    (StatusCode::from_u16(code).unwrap(), Json(status)).into_response()
}

async fn api(
    extract::State(state): extract::State<Shared>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    let mut state = state.lock().unwrap();
    let parts: Vec<&str> = uri.path().split("/namespaces/meet/").collect();
    let [_, rest] = parts[..] else {
        return failure(404, "no such path");
    };
    let (kind, name) = rest.split_once('/').unwrap_or((rest, ""));
    if kind == state.forbids {
        return failure(403, "it is forbidden");
    }
    if method == Method::GET {
        return Json(json!({"kind": "List", "metadata": {}, "items": state.objects[kind]}))
            .into_response();
    }
    let change: Value = serde_json::from_slice(&body).unwrap();
    let mark = &change["metadata"]["annotations"]["shoal.video/drain"];
    if name == "bridges-bridge-0" {
        state.draining = mark == "true";
        if state.draining && state.moves_people {
            state.participants = 0;
        }
    }
    let objects = state.objects.get_mut(kind).unwrap();
    let found = objects
        .iter_mut()
        .find(|one| one["metadata"]["name"] == name)
        .unwrap();
    found["metadata"]["annotations"]["shoal.video/drain"] = mark.clone();
    let mut answer = found.clone();
    // A merge patch with null removes.
    answer["metadata"]["annotations"]
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    *found = answer.clone();
    Json(answer).into_response()
}

#[derive(Deserialize)]
struct Ports {
    ports: u16,
}

async fn port_forward(
    extract::State(state): extract::State<Shared>,
    Path(pod): Path<String>,
    Query(Ports { ports: port }): Query<Ports>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if state.lock().unwrap().forbids == "portforward" {
        return failure(403, "pods/portforward is forbidden");
    }
    upgrade
        .protocols(["v4.channel.k8s.io"])
        .on_upgrade(move |socket| forward(socket, state, pod, port))
}

/// Channel 0 is the port's data, channel 1 its error; both begin with the port's number.
async fn forward(mut socket: WebSocket, state: Shared, pod: String, port: u16) {
    let framed = |channel: u8, data: &[u8]| Message::Binary([&[channel], data].concat().into());
    for channel in 0..2 {
        socket
            .send(framed(channel, &port.to_le_bytes()))
            .await
            .unwrap();
    }
    if state.lock().unwrap().nothing_listens {
        let refused = b"error forwarding port 8080: connection refused";
        let _ = socket.send(framed(1, refused)).await;
        let _ = socket.send(Message::Close(None)).await;
        return;
    }
    let (mut ours, theirs) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        let service =
            hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let answer = of_pod(&state, &pod, request.uri());
                async move { Ok::<_, std::convert::Infallible>(answer) }
            });
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(theirs), service)
            .await;
    });
    let mut buffer = vec![0; 1 << 16];
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(bytes))) if bytes.first() == Some(&0) => {
                    if ours.write_all(&bytes[1..]).await.is_err() {
                        return;
                    }
                }
                Some(Ok(_)) => {}
                _ => return,
            },
            read = ours.read(&mut buffer) => match read {
                Ok(length) if length > 0 => {
                    if socket.send(framed(0, &buffer[..length])).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}

fn of_pod(state: &Shared, pod: &str, uri: &Uri) -> Response<body::Body> {
    let mut state = state.lock().unwrap();
    let first = pod == "bridges-bridge-0";
    match (pod, uri.path()) {
        ("bridges-bridge-0" | "bridges-bridge-1", "/colibri/stats") => Json(json!({
            "stress_level": 0.1, "conferences": 1, "drain": first && state.draining,
            "participants": if first { state.participants } else { 0 },
        }))
        .into_response(),
        ("bridges-bridge-0", "/about/health") => "OK".into_response(),
        ("bridges-bridge-1", "/about/health") => {
            (StatusCode::INTERNAL_SERVER_ERROR, "waiting for a shard").into_response()
        }
        ("a-focus-0", "/debug/conferences-full") => Json(json!([{
            "name": "standup@conference.meet.example.org", "seconds": 5, "bridges": [[state.bridge, 2]],
            "participants": [{"id": "romeo", "session": ["s", state.bridge, "active"]}, {"id": "juliet"}],
        }]))
        .into_response(),
        ("b-focus-0", "/debug/conferences-full") => Json(json!([])).into_response(),
        ("a-focus-0", _) => {
            state.orders.push(uri.to_string());
            state.bridge = "bridges-bridge-1";
            Json(json!({"movedEndpoints": 2, "conferences": 1})).into_response()
        }
        _ => (StatusCode::NOT_FOUND, "no such bridge").into_response(),
    }
}
