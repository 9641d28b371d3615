use super::support::{Service, config, get, start, until_get};
use std::time::Duration;

const FRONT_DOOR: &str = "/about/front-door";

#[tokio::test]
async fn new_rooms_are_for_a_shard_with_a_focus_and_a_bridge() {
    let server = start(config()).await;
    let port = server.addresses().tcp.unwrap().port();
    let says = |wanted: u16, part: &'static str| {
        until_get(&server, FRONT_DOOR, move |status, text| {
            status == wanted && text.contains(part)
        })
    };
    says(404, "no focus").await;
    let focus = Service::in_the_brewery(port, "focus").await;
    says(404, "no bridge").await;
    let bridge = Service::in_the_brewery(port, "jvb").await;
    says(200, "OK").await;
    let (_, metrics) = get(&server, "/metrics").await;
    for line in [
        "signalling_focus_connected 1",
        "signalling_bridges 1",
        "signalling_takes_new_meetings 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    bridge.client.close().await;
    says(404, "no bridge").await;
    // Its rooms stay while it comes back, and nobody is sent to a shard without it.
    focus.client.vanish().await;
    says(404, "no focus").await;
    assert_eq!(get(&server, "/about/health").await.0, 200);
}

#[tokio::test]
async fn a_shard_that_returns_counts_as_dead_for_a_while() {
    let mut config = config();
    config.return_after_seconds = Duration::from_secs(2);
    let server = start(config).await;
    let port = server.addresses().tcp.unwrap().port();
    let _focus = Service::in_the_brewery(port, "focus").await;
    let _bridge = Service::in_the_brewery(port, "jvb").await;
    let (status, text) = get(&server, FRONT_DOOR).await;
    assert!(
        status == 503 && text.contains("returns in"),
        "{status} {text}"
    );
    assert_eq!(get(&server, "/about/health").await.0, 200);
    until_get(&server, FRONT_DOOR, |status, _| {
        assert!([200, 503].contains(&status), "{status}");
        status == 200
    })
    .await;
}
