//! `config.json`: what the page needs to know of the service.

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

/// The names of the service as the page uses them.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Names {
    /// XMPP domain that guests log in to.
    pub domain: String,
    /// Domain of the rooms.
    pub muc: String,
    /// Address that answers the conference request.
    pub focus: String,
    /// WebSocket of the signalling part; may be relative to the page.
    pub websocket_url: String,
    /// Cheap GET that tells which shard answers; relative to the page.
    pub keep_alive_url: String,
    /// HTTP form of the conference request; `None` makes the page use XMPP.
    pub conference_request_url: Option<String>,
}

impl Names {
    /// The names that a signalling server with this configuration has.
    pub(crate) fn of(signalling: &signalling::Config) -> Self {
        let domain = &signalling.domain;
        let name = |set: &Option<String>, default: &str| {
            set.clone().unwrap_or_else(|| format!("{default}.{domain}"))
        };
        Self {
            domain: domain.clone(),
            muc: name(&signalling.muc_domain, "muc"),
            focus: name(&signalling.focus_domain, "focus"),
            websocket_url: "/xmpp-websocket".into(),
            keep_alive_url: "/_unlock".into(),
            conference_request_url: Some("/conference-request/v1".into()),
        }
    }
}

/// The answer to `GET /config.json`.
#[derive(Debug, Clone)]
pub(crate) struct PageConfig(Map<String, Value>);

impl PageConfig {
    /// The service's names, with `extra` laid over them.
    pub(crate) fn new(names: &Names, extra: &Map<String, Value>) -> Self {
        let mut page = match serde_json::to_value(names) {
            Ok(Value::Object(page)) => page,
            _ => unreachable!("a struct of strings serialises to an object"),
        };
        page.extend(extra.clone());
        Self(page)
    }

    /// Every text in it that might be a URL.
    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        self.0.values().filter_map(Value::as_str)
    }

    /// As a response that is never cached.
    pub(crate) async fn respond(self) -> Response {
        ([(header::CACHE_CONTROL, "no-store")], Json(self.0)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_file_sets_wins_over_the_names() {
        let names = Names {
            domain: "meet.shoal".into(),
            muc: "muc.meet.shoal".into(),
            focus: "focus.meet.shoal".into(),
            websocket_url: "/xmpp-websocket".into(),
            keep_alive_url: "/_unlock".into(),
            conference_request_url: None,
        };
        let mut extra = Map::new();
        extra.insert("lastN".into(), 5.into());
        extra.insert("websocketUrl".into(), "wss://other/xmpp".into());
        let page = PageConfig::new(&names, &extra).0;
        assert_eq!(page["websocketUrl"], "wss://other/xmpp");
        assert_eq!(page["lastN"], 5);
        assert_eq!(page["muc"], "muc.meet.shoal");
    }
}
