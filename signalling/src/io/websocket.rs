//! XMPP over WebSocket (RFC 7395).

use super::clock::{self, now};
use super::server::{Shared, Waker};
use crate::connection::{Connection, Ending, Origin, Output};
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::SinkExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp::stream::frame::{self, Frame};
use xmpp::stream::{StreamCondition, StreamError};

/// A write that takes longer means that the peer does not read.
const WRITE_PATIENCE: Duration = Duration::from_secs(20);

/// Serves one socket until its end.
pub(super) async fn serve(shared: Arc<Shared>, mut socket: WebSocket, origin: Origin) {
    let Some((mut connection, waker)) = shared.connection(origin) else {
        let _ = socket
            .send(Message::Close(Some(CloseFrame {
                code: close_code::POLICY,
                reason: "too many connections from your network address".into(),
            })))
            .await;
        return;
    };
    run(&shared, &mut socket, &mut connection, &waker).await;
}

async fn run(shared: &Shared, socket: &mut WebSocket, connection: &mut Connection, waker: &Waker) {
    let mut resume_reading: Option<Instant> = None;
    loop {
        match tokio::time::timeout(WRITE_PATIENCE, write_all(socket, connection)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return,
            Ok(Err(_)) | Err(_) => return connection.handle_end(Ending::Lost, now()),
        }
        let deadline = clock::earlier(connection.poll_timeout(), resume_reading);
        tokio::select! {
            biased;
            () = waker.woken() => {}
            () = shared.stop.cancelled(), if !connection.is_bound() => return,
            message = socket.recv(), if resume_reading.is_none() => {
                match message {
                    Some(Ok(Message::Text(text))) => {
                        connection.handle_bytes(text.len());
                        handle_text(connection, &text);
                        resume_reading = connection.poll_pause(now()).map(clock::after);
                    }
                    Some(Ok(Message::Binary(_))) => {
                        // RFC 7395 §3.2.
                        let error = StreamError::new(StreamCondition::NotWellFormed);
                        connection.handle_bad_input(&error.with_text("binary frames carry no XMPP"));
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Err(error)) if error.to_string().contains("too long") => {
                        let error = StreamError::new(StreamCondition::PolicyViolation);
                        connection.handle_bad_input(&error.with_text("a frame is too long"));
                    }
                    // A socket that closes without <close/> is a broken one: clients come back to resume.
                    Some(Ok(Message::Close(_)) | Err(_)) | None => {
                        return connection.handle_end(Ending::Lost, now());
                    }
                }
            }
            () = clock::sleep_until(deadline) => {
                resume_reading = resume_reading.filter(|at| *at > Instant::now());
                connection.handle_timeout(now());
            }
        }
    }
}

fn handle_text(connection: &mut Connection, text: &str) {
    // Some clients keep the socket alive with white space.
    if text.trim_ascii().is_empty() {
        return;
    }
    match frame::parse(text, &connection.limits()) {
        Ok(Frame::Open(header)) => connection.handle_header(&header, now()),
        Ok(Frame::Close { .. }) => connection.handle_end(Ending::Goodbye, now()),
        Ok(Frame::Element(element)) => connection.handle_element(&element, now()),
        Err(error) => connection.handle_bad_input(&error),
    }
}

/// Sends what is there; whether the socket stays open.
async fn write_all(
    socket: &mut WebSocket,
    connection: &mut Connection,
) -> Result<bool, axum::Error> {
    let mut sent = false;
    while let Some(output) = connection.poll_output(now()) {
        match output {
            Output::Text(text) => {
                socket.feed(Message::Text(text.into())).await?;
                sent = true;
            }
            Output::StartTls => {}
            Output::Close => {
                socket.feed(Message::Close(None)).await?;
                socket.flush().await?;
                return Ok(false);
            }
        }
    }
    if sent {
        socket.flush().await?;
    }
    Ok(true)
}
