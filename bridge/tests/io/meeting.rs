//! A bridge with a meeting on it, commanded over REST.

use std::net::SocketAddr;

use bridge::{Bridge, Config};
use serde_json::{Value, json};

use super::http;
use super::peer::{Peer, Running};

pub(crate) struct Meeting {
    pub bridge: Bridge,
    pub private: SocketAddr,
    pub public: SocketAddr,
}

/// An endpoint in the meeting.
pub(crate) struct Member {
    pub peer: Running,
}

pub(crate) fn config() -> Config {
    let mut config = Config {
        udp_port: 0,
        bind_addresses: vec!["127.0.0.1".parse().unwrap()],
        workers: 2,
        private_http: Some("127.0.0.1:0".parse().unwrap()),
        public_http: Some("127.0.0.1:0".parse().unwrap()),
        ..Config::default()
    };
    config.websocket.base_urls = vec!["ws://front.door".into()];
    config.websocket.server_id = "bridge-0".into();
    config
}

impl Meeting {
    pub(crate) async fn start(config: Config) -> Self {
        let bridge = Bridge::start(config, Vec::new()).await.unwrap();
        let http = bridge.http_addresses();
        Self {
            private: http.private.unwrap(),
            public: http.public.unwrap(),
            bridge,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        http::request(self.private, "GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, String) {
        http::request(self.private, "POST", path, Some(body)).await
    }

    pub(crate) async fn patch(&self, body: &Value) -> (u16, Value) {
        let (status, answer) = http::request(
            self.private,
            "PATCH",
            "/colibri/v2/conferences/m",
            Some(body),
        )
        .await;
        (status, serde_json::from_str(&answer).unwrap())
    }

    /// Creates endpoint `id` (and the meeting, with the first one) and returns the answer about it.
    pub(crate) async fn create(&self, id: &str, first: bool) -> Value {
        let extension = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
        let mut body = json!({
            "meeting-id": "m",
            "endpoints": [{
                "id": id, "create": true,
                "medias": [{
                    "type": "audio",
                    "payload-types": [{"id": 111, "name": "opus", "clockrate": 48000, "channels": 2}],
                    "rtp-hdrexts": [{"id": 1, "uri": extension}],
                }],
                "transport": {"ice-controlling": true, "sctp": {}},
                "capabilities": ["source-names"],
            }],
        });
        let answer = if first {
            body["create"] = true.into();
            let (status, answer) = self.post("/colibri/v2/conferences", &body).await;
            assert_eq!(status, 200, "{answer}");
            serde_json::from_str(&answer).unwrap()
        } else {
            let (status, answer) = self.patch(&body).await;
            assert_eq!(status, 200, "{answer}");
            answer
        };
        answer["endpoints"][0].clone()
    }

    /// An endpoint that is connected and announces one audio source.
    pub(crate) async fn join(&self, id: &str, first: bool, ssrc: u32, sctp: bool) -> Member {
        let answer = self.create(id, first).await;
        let peer = Peer::new().await;
        let source = format!("{id}-a0");
        let (status, told) = self
            .patch(&json!({"endpoints": [{
                "id": id,
                "transport": peer.transport(),
                "sources": [{"type": "audio", "id": source, "sources": [{"ssrc": ssrc, "name": source}]}],
            }]}))
            .await;
        assert_eq!(status, 200, "{told}");
        let mut peer = peer.start(&answer["transport"], sctp);
        peer.connected().await;
        Member { peer }
    }
}

/// Path and query of the bridge channel in an answer.
pub(crate) fn channel_path(answer: &Value) -> String {
    let url = answer["transport"]["transport"]["web-sockets"][0]
        .as_str()
        .unwrap();
    url.strip_prefix("ws://front.door").unwrap().to_owned()
}
