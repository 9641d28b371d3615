//! How many participants one core carries: CPU time of the threads that play them, in meetings on a whole service
//! in the same process and on loopback.
//!
//! Who sends, sends sound and all three sizes; everybody asks for 720 lines. The service's threads are not counted;
//! of what the kernel does, loopback charges delivery to whoever sends.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and panics when its premises do not hold"
)]

use std::fs;
use std::time::{Duration, Instant};

use loadtest::{Access, Group, Plan, Progress, Trust};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[allow(
    dead_code,
    clippy::disallowed_methods,
    reason = "shared with the tests"
)]
#[path = "../tests/meeting/service.rs"]
mod service;

use service::Service;

/// Name of the threads that play participants.
const PLAYERS: &str = "players";
/// Bandwidth estimates have risen by then.
const WARM: Duration = Duration::from_secs(12);
const MEASURE: Duration = Duration::from_secs(15);

/// One row of the table: rooms, people in each, and how many of those send.
const SHAPES: [(usize, usize, usize); 2] = [(15, 2, 2), (5, 6, 3)];

fn main() {
    println!("CPU of the load test, of one core; traffic and CPU are of one participant");
    println!(
        "{:<34} {:>9} {:>9} {:>10} {:>9} {:>9}",
        "", "Mbit/s out", "Mbit/s in", "packets in", "CPU ms/s", "per core"
    );
    for (rooms, people, senders) in SHAPES {
        measure(rooms, people, senders);
    }
}

fn measure(rooms: usize, people: usize, senders: usize) {
    let serving = runtime("service");
    let playing = runtime(PLAYERS);
    let (service, _bridge) = serving.block_on(async {
        let service = Service::start().await;
        let bridge = service.add_bridge().await;
        (service, bridge)
    });
    let plan = Plan {
        groups: vec![Group {
            rooms,
            participants: people,
            senders: Some(senders),
            ..Group::default()
        }],
        until_signal: true,
        progress_every: Duration::from_millis(100),
        ..Plan::new(format!("http://{}", service.address).parse().unwrap())
    };
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let (tell, mut told) = watch::channel(Progress::default());
    let run = playing.spawn(async move {
        let access = Access::new(&Trust::Public).unwrap();
        let tell = |progress| {
            tell.send_replace(progress);
        };
        loadtest::run(&plan, &access, stopped, tell).await.unwrap()
    });
    let of = rooms * people;
    let (before, after) = serving.block_on(async {
        let all_well = told.wait_for(|now| now.well == of);
        let limit = Duration::from_secs(60);
        tokio::time::timeout(limit, all_well)
            .await
            .expect("everybody connects")
            .unwrap();
        tokio::time::sleep(WARM).await;
        let before = Moment::take(*told.borrow());
        tokio::time::sleep(MEASURE).await;
        (before, Moment::take(*told.borrow()))
    });
    stop.cancel();
    let report = serving.block_on(run).unwrap();
    assert!(report.ok, "{report}");
    let share = (after.at - before.at).as_secs_f64() * of as f64;
    let each = |before: u64, after: u64| (after - before) as f64 / share;
    let (then, now) = (before.progress, after.progress);
    let cpu = (after.cpu - before.cpu).as_secs_f64() / share;
    println!(
        "{:<34} {:>10.2} {:>9.2} {:>10.0} {:>9.2} {:>9.0}",
        format!("{rooms} rooms of {people}, {senders} of each send"),
        each(then.sent_bytes, now.sent_bytes) * 8e-6,
        each(then.received_bytes, now.received_bytes) * 8e-6,
        each(then.datagrams, now.datagrams),
        cpu * 1e3,
        1.0 / cpu,
    );
    playing.shutdown_timeout(Duration::from_secs(5));
    serving.shutdown_timeout(Duration::from_secs(5));
}

fn runtime(name: &str) -> Runtime {
    Builder::new_multi_thread()
        .thread_name(name)
        .enable_all()
        .build()
        .unwrap()
}

/// How far the run was.
struct Moment {
    at: Instant,
    cpu: Duration,
    progress: Progress,
}

impl Moment {
    fn take(progress: Progress) -> Self {
        Self {
            at: Instant::now(),
            cpu: cpu_of_players(),
            progress,
        }
    }
}

/// CPU time that the threads with the players' name have used so far.
fn cpu_of_players() -> Duration {
    let mut used = 0;
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        // A thread may end meanwhile.
        let read = |file: &str| fs::read_to_string(task.join(file)).unwrap_or_default();
        if read("comm").trim() == PLAYERS {
            let schedstat = read("schedstat");
            let spent = schedstat
                .split(' ')
                .next()
                .and_then(|word| word.parse::<u64>().ok());
            used += spent.unwrap_or_default();
        }
    }
    Duration::from_nanos(used)
}
