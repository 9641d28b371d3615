//! What a whole server costs: processor time per forwarded packet, latency, memory, of several servers in turns, seen by one
//! neutral client that counts all packets.

#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

mod connection;
mod fleet;
mod incoming;
mod outgoing;
mod process;
mod server;
mod shape;
mod table;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use media::dtls::Certificate;

use fleet::Fleet;
use server::{Kind, Server, Setting};
use shape::{SHAPES, Shape};
use table::Row;

/// How long connecting and the climb of estimates may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    /// Only rows whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// The servers, in this order in each round
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "floor,shoal,janus,livekit"
    )]
    servers: Vec<Kind>,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often each server is started and measured for a row; the best counts
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Address of this machine that servers and clients use; Janus takes none that is loopback
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// The binary of Shoal
    #[arg(long, default_value = "target/release/shoal")]
    shoal: PathBuf,
    /// Workers of Shoal; 0 for one per core
    #[arg(long, default_value_t = 0)]
    workers: usize,
    /// The binary of LiveKit's server
    #[arg(long, default_value = "livekit")]
    livekit: PathBuf,
}

#[derive(Subcommand)]
enum Part {
    /// The process that only receives, opens, seals and sends
    #[command(hide = true)]
    Floor { shape: String, address: IpAddr },
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    if let Some(Part::Floor { shape, address }) = &cli.part {
        return server::floor::run(shape, *address);
    }
    let certificate = Certificate::generate()?;
    let chosen = |shape: &&Shape| {
        cli.only
            .as_ref()
            .is_none_or(|only| shape.name.contains(only.as_str()))
    };
    table::head();
    for shape in SHAPES.iter().filter(chosen) {
        let mut rows: Vec<(Kind, Option<Row>)> =
            cli.servers.iter().map(|kind| (*kind, None)).collect();
        for _ in 0..cli.rounds {
            for (kind, best) in &mut rows {
                let row = measure(&cli, *kind, shape, &certificate)
                    .with_context(|| format!("{}, {}", kind.name(), shape.name))?;
                if best
                    .as_ref()
                    .is_none_or(|best| row.cpu_per_packet < best.cpu_per_packet)
                {
                    *best = Some(row);
                }
            }
        }
        table::print(shape, &rows);
    }
    Ok(())
}

/// Starts a server, brings everybody in, waits until all media flows, and measures.
fn measure(cli: &Cli, kind: Kind, shape: &Shape, certificate: &Certificate) -> anyhow::Result<Row> {
    let folder = tempfile::tempdir()?;
    let setting = Setting {
        shape,
        certificate,
        shoal: &cli.shoal,
        workers: cli.workers,
        livekit: &cli.livekit,
        address: cli.address,
        folder: folder.path().to_owned(),
    };
    let mut server = kind.start(&setting)?;
    let mut fleet = Fleet::new()?;
    let idle_memory = server.process().memory()?;
    let before_joins = server.process().cpu()?;
    let seats = shape.seats();
    for seat in &seats {
        server.join(seat, &mut fleet)?;
    }
    until(&mut *server, &mut fleet, "all connect", |fleet| {
        Ok(fleet.is_connected())
    })?;
    for seat in &seats {
        server.subscribe(seat, &mut fleet)?;
    }
    until(
        &mut *server,
        &mut fleet,
        "all subscribers connect",
        |fleet| Ok(fleet.is_connected()),
    )?;
    let join_cpu = (server.process().cpu()? - before_joins) / seats.len() as u32;
    // Estimates climb until everything that is sent is forwarded.
    let wanted = shape.forwarded_rate() * 0.5 * 0.98;
    until(&mut *server, &mut fleet, "all media flows", |fleet| {
        Ok(fleet.measure(Duration::from_millis(500))?.received as f64 >= wanted)
    })?;
    fleet.measure(Duration::from_secs(2))?;
    server.keep(&mut fleet)?;
    let (idle, all) = process::machine()?;
    let before = server.process().cpu()?;
    let length = Duration::from_secs(cli.seconds);
    let counts = fleet.measure(length)?;
    let spent = server.process().cpu()? - before;
    let (idle_after, all_after) = process::machine()?;
    let memory = server.process().memory()?.saturating_sub(idle_memory) / seats.len() as u64;
    let expected = shape.forwarded_rate() * length.as_secs_f64();
    Ok(Row {
        cpu_per_packet: spent.as_secs_f64() * 1e6 / counts.received as f64,
        received_share: counts.received as f64 / expected,
        idle_share: (idle_after - idle) as f64 / (all_after - all).max(1) as f64,
        counts,
        memory,
        join_cpu,
    })
}

/// Drives both sides until `done`.
fn until(
    server: &mut dyn Server,
    fleet: &mut Fleet,
    what: &str,
    mut done: impl FnMut(&mut Fleet) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !done(fleet)? {
        if Instant::now() > deadline {
            bail!("{what}: not within {PATIENCE:?}");
        }
        fleet.turn()?;
        server.keep(fleet)?;
    }
    Ok(())
}
