//! What an operator does.

use std::time::Duration;

use bridge::{Bridge, StartError};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::http::request_with;
use super::meeting::{Meeting, config};

async fn json_of(meeting: &Meeting, path: &str) -> Value {
    let (status, body) = meeting.get(path).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_how_it_is() {
    let meeting = Meeting::start(config()).await;
    assert_eq!(meeting.get("/about/health").await, (200, "OK".to_owned()));
    assert_eq!(json_of(&meeting, "/about/version").await["name"], "Shoal");
    meeting.create("a", true).await;
    let stats = json_of(&meeting, "/colibri/stats").await;
    assert_eq!(stats["conferences"], 1);
    assert_eq!(stats["participants"], 1);
    assert_eq!(stats["healthy"], true);
    assert_eq!(stats["graceful_shutdown"], false);
    let (_, metrics) = meeting.get("/metrics").await;
    assert!(
        metrics.contains("bridge_conferences 1") && metrics.contains("jitsi_jvb_conferences 1"),
        "{metrics}"
    );
    meeting.bridge.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_from_elsewhere_need_the_token_and_what_tells_of_health_does_not() {
    let token = "0123456789abcdef0123456789abcdef";
    let file = std::env::temp_dir().join(format!("shoal-bridge-token-{}", std::process::id()));
    std::fs::write(&file, token).unwrap();
    let with_token = bridge::Config {
        private_token_file: Some(file.clone()),
        ..config()
    };
    for (config, closed) in [(config(), 403), (with_token, 401)] {
        let has_token = config.private_token_file.is_some();
        let meeting = Meeting::start(config).await;
        // A proxy here speaks for somebody elsewhere.
        let elsewhere = "X-Forwarded-For: 192.0.2.1\r\n";
        let ask = async |method, path, head: &str| {
            let body = json!({});
            request_with(meeting.private, method, path, head, Some(&body))
                .await
                .0
        };
        for path in [
            "/about/health",
            "/about/version",
            "/metrics",
            "/colibri/stats",
        ] {
            assert_eq!(ask("GET", path, elsewhere).await, 200, "{path}");
        }
        for (method, path) in [
            ("GET", "/debug"),
            ("GET", "/colibri/drain"),
            ("POST", "/colibri/drain/enable"),
            ("POST", "/colibri/shutdown"),
            ("POST", "/colibri/v2/conferences"),
            ("PATCH", "/colibri/v2/conferences/m"),
            (
                "GET",
                "/colibri/v2/conferences/m/dominant-speaker-identification",
            ),
        ] {
            assert_eq!(
                ask(method, path, elsewhere).await,
                closed,
                "{method} {path}"
            );
        }
        let head = format!("{elsewhere}Authorization: Bearer {token}\r\n");
        let opened = if has_token { 200 } else { closed };
        assert_eq!(ask("GET", "/debug", &head).await, opened);
        assert_eq!(ask("GET", "/debug", "").await, 200, "from this machine");
        meeting.bridge.shutdown().await;
    }
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_is_asked_for_and_taken_back() {
    let meeting = Meeting::start(config()).await;
    for (path, drain) in [
        ("/colibri/drain/enable", true),
        ("/colibri/drain/disable", false),
    ] {
        assert_eq!(meeting.post(path, &json!({})).await.0, 200);
        assert_eq!(
            json_of(&meeting, "/colibri/drain").await,
            json!({ "drain": drain })
        );
        assert_eq!(json_of(&meeting, "/colibri/stats").await["drain"], drain);
    }
    meeting.bridge.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_shutdown_keeps_what_runs_refuses_what_is_new_and_ends_with_the_last() {
    let meeting = Meeting::start(config()).await;
    meeting.create("a", true).await;
    let (status, _) = meeting
        .post("/colibri/shutdown", &json!({"graceful-shutdown": "soon"}))
        .await;
    assert_eq!(status, 400);
    // As the script of a Videobridge's package writes it.
    let (status, _) = meeting
        .post("/colibri/shutdown", &json!({"graceful-shutdown": "true"}))
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        json_of(&meeting, "/colibri/stats").await["graceful_shutdown"],
        true
    );
    meeting.create("b", false).await;
    let new = json!({"meeting-id": "n", "create": true});
    let (status, body) = meeting.post("/colibri/v2/conferences", &new).await;
    assert_eq!(status, 503);
    assert!(body.contains("graceful_shutdown"), "{body}");
    assert!(
        timeout(Duration::from_millis(100), meeting.bridge.finished())
            .await
            .is_err()
    );
    meeting.patch(&json!({"expire": true})).await;
    timeout(Duration::from_secs(5), meeting.bridge.finished())
        .await
        .expect("it does not end");
    meeting.bridge.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_over_rest_are_refused_as_over_xmpp() {
    let meeting = Meeting::start(config()).await;
    meeting.create("a", true).await;
    let table = [
        (json!({"endpoints": [{"id": "x"}]}), 404, "unknown_endpoint"),
        (json!({"create": true}), 409, "conference_already_exists"),
        (
            json!({"endpoints": [{"id": "a", "create": true}]}),
            409,
            "unspecified",
        ),
        (
            json!({"endpoints": [{"id": "b", "create": true}]}),
            400,
            "unspecified",
        ),
        (json!({"endpoints": 1}), 400, "unspecified"),
    ];
    for (body, status, reason) in table {
        let (got, answer) = meeting.patch(&body).await;
        assert_eq!(
            (got, &answer["error"]),
            (status, &reason.into()),
            "{body} {answer}"
        );
    }
    for path in ["/colibri/v2/conferences", "/colibri/v2/conferences/m"] {
        assert_eq!(meeting.get(path).await.0, 501);
    }
    meeting.bridge.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn media_is_received_on_this_machines_addresses_which_are_not_without_end() {
    let meeting = Meeting::start(bridge::Config {
        bind_addresses: Vec::new(),
        ..config()
    })
    .await;
    let bound = meeting.bridge.media_addresses();
    assert!(bound.iter().any(|address| address.ip().is_loopback()));
    assert!(
        bound.len() <= bridge::io::addresses::MAX_BOUND + 2,
        "{bound:?}"
    );
    assert!(
        bound
            .iter()
            .all(|address| address.port() == bound[0].port())
    );
    meeting.bridge.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bridges_cannot_take_the_same_port_by_mistake() {
    let meeting = Meeting::start(config()).await;
    let mut second = config();
    second.udp_port = meeting.bridge.media_addresses()[0].port();
    let error = Bridge::start(second, Vec::new())
        .await
        .err()
        .expect("it starts");
    assert!(matches!(error, StartError::Driver(_)));
    assert!(
        error.to_string().contains("taken by another program"),
        "{error}"
    );
    meeting.bridge.shutdown().await;
}
