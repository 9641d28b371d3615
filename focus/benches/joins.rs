//! Joins per CPU-second of the focus's core: request, presence, discovery, endpoint, offer, accept and
//! update of each participant. Clients, room and bridge are stand-ins whose own time does not count;
//! parsing and writing of XML text are not part of it either.
//!
//! Run with `cargo bench -p shoal-focus`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that prints its result"
)]
#![allow(missing_docs, reason = "not a library")]

#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../tests/behaviour/world.rs"]
mod world;

use std::time::Duration;

use world::{Level, World};

/// CPU time of this thread: other load on the machine does not count.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// What looking at the clock costs by itself.
fn clock_cost() -> Duration {
    let begun = cpu_time();
    let times = 20_000;
    for _ in 0..times {
        std::hint::black_box(cpu_time());
    }
    (cpu_time() - begun) / times
}

/// Everybody joins and accepts; returns the time that the focus took.
fn meeting(participants: u32, level: Level, clock: Duration) -> Duration {
    let mut world = World::new();
    world.bridge("jvb1");
    world.clock = cpu_time;
    (world.spent, world.handled) = (Duration::ZERO, 0);
    for n in 0..participants {
        let nick = format!("p{n:04}");
        world.join(&nick, level);
        if n == 1 {
            world.accept("p0000", 1000);
        }
        if n > 0 {
            world.accept(&nick, 1000 + 100 * n);
        }
    }
    assert_eq!(world.endpoints("jvb1").len(), participants as usize);
    world.spent.saturating_sub(clock * world.handled)
}

fn report(name: &str, rooms: u32, participants: u32, level: Level, clock: Duration) {
    let spent: Duration = (0..rooms)
        .map(|_| meeting(participants, level, clock))
        .sum();
    let joins = f64::from(rooms * participants);
    let each = spent.as_secs_f64() / joins;
    println!(
        "{name:<36} {joins:>6} joins  {:>8.1} µs of CPU each  {:>9.0} joins/CPU-s",
        each * 1e6,
        1.0 / each
    );
}

fn main() {
    let clock = clock_cost();
    report("warm-up", 20, 3, Level::Current, clock);
    report("rooms of 3, SSRC rewriting", 300, 3, Level::Current, clock);
    report("rooms of 3, sources in JSON", 300, 3, Level::Json, clock);
    report(
        "one room of 300, SSRC rewriting",
        1,
        300,
        Level::Current,
        clock,
    );
    report(
        "one room of 300, sources in JSON",
        1,
        300,
        Level::Json,
        clock,
    );
}
