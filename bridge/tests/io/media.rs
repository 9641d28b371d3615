//! Media from one peer to another.

use std::time::Duration;

use super::meeting::{Meeting, config};
use super::peer::audio;

#[tokio::test(flavor = "multi_thread")]
async fn what_one_says_the_others_hear_and_nobody_hears_himself() {
    let meeting = Meeting::start(config()).await;
    let mut a = meeting.join("a", true, 1000, false).await;
    let mut b = meeting.join("b", false, 2000, false).await;
    let mut c = meeting.join("c", false, 3000, false).await;
    for n in 0..20_u8 {
        a.peer.send_rtp(audio(1000, u16::from(n), &[n; 80]));
        b.peer.send_rtp(audio(2000, u16::from(n), &[100 + n; 80]));
    }
    for n in 0..20 {
        assert_eq!(b.peer.rtp(1000).await, [n; 80]);
        assert_eq!(a.peer.rtp(2000).await, [100 + n; 80]);
    }
    for n in 0..20 {
        assert_eq!(c.peer.rtp(1000).await, [n; 80]);
    }
    let own = tokio::time::timeout(Duration::from_millis(200), a.peer.rtp(1000));
    assert!(own.await.is_err(), "a hears itself");
    meeting.bridge.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conference_on_both_workers_is_one_conference() {
    let mut config = config();
    config.spill_endpoints = 1;
    let meeting = Meeting::start(config).await;
    let a = meeting.join("a", true, 1000, false).await;
    let mut b = meeting.join("b", false, 2000, false).await;
    let mut c = meeting.join("c", false, 3000, false).await;
    let (_, debug) = meeting.get("/debug?full=true").await;
    let debug: serde_json::Value = serde_json::from_str(&debug).unwrap();
    let conference = debug["conferences"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap();
    let workers: Vec<_> = ["a", "b", "c"]
        .map(|id| conference["endpoints"][id]["worker"].clone())
        .into();
    assert!(
        workers.contains(&0.into()) && workers.contains(&1.into()),
        "{workers:?}"
    );
    for n in 0..50_u8 {
        a.peer.send_rtp(audio(1000, u16::from(n), &[n; 80]));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for n in 0..50 {
        assert_eq!(b.peer.rtp(1000).await, [n; 80]);
        assert_eq!(c.peer.rtp(1000).await, [n; 80]);
    }
    meeting.bridge.shutdown().await;
}
