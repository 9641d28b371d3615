//! HTTP requests, each on a connection of its own: a browser's requests may go through any front
//! door too.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{HeaderMap, Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use xmpp::conference::{ConferenceAnswer, ConferenceRequest};

use super::access::Access;
use crate::service::with_query;

/// The focus joins the room before it answers.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Larger than any answer that is meant for a client.
const MAX_BODY: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub shard: Option<String>,
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The network failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The other side does not speak HTTP, or stopped in between.
    #[error("{0}")]
    Http(#[from] hyper::Error),
    /// The address cannot be asked.
    #[error("{0}")]
    Request(#[from] hyper::http::Error),
    /// It takes too long.
    #[error("no answer within 20 s")]
    TimedOut,
    /// More than a client is ever told.
    #[error("the answer is longer than 256 KB")]
    TooLong,
    /// An answer that is not what was asked for.
    #[error("HTTP {status}: {}", text.chars().take(200).collect::<String>())]
    Refused {
        /// As the server answered.
        status: StatusCode,
        /// Its body.
        text: String,
    },
    /// An answer that makes no sense.
    #[error("the answer is not what it should be: {0}")]
    Json(#[from] serde_json::Error),
}

pub(super) async fn get(
    access: &Access,
    uri: &Uri,
    at: Option<SocketAddr>,
) -> Result<Answer, HttpError> {
    ask(access, Method::GET, uri, at, String::new()).await
}

/// Asks for a conference.
pub(super) async fn request_conference(
    access: &Access,
    uri: &Uri,
    at: Option<SocketAddr>,
    room: &str,
    request: &ConferenceRequest,
) -> Result<(ConferenceAnswer, Option<String>), HttpError> {
    let uri = with_query(uri, "room", room);
    let body = serde_json::to_string(request)?;
    let answer = ask(access, Method::POST, &uri, at, body).await?;
    if answer.status != StatusCode::OK {
        return Err(HttpError::Refused {
            status: answer.status,
            text: answer.body,
        });
    }
    Ok((serde_json::from_str(&answer.body)?, answer.shard))
}

async fn ask(
    access: &Access,
    method: Method,
    uri: &Uri,
    at: Option<SocketAddr>,
    body: String,
) -> Result<Answer, HttpError> {
    tokio::time::timeout(TIMEOUT, exchange(access, method, uri, at, body))
        .await
        .unwrap_or(Err(HttpError::TimedOut))
}

async fn exchange(
    access: &Access,
    method: Method,
    uri: &Uri,
    at: Option<SocketAddr>,
    body: String,
) -> Result<Answer, HttpError> {
    let stream = access.dial(uri, at).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, host)
        .header(USER_AGENT, "shoal-loadtest");
    if !body.is_empty() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let request = request.body(body)?;
    let answering = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let shard = shard_of(response.headers());
        let body = read(response.into_body()).await?;
        Ok(Answer {
            status,
            shard,
            body,
        })
    };
    tokio::pin!(answering);
    let answer = tokio::select! {
        answer = &mut answering => return answer,
        ended = connection => ended,
    };
    // The other side closed; what it said before is still there.
    answer?;
    answering.await
}

async fn read(mut body: Incoming) -> Result<String, HttpError> {
    let mut bytes = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await
    {
        if let Ok(data) = frame?.into_data() {
            if bytes.len() + data.len() > MAX_BODY {
                return Err(HttpError::TooLong);
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The shard that answered.
pub(super) fn shard_of(headers: &HeaderMap) -> Option<String> {
    let shard = headers.get("x-jitsi-shard")?.to_str().ok()?;
    (!shard.is_empty()).then(|| shard.to_owned())
}
