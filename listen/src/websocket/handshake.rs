//! The opening handshake (RFC 6455 §4.2).

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::upgrade::OnUpgrade;
use sha1::{Digest, Sha1};

/// RFC 6455 §1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A request that asks for a WebSocket.
pub struct Upgrade {
    /// The socket, once [`Upgrade::response`] has been sent.
    pub socket: OnUpgrade,
    /// What to answer.
    pub response: Response<Body>,
}

/// Takes a request that asks for a WebSocket. `protocol` is spoken to whoever offers it, and to whoever offers none.
///
/// # Errors
/// The answer, when the request asks wrongly; `None`, when it asks for something else.
pub fn upgrade(
    request: &mut Request<Body>,
    protocol: &'static str,
) -> Result<Upgrade, Option<Box<Response<Body>>>> {
    let headers = request.headers();
    let asks = request.method() == Method::GET
        && has(headers, header::CONNECTION, "upgrade")
        && has(headers, header::UPGRADE, "websocket");
    if !asks {
        return Err(None);
    }
    if !has(headers, header::SEC_WEBSOCKET_VERSION, "13") {
        let answer = (
            StatusCode::UPGRADE_REQUIRED,
            [(header::SEC_WEBSOCKET_VERSION, "13")],
        );
        return Err(Some(Box::new(answer.into_response())));
    }
    let bad = |text: &'static str| {
        let answer = (StatusCode::BAD_REQUEST, text).into_response();
        Err(Some(Box::new(answer)))
    };
    let Some(accept) = headers.get(header::SEC_WEBSOCKET_KEY).and_then(accept) else {
        return bad("Sec-WebSocket-Key is missing, or not 16 bytes in Base64\n");
    };
    let offered = has(headers, header::SEC_WEBSOCKET_PROTOCOL, protocol);
    let Some(socket) = request.extensions_mut().remove::<OnUpgrade>() else {
        return bad("this connection cannot become a WebSocket\n");
    };
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let answer = response.headers_mut();
    answer.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    answer.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if offered {
        let protocol = HeaderValue::from_static(protocol);
        answer.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    Ok(Upgrade { socket, response })
}

/// Whether a header, which is a list, names `wanted`.
fn has(headers: &HeaderMap, name: header::HeaderName, wanted: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|one| one.trim().eq_ignore_ascii_case(wanted))
}

fn accept(key: &HeaderValue) -> Option<HeaderValue> {
    let key = key.to_str().ok()?.trim();
    STANDARD.decode(key).ok().filter(|key| key.len() == 16)?;
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    HeaderValue::from_str(&STANDARD.encode(digest)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_rfc_has_the_answer_of_the_rfc() {
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        let wanted = HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(accept(&key), Some(wanted));
        assert_eq!(accept(&HeaderValue::from_static("c2hvcnQ=")), None);
    }
}
