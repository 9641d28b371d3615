//! A GET over HTTP or HTTPS, with a bounded answer.

use axum::body::Body;
use axum::http::{HeaderMap, Request, Uri, header};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// What a URL has.
pub(super) struct Answer {
    pub(super) text: String,
    /// For how long it is good, if the answer says so (RFC 9111 §5.2.2.1).
    pub(super) fresh_for: Option<Duration>,
}

/// Gets `url`. `tls` says whose certificates are believed.
pub(super) async fn get(url: &str, tls: Arc<ClientConfig>, most: usize) -> Result<Answer, String> {
    let uri: Uri = url.parse().map_err(|error| format!("{error}"))?;
    let host = uri.host().ok_or("no host in the URL")?.to_owned();
    let secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let bare_host = host.trim_matches(['[', ']']);
    let socket = TcpStream::connect((bare_host, port))
        .await
        .map_err(|error| error.to_string())?;
    if !secure {
        return exchange(socket, &uri, most).await;
    }
    let name = ServerName::try_from(bare_host.to_owned()).map_err(|error| error.to_string())?;
    let socket = TlsConnector::from(tls).connect(name, socket).await;
    exchange(socket.map_err(|error| error.to_string())?, &uri, most).await
}

async fn exchange<S>(socket: S, uri: &Uri, most: usize) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await;
    let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    // With the port, where it is not the scheme's own (RFC 9110 §7.2).
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    let request = Request::get(path)
        .header(header::HOST, host)
        .header(header::ACCEPT, "*/*")
        .body(Body::empty())
        .map_err(|error| error.to_string())?;
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| error.to_string())?;
    let status = answer.status();
    if !status.is_success() {
        connection.abort();
        return Err(format!("status {status}"));
    }
    let fresh_for = freshness(answer.headers());
    let bytes = axum::body::to_bytes(Body::new(answer.into_body()), most).await;
    connection.abort();
    let bytes = bytes.map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string())?;
    Ok(Answer { text, fresh_for })
}

fn freshness(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(header::CACHE_CONTROL);
    let directives = lines.iter().filter_map(|line| line.to_str().ok());
    let mut directives = directives.flat_map(|line| line.split(',')).map(str::trim);
    directives.find_map(|directive| {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.to_ascii_lowercase().as_str() {
            "max-age" => value
                .trim_matches('"')
                .parse()
                .ok()
                .map(Duration::from_secs),
            "no-cache" | "no-store" => Some(Duration::ZERO),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_answer_says_for_how_long_it_is_good() {
        for (line, seconds) in [
            ("public, max-age=21600, must-revalidate", Some(21_600)),
            ("Max-Age=\"60\"", Some(60)),
            ("no-store", Some(0)),
            ("private", None),
            ("max-age=soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CACHE_CONTROL, line.parse().unwrap());
            assert_eq!(
                freshness(&headers).map(|it| it.as_secs()),
                seconds,
                "{line}"
            );
        }
        assert_eq!(freshness(&HeaderMap::new()), None);
    }
}
