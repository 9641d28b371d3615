//! A crowd joins one conference of a whole bridge, so many people a second: sockets, Colibri2 over
//! REST, ICE, DTLS, data channels, each with a microphone and a camera signalled and last-N 25.
//!
//! Prints what a join costs the bridge's threads as the conference grows, what the endpoints cost
//! them afterwards, and whether all were connected and the health check passed throughout. The
//! clients are in the same process, on threads that are not counted.
//!
//! `cargo bench -p shoal-bridge --bench crowd [-- ENDPOINTS JOINS_PER_SECOND]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and panics when its premises do not hold"
)]

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

#[allow(dead_code, reason = "shared with the tests")]
#[path = "../tests/io/http.rs"]
mod http;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../tests/io/meeting.rs"]
mod meeting;
#[allow(dead_code, reason = "shared with the tests")]
#[path = "../tests/io/peer.rs"]
mod peer;

use meeting::Meeting;
use peer::{Peer, Running, Seen};

/// Names of the bridge's threads begin so.
const BRIDGE: [&str; 2] = ["media-", "control"];
/// A row is printed for so many joins.
const ROW: usize = 100;
/// After which nobody is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const WANTS: &str = r#"{"colibriClass":"ReceiverVideoConstraints","lastN":25,"defaultConstraints":{"maxHeight":180}}"#;

fn main() {
    let mut numbers = std::env::args().filter_map(|a| a.parse::<usize>().ok());
    let crowd = numbers.next().unwrap_or(1_000);
    let rate = numbers.next().unwrap_or(50);
    let (serving, playing) = (runtime("control"), runtime("players"));
    let bridge = serving.block_on(Meeting::start(meeting::config()));
    let bridge = Arc::new(bridge);
    playing.block_on(join_all(&bridge, crowd, rate));
    let bridge = Arc::into_inner(bridge).unwrap();
    serving.block_on(bridge.bridge.shutdown());
}

async fn join_all(bridge: &Arc<Meeting>, crowd: usize, rate: usize) {
    println!("{crowd} people join one conference, {rate} a second");
    println!(
        "{:>10} {:>16} {:>18} {:>12}",
        "endpoints", "CPU of a join ms", "connected within s", "health"
    );
    let begun = Instant::now();
    let mut connected = Vec::new();
    let mut spent = cpu_of_bridge();
    let mut joining = Vec::new();
    for n in 0..crowd {
        tokio::time::sleep_until((begun + Duration::from_secs(1) * n as u32 / rate as u32).into())
            .await;
        if n == 0 {
            connected.push(join(bridge.clone(), n).await);
        } else {
            joining.push(tokio::spawn(join(bridge.clone(), n)));
        }
        if (n + 1) % ROW == 0 || n + 1 == crowd {
            for join in joining.drain(..) {
                connected.push(join.await.unwrap());
            }
            let took = connected.iter().rev().take(ROW).filter_map(|c| c.as_ref());
            let slowest = took.map(|(_, took)| *took).max().unwrap_or_default();
            let now = cpu_of_bridge();
            let (health, _) = bridge.get("/about/health").await;
            println!(
                "{:>10} {:>16.2} {:>18.2} {health:>12}",
                n + 1,
                (now - spent).as_secs_f64() * 1e3 / ROW as f64,
                slowest.as_secs_f64(),
            );
            spent = now;
        }
    }
    let there = connected.iter().flatten().count();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (rests, spent) = (Instant::now(), cpu_of_bridge());
    tokio::time::sleep(Duration::from_secs(10)).await;
    let idle = (cpu_of_bridge() - spent).as_secs_f64() * 1e6 / rests.elapsed().as_secs_f64();
    let (health, _) = bridge.get("/about/health").await;
    let lost = crowd - there;
    println!("{there} connected, {lost} lost, health {health}");
    println!(
        "an endpoint that sends nothing: {:.0} us of CPU a second",
        idle / crowd as f64
    );
    assert_eq!(
        (lost, health),
        (0, 200),
        "all connect, and the bridge is well"
    );
}

/// One joins: what keeps it there, and how long it took; `None` when it did not connect.
async fn join(bridge: Arc<Meeting>, n: usize) -> Option<(Running, Duration)> {
    let begun = Instant::now();
    let id = format!("e{n}");
    let answer = create(&bridge, &id, n == 0).await;
    let peer = Peer::new().await;
    let (status, told) = bridge
        .patch(&json!({"endpoints": [{
            "id": id, "transport": peer.transport(), "sources": sources(n),
        }]}))
        .await;
    assert_eq!(status, 200, "{told}");
    let mut peer = peer.start(&answer["transport"], true);
    let opened = peer.see_within(PATIENCE, |seen| (seen == Seen::ChannelOpen).then_some(()));
    opened.await?;
    peer.send_text(WANTS);
    Some((peer, begun.elapsed()))
}

async fn create(bridge: &Meeting, id: &str, first: bool) -> Value {
    let feedback = |kind: &str| json!({"type": "nack", "subtype": kind});
    let mut body = json!({
        "meeting-id": "m",
        "endpoints": [{
            "id": id, "create": true,
            "medias": [{
                "type": "audio",
                "payload-types": [{"id": 111, "name": "opus", "clockrate": 48000, "channels": 2}],
                "rtp-hdrexts": [{"id": 1, "uri": "urn:ietf:params:rtp-hdrext:ssrc-audio-level"}],
            }, {
                "type": "video",
                "payload-types": [
                    {"id": 100, "name": "VP8", "clockrate": 90000, "rtcp-fbs": [feedback("pli")]},
                    {"id": 96, "name": "rtx", "clockrate": 90000, "parameters": {"apt": "100"}},
                ],
            }],
            "transport": {"ice-controlling": true, "sctp": {}},
            "capabilities": ["source-names", "ssrc-rewriting"],
        }],
    });
    if first {
        body["create"] = true.into();
        let (status, answer) = bridge.post("/colibri/v2/conferences", &body).await;
        assert_eq!(status, 200, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        return answer["endpoints"][0].clone();
    }
    let (status, answer) = bridge.patch(&body).await;
    assert_eq!(status, 200, "{answer}");
    answer["endpoints"][0].clone()
}

fn sources(n: usize) -> Value {
    let first = 1_000 + n * 10;
    let camera: Vec<_> = (first + 1..first + 7).collect();
    let (audio, video) = (format!("e{n}-a0"), format!("e{n}-v0"));
    let each = camera
        .iter()
        .map(|ssrc| json!({"ssrc": ssrc, "name": video}));
    json!([
        {"type": "audio", "id": audio, "sources": [{"ssrc": first, "name": audio}]},
        {
            "type": "video", "id": video, "sources": each.collect::<Vec<_>>(),
            "ssrc-groups": [
                {"semantics": "SIM", "sources": [camera[0], camera[2], camera[4]]},
                {"semantics": "FID", "sources": [camera[0], camera[1]]},
                {"semantics": "FID", "sources": [camera[2], camera[3]]},
                {"semantics": "FID", "sources": [camera[4], camera[5]]},
            ],
        },
    ])
}

fn runtime(name: &str) -> Runtime {
    Builder::new_multi_thread()
        .thread_name(name)
        .enable_all()
        .build()
        .unwrap()
}

/// CPU time that the bridge's threads have used so far.
fn cpu_of_bridge() -> Duration {
    let mut used = 0;
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        // A thread may end meanwhile.
        let read = |file: &str| fs::read_to_string(task.join(file)).unwrap_or_default();
        let name = read("comm");
        if BRIDGE.iter().any(|bridge| name.starts_with(bridge)) {
            let schedstat = read("schedstat");
            let spent = schedstat.split(' ').next();
            let spent = spent.and_then(|nanos| nanos.parse::<u64>().ok());
            used += spent.unwrap_or_default();
        }
    }
    Duration::from_nanos(used)
}
