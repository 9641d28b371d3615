//! `shoal loadtest`: meetings of scripted participants.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use hyper::Uri;
use loadtest::plan::{Arrival, HEIGHTS};
use loadtest::{Access, Group, Plan, Progress, Trust, duration, scenario};
use tokio_util::sync::CancellationToken;

use crate::log;

/// Sockets that a participant has open at a time: signalling, media on two addresses, and a request.
const SOCKETS: u64 = 4;

/// What to run, and what to do with the report. Nothing is connected to but the service at `--url`
/// and the bridges that it names.
#[derive(Args)]
pub(crate) struct Options {
    /// Address of the meeting page
    #[arg(long, value_name = "URL")]
    pub url: Uri,
    /// TOML file with the rooms, people and their arrival, instead of the flags for one kind of room
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rooms", "participants", "senders", "height", "duration", "ramp", "no_media", "break_before_make"])]
    pub scenario: Option<PathBuf>,
    /// Rooms to open
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub rooms: usize,
    /// Participants of each room
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    pub participants: usize,
    /// How many of each room send sound and picture
    #[arg(long, value_name = "NUMBER", default_value = "all", value_parser = senders)]
    pub senders: Senders,
    /// Height of the pictures that each asks for: 180, 360 or 720
    #[arg(long, value_name = "PIXELS", default_value_t = HEIGHTS[2])]
    pub height: u16,
    /// How long the meetings last, from the last participant's start: `90s`, `1500ms`, `10m`
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration::parse)]
    pub duration: Duration,
    /// Over how long the starts are spread; `0s`: all at one instant
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration::parse)]
    pub ramp: Duration,
    /// End a media session before the next one begins, as stock clients do when they are moved
    #[arg(long)]
    pub break_before_make: bool,
    /// How the rooms' names begin; a number follows
    #[arg(long, value_name = "TEXT", default_value = "load-")]
    pub room_prefix: String,
    /// Connect here, whatever the URL's host points to: an IP address or a name, of which all
    /// addresses count. Where there are several, the participants of a room take turns
    #[arg(long, value_name = "HOST:PORT")]
    pub connect: Vec<String>,
    /// Accept any certificate
    #[arg(long, conflicts_with = "ca")]
    pub insecure: bool,
    /// PEM file with the authorities, or the certificate itself, to believe
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Only walk into the rooms; joined is who sees all the others there
    #[arg(long)]
    pub no_media: bool,
    /// Write the report (JSON) here [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write a page with plots here
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Go on until Ctrl-C or SIGTERM, whatever the duration
    #[arg(long)]
    pub until_signal: bool,
}

/// How many of a room send; `None`: all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Senders(Option<usize>);

/// Runs it. An error when anybody noticed anything that should not have been.
pub(crate) async fn run(options: Options, stop: CancellationToken) -> anyhow::Result<()> {
    let trust = match &options.ca {
        _ if options.insecure => Trust::Anybody,
        None => Trust::Public,
        Some(path) => Trust::Pem(
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        ),
    };
    let plan = Plan {
        groups: groups(&options)?,
        room_prefix: options.room_prefix,
        connect: resolve(&options.connect).await?,
        until_signal: options.until_signal,
        ..Plan::new(options.url)
    };
    let files = Files {
        report: options.report,
        html: options.html,
    };
    hold(&plan, &trust, &files, stop).await
}

/// Where the report goes besides standard error.
#[derive(Default)]
pub(crate) struct Files {
    /// JSON; `None`: standard output.
    pub report: Option<PathBuf>,
    /// The page with plots.
    pub html: Option<PathBuf>,
}

/// Runs a plan and tells what came of it. An error when anybody noticed anything that should not have
/// been.
pub(crate) async fn hold(
    plan: &Plan,
    trust: &Trust,
    files: &Files,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let people = plan.seats().len() as u64;
    let limit = listen::descriptors::limit();
    if people * SOCKETS > limit {
        note(&format!(
            "{people} participants need about {} open files, and the limit is {limit}: what they notice may be this machine's \
             fault; raise it (ulimit -n, LimitNOFILE)",
            people * SOCKETS
        ));
    }
    let access = Access::new(trust).context("the certificates of --ca cannot be used")?;
    let last = std::cell::Cell::new(Progress::default());
    let tell = |progress: Progress| note(&words(&progress, &last.replace(progress)));
    let report = loadtest::run(plan, &access, stop, tell).await?;
    let write = |path: &PathBuf, text: String| {
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    match &files.report {
        None => log::tell(&report.to_json()),
        Some(path) => write(path, report.to_json() + "\n")?,
    }
    if let Some(path) = &files.html {
        write(path, report.to_html())?;
    }
    note(&report.to_string());
    anyhow::ensure!(report.ok, "the load test has failed, see above");
    Ok(())
}

/// The rooms of the scenario file, or of the flags.
fn groups(options: &Options) -> anyhow::Result<Vec<Group>> {
    let Some(path) = &options.scenario else {
        return Ok(vec![Group {
            rooms: options.rooms,
            participants: options.participants,
            senders: options.senders.0,
            height: options.height,
            media: !options.no_media,
            arrival: Arrival::Ramp(options.ramp),
            duration: options.duration,
            break_before_make: options.break_before_make,
            ..Group::default()
        }]);
    };
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    scenario::parse(&text).with_context(|| format!("scenario {}", path.display()))
}

/// The addresses of front doors.
pub(crate) async fn resolve(doors: &[String]) -> anyhow::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for door in doors {
        let found = tokio::net::lookup_host(door)
            .await
            .with_context(|| format!("--connect {door}: write HOST:PORT"))?;
        for address in found {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    Ok(addresses)
}

/// A line on standard error: standard output has the report.
fn note(line: &str) {
    // When standard error is closed, nobody reads it.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn words(now: &Progress, before: &Progress) -> String {
    let Progress {
        passed,
        in_room,
        well,
        of,
        gaps,
        cut,
        received_bytes,
        ..
    } = now;
    let time = passed
        .saturating_sub(before.passed)
        .as_secs_f64()
        .max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let bits = received_bytes.saturating_sub(before.received_bytes) as f64 * 8.0;
    format!(
        "{} s: {in_room} of {of} are in their room, {well} of them are well, {gaps} gaps, {cut} cut off, {:.1} Mbit/s received",
        passed.as_secs(),
        bits / time / 1e6,
    )
}

fn senders(text: &str) -> Result<Senders, String> {
    if text == "all" {
        return Ok(Senders(None));
    }
    let number = text.parse();
    number
        .map(|number| Senders(Some(number)))
        .map_err(|_| "write a number, or `all`".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_scenario_takes_the_place_of_the_flags_for_rooms() {
        use clap::Parser;
        let parse = |more: &[&str]| {
            let start = [
                "shoal",
                "loadtest",
                "--url",
                "http://localhost",
                "--scenario",
                "x.toml",
            ];
            crate::cli::Cli::try_parse_from(start.iter().chain(more)).err()
        };
        assert!(parse(&[]).is_none());
        let error = parse(&["--rooms", "2"]).unwrap().to_string();
        assert!(
            error.contains("--scenario") && error.contains("--rooms"),
            "{error}"
        );
    }

    #[test]
    fn progress_tells_what_came_since_the_last_word() {
        let before = Progress {
            passed: Duration::from_secs(1),
            received_bytes: 1_000_000,
            ..Progress::default()
        };
        let now = Progress {
            passed: Duration::from_secs(3),
            received_bytes: 2_000_000,
            in_room: 4,
            well: 3,
            of: 5,
            gaps: 2,
            cut: 1,
            ..before
        };
        assert_eq!(
            words(&now, &before),
            "3 s: 4 of 5 are in their room, 3 of them are well, 2 gaps, 1 cut off, 4.0 Mbit/s received"
        );
    }

    #[test]
    fn all_or_some_send() {
        assert_eq!(senders("all").unwrap(), Senders(None));
        assert_eq!(senders("2").unwrap(), Senders(Some(2)));
        assert!(senders("some").is_err());
    }

    #[tokio::test]
    async fn front_doors_are_named_by_address_or_name() {
        let doors = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let found = resolve(&doors(&["192.0.2.1:8443", "localhost:1", "192.0.2.1:8443"])).await;
        let found = found.unwrap();
        assert_eq!(found[0], SocketAddr::from(([192, 0, 2, 1], 8443)));
        assert!(found[1..].iter().all(|door| door.ip().is_loopback()));
        assert!(found.len() > 1);
        let error = resolve(&doors(&["192.0.2.1"])).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("--connect 192.0.2.1: write HOST:PORT")
        );
    }

    #[test]
    fn nothing_is_tested_unless_its_address_is_given() {
        use clap::Parser;
        let error = crate::cli::Cli::try_parse_from(["shoal", "loadtest"]);
        assert!(error.err().unwrap().to_string().contains("--url"));
    }
}
