//! Datagrams from strangers.

use std::time::Duration;

use tokio::net::UdpSocket;

use super::meeting::{Meeting, config};
use super::peer::audio;

/// The value of a metric.
async fn metric(meeting: &Meeting, name: &str) -> f64 {
    let (status, text) = meeting.get("/metrics").await;
    assert_eq!(status, 200);
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.rsplit(' ').next());
    value
        .unwrap_or_else(|| panic!("no {name} in\n{text}"))
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_of_strangers_are_counted_and_disturb_nobody() {
    let meeting = Meeting::start(config()).await;
    let a = meeting.join("a", true, 1000, false).await;
    let mut b = meeting.join("b", false, 2000, false).await;
    let to = meeting.bridge.media_addresses()[0];
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut stun = vec![0, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42];
    stun.extend([9; 12]);
    stun.extend([0, 6, 0, 8]);
    stun.extend(b"abc:defg");
    let dtls = [
        &[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4][..],
        &[1, 2, 3, 4],
    ]
    .concat();
    let bodies = [
        stun,
        dtls,
        audio(1000, 1, &[1; 80]),
        vec![0x80],
        vec![],
        vec![255; 1400],
        vec![0; 20],
    ];
    for _ in 0..100 {
        for body in &bodies {
            stranger.send_to(body, to).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for n in 0..20_u8 {
        a.peer.send_rtp(audio(1000, u16::from(n), &[n; 80]));
    }
    for n in 0..20 {
        assert_eq!(b.peer.rtp(1000).await, [n; 80]);
    }
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let mut dropped = 0.0;
    for reason in ["unknown_address", "unknown_ufrag", "not_demultiplexed"] {
        let count = metric(
            &meeting,
            &format!("bridge_packets_dropped_total{{reason=\"{reason}\"}}"),
        )
        .await;
        assert!(count >= 100.0, "{reason}: {count}");
        dropped += count;
    }
    assert!(dropped >= 600.0, "{dropped}");
    assert_eq!(metric(&meeting, "bridge_worker_failures_total").await, 0.0);
    assert_eq!(metric(&meeting, "bridge_endpoints ").await, 2.0);
    meeting.bridge.shutdown().await;
}
