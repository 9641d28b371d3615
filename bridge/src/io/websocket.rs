//! Bridge channels over WebSocket (RFC 6455): `/colibri-ws/SERVERID/CONFID/ENDPOINTID?pwd=…`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use tokio::time::MissedTickBehavior;

use super::channels::{Channel, Close};
use super::control::Control;
use super::pace::Pace;
use crate::colibri::{ChannelRefusal, ChannelTarget};

/// A client that takes nothing for this long is gone.
const SEND_PATIENCE: Duration = Duration::from_secs(10);

/// The public interface: bridge channels, and nothing else.
pub(crate) fn router(control: Arc<Control>) -> Router {
    Router::new()
        .route("/colibri-ws/{server}/{conference}/{endpoint}", get(upgrade))
        .with_state(control)
}

#[derive(Deserialize)]
struct Password {
    #[serde(default)]
    pwd: String,
}

async fn upgrade(
    State(control): State<Arc<Control>>,
    Path((server, conference, endpoint)): Path<(String, String, String)>,
    Query(Password { pwd }): Query<Password>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let target = match control.channel_target(&server, &conference, &endpoint, &pwd) {
        Ok(target) => target,
        Err(ChannelRefusal::WrongServer) => return StatusCode::NOT_FOUND.into_response(),
        Err(ChannelRefusal::Forbidden) => {
            tracing::debug!(%conference, %endpoint, "bridge channel refused: no such endpoint, or wrong password");
            return StatusCode::FORBIDDEN.into_response();
        }
    };
    let limit = control.config.limits.channel_message_bytes;
    match upgrade {
        Ok(upgrade) => upgrade
            .max_message_size(limit)
            .max_frame_size(limit)
            .on_upgrade(move |socket| serve(control, target, socket)),
        Err(rejection) => rejection.into_response(),
    }
}

async fn serve(control: Arc<Control>, target: ChannelTarget, mut socket: WebSocket) {
    let Some(mut channel) = control.open_channel(target) else {
        close(&mut socket, Close::EndpointClosed).await;
        return;
    };
    let why = converse(&control, target, &mut socket, &mut channel).await;
    control.channel_closed(target, channel.id);
    if let Some(why) = why {
        close(&mut socket, why).await;
    }
}

/// Carries messages both ways; returns why this side ends it, or `None` when the client did.
async fn converse(
    control: &Control,
    target: ChannelTarget,
    socket: &mut WebSocket,
    channel: &mut Channel,
) -> Option<Close> {
    let expiry = &control.config.expiry;
    let idle = Duration::from_secs(expiry.channel_idle_seconds.max(1));
    let mut ping = tokio::time::interval(Duration::from_secs(expiry.channel_ping_seconds.max(1)));
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    let mut heard = Instant::now();
    let mut pace = Pace::new(heard);
    loop {
        let next = pace.poll_timeout();
        tokio::select! {
            biased;
            why = &mut channel.close => return why.ok(),
            message = next_message(socket, next) => {
                heard = Instant::now();
                if let Some(Ok(message)) = &message {
                    pace.handle_message(size(message), heard);
                }
                match message {
                    Some(Ok(Message::Text(text))) => control.channel_text(target, text.as_str().to_owned()),
                    // The client's pings are answered by the library.
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => {}
                    Some(Ok(Message::Close(_))) | None => return None,
                    Some(Err(error)) => {
                        tracing::debug!(%error, endpoint = target.endpoint.0, "bridge channel broke");
                        return None;
                    }
                }
            }
            text = channel.texts.recv() => {
                // The queue ends only together with `close`, which is looked at first.
                let Some(text) = text else { continue };
                send(socket, Message::Text((&*text).into())).await?;
                control.channels.sent.fetch_add(1, Ordering::Relaxed);
            }
            _ = ping.tick() => {
                if heard.elapsed() >= idle {
                    tracing::debug!(endpoint = target.endpoint.0, "bridge channel silent for too long");
                    return None;
                }
                send(socket, Message::Ping(Vec::new().into())).await?;
            }
        }
    }
}

/// The next message, not before `at`.
async fn next_message(socket: &mut WebSocket, at: Instant) -> Option<Result<Message, axum::Error>> {
    if at > Instant::now() {
        tokio::time::sleep_until(at.into()).await;
    }
    socket.recv().await
}

fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}

/// `None`: the socket takes nothing any more.
async fn send(socket: &mut WebSocket, message: Message) -> Option<()> {
    tokio::time::timeout(SEND_PATIENCE, socket.send(message))
        .await
        .ok()?
        .ok()
}

async fn close(socket: &mut WebSocket, why: Close) {
    let (code, reason) = why.frame();
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    if send(socket, Message::Close(Some(frame))).await.is_none() {
        return;
    }
    // The client's close frame ends the connection cleanly (RFC 6455 section 7.1.1); one that does not send it is not waited for.
    let end = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = tokio::time::timeout(Duration::from_secs(1), end).await;
}
