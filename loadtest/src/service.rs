//! What a client learns of its service from the page's `config.json`.

use hyper::Uri;
use serde::Deserialize;

/// Names and addresses of a meeting service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// XMPP domain that guests log in to.
    pub domain: String,
    /// Domain of the rooms.
    pub muc: String,
    /// WebSocket of signalling; scheme `ws` or `wss`.
    pub websocket: Uri,
    /// Where the conference is asked for.
    pub conference_request: Uri,
    /// Cheap GET that tells which shard answers.
    pub keep_alive: Option<Uri>,
}

/// Why a `config.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Not JSON, or without a name that is needed.
    #[error("config.json of the meeting page: {0}")]
    Json(#[from] serde_json::Error),
    /// An address in it is none.
    #[error("config.json of the meeting page: {key} is no address: {value}")]
    Address {
        /// Which.
        key: &'static str,
        /// What it says.
        value: String,
    },
    /// The service does not take conference requests over HTTP.
    #[error(
        "config.json of the meeting page has no conferenceRequestUrl, and the load test asks for \
         conferences over HTTP only"
    )]
    NoConferenceRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    domain: String,
    muc: String,
    websocket_url: String,
    conference_request_url: Option<String>,
    keep_alive_url: Option<String>,
}

impl Service {
    /// Reads a `config.json`; addresses in it may be relative to `page`.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub fn read(json: &str, page: &Uri) -> Result<Self, ServiceError> {
        let file: File = serde_json::from_str(json)?;
        let resolve = |key: &'static str, value: &str| {
            resolve(page, value).ok_or_else(|| ServiceError::Address {
                key,
                value: value.to_owned(),
            })
        };
        let request = file
            .conference_request_url
            .as_deref()
            .ok_or(ServiceError::NoConferenceRequest)?;
        Ok(Self {
            domain: file.domain,
            muc: file.muc,
            websocket: as_websocket(resolve("websocketUrl", &file.websocket_url)?),
            conference_request: resolve("conferenceRequestUrl", request)?,
            keep_alive: match &file.keep_alive_url {
                Some(url) => Some(resolve("keepAliveUrl", url)?),
                None => None,
            },
        })
    }
}

/// The address of `config.json`.
pub fn config_url(page: &Uri) -> Option<Uri> {
    resolve(page, "/config.json")
}

/// An address as seen from the page: absolute, or a path of the page's origin.
fn resolve(page: &Uri, text: &str) -> Option<Uri> {
    if text.contains("://") {
        return text.parse().ok().filter(|uri: &Uri| uri.host().is_some());
    }
    Uri::builder()
        .scheme(page.scheme_str()?)
        .authority(page.authority()?.as_str())
        .path_and_query(format!("/{}", text.trim_start_matches('/')))
        .build()
        .ok()
}

fn as_websocket(uri: Uri) -> Uri {
    let scheme = match uri.scheme_str() {
        Some("https" | "wss") => "wss",
        _ => "ws",
    };
    let mut parts = uri.into_parts();
    parts.scheme = scheme.parse().ok();
    Uri::from_parts(parts).expect("invariant: only the scheme of a whole address changed")
}

/// The address with a query parameter added. `value` is percent-encoded.
pub fn with_query(uri: &Uri, name: &str, value: &str) -> Uri {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let separator = if path.contains('?') { '&' } else { '?' };
    let path = format!("{path}{separator}{name}={}", percent_encode(value));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = path.parse().ok();
    Uri::from_parts(parts).expect("invariant: percent-encoded text is part of any address")
}

/// Everything but the unreserved characters of RFC 3986 §2.3 in `%XX`.
fn percent_encode(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const RELATIVE: &str = r#"{"domain":"meet.shoal","muc":"muc.meet.shoal","focus":"f","lastN":-1,
        "websocketUrl":"/xmpp-websocket","conferenceRequestUrl":"/conference-request/v1","keepAliveUrl":"/_unlock"}"#;

    #[test]
    fn addresses_are_those_of_the_page_unless_they_are_whole() {
        let page: Uri = "https://meet.example.org:8443/room".parse().unwrap();
        let service = Service::read(RELATIVE, &page).unwrap();
        let origin = "meet.example.org:8443";
        assert_eq!(
            service.websocket.to_string(),
            format!("wss://{origin}/xmpp-websocket")
        );
        assert_eq!(
            service.conference_request.to_string(),
            format!("https://{origin}/conference-request/v1")
        );
        let absolute = RELATIVE.replace("/xmpp-websocket", "ws://other:1/x?y=z");
        let service = Service::read(&absolute, &page).unwrap();
        assert_eq!(service.websocket.to_string(), "ws://other:1/x?y=z");
    }

    #[test]
    fn what_is_missing_is_named() {
        let page: Uri = "http://localhost".parse().unwrap();
        let error = |json: &str| Service::read(json, &page).unwrap_err().to_string();
        assert!(error("{}").contains("domain"));
        assert!(error(&RELATIVE.replace("conferenceRequestUrl", "x")).contains("HTTP only"));
        assert!(error(&RELATIVE.replace("/_unlock", "http://")).contains("keepAliveUrl"));
    }

    #[test]
    fn a_query_is_added_to_one_that_is_there() {
        let uri: Uri = "ws://h/x".parse().unwrap();
        let once = with_query(&uri, "room", "a b/ö");
        assert_eq!(once.to_string(), "ws://h/x?room=a%20b%2F%C3%B6");
        assert_eq!(
            with_query(&once, "previd", "1").to_string(),
            "ws://h/x?room=a%20b%2F%C3%B6&previd=1"
        );
    }
}
