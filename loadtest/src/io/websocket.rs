//! The WebSocket of signalling (RFC 7395).

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::Uri;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

use super::access::{Access, Stream};
use super::http::shard_of;

/// For the upgrade after the connection is there.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that takes nothing for so long is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that are read at once. All of them are zeroed before each attempt, and there is one for each datagram of media.
const READ_BUFFER: usize = 4_096;

/// A peer that does not close its side for so long is gone.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// An open WebSocket.
pub(super) struct WebSocket(WebSocketStream<Box<dyn Stream>>);

impl WebSocket {
    /// Opens one; also tells the shard that answered.
    pub(super) async fn open(
        access: &Access,
        uri: &Uri,
        at: Option<SocketAddr>,
    ) -> Result<(Self, Option<String>), String> {
        let stream = access.dial(uri, at).await.map_err(|e| e.to_string())?;
        let mut request = uri
            .to_string()
            .into_client_request()
            .map_err(|e| e.to_string())?;
        let protocol = HeaderValue::from_static("xmpp");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let upgrade = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
        let (socket, answer) = tokio::time::timeout(UPGRADE_TIMEOUT, upgrade)
            .await
            .map_err(|_| "no answer to the WebSocket upgrade within 10 s".to_owned())?
            .map_err(|error| match error {
                tungstenite::Error::Http(answer) => {
                    format!(
                        "the WebSocket upgrade was answered with {}",
                        answer.status()
                    )
                }
                error => error.to_string(),
            })?;
        Ok((Self(socket), shard_of(answer.headers())))
    }

    /// The next text; the error says why there are no more.
    pub(super) async fn receive(&mut self) -> Result<String, String> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or_else(
                        || "the server closed the socket".to_owned(),
                        |frame| format!("the server closed the socket: {frame}"),
                    ));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err("the connection ended".to_owned()),
            }
        }
    }

    pub(super) async fn send(&mut self, texts: Vec<String>) -> Result<(), String> {
        let sending = async {
            for text in texts {
                self.0.feed(Message::text(text)).await?;
            }
            self.0.flush().await
        };
        match tokio::time::timeout(SEND_TIMEOUT, sending).await {
            Ok(sent) => sent.map_err(|error: tungstenite::Error| error.to_string()),
            Err(_) => Err("the server takes nothing any more".to_owned()),
        }
    }

    /// Closes it, and hears the other side out: a connection that ends with something unread may take along what was sent
    /// last (RFC 9293 section 3.6.1).
    pub(super) async fn close(mut self) {
        let end = async {
            // Nothing is lost when the other side is gone already.
            let _ = self.0.close(None).await;
            while let Some(Ok(_)) = self.0.next().await {}
        };
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, end).await;
    }
}
