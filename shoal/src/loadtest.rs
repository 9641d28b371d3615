//! `shoal loadtest`: meetings of scripted participants.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use hyper::Uri;
use loadtest::{Access, Plan, Progress, Trust};
use tokio_util::sync::CancellationToken;

use crate::log;

/// What to run, and what to do with the report. Nothing is connected to but the service at `--url`
/// and the bridges that it names.
#[derive(Args)]
pub struct Options {
    /// Address of the meeting page
    #[arg(long, value_name = "URL")]
    pub url: Uri,
    /// Rooms to open
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub rooms: usize,
    /// Participants of each room
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    pub participants: usize,
    /// How many of each room send sound and picture
    #[arg(long, value_name = "NUMBER", default_value = "all", value_parser = senders)]
    pub senders: Senders,
    /// How long the meetings last, from the last participant's start: `90s`, `1500ms`, `10m`
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = time)]
    pub duration: Duration,
    /// Over how long the starts are spread; `0s`: all at one instant
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = time)]
    pub ramp: Duration,
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
    /// Go on until Ctrl-C or SIGTERM, whatever the duration
    #[arg(long)]
    pub until_signal: bool,
}

/// How many of a room send; `None`: all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Senders(Option<usize>);

impl Senders {
    /// Everybody sends.
    pub const ALL: Self = Self(None);
}

/// Runs it. An error when anybody noticed anything that should not have been.
pub async fn run(options: Options, stop: CancellationToken) -> anyhow::Result<()> {
    let trust = match &options.ca {
        _ if options.insecure => Trust::Anybody,
        None => Trust::Public,
        Some(path) => Trust::Pem(
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        ),
    };
    let access = Access::new(&trust).context("the certificates of --ca cannot be used")?;
    let plan = Plan {
        rooms: options.rooms,
        participants: options.participants,
        senders: options.senders.0,
        duration: options.duration,
        ramp: options.ramp,
        room_prefix: options.room_prefix,
        connect: resolve(&options.connect).await?,
        media: !options.no_media,
        until_signal: options.until_signal,
        ..Plan::new(options.url)
    };
    let report = loadtest::run(&plan, &access, stop, |progress| note(&words(&progress))).await?;
    match &options.report {
        None => log::tell(&report.to_json()),
        Some(path) => std::fs::write(path, report.to_json() + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?,
    }
    note(&report.to_string());
    anyhow::ensure!(report.ok, "the load test has failed, see above");
    Ok(())
}

/// The addresses of front doors.
async fn resolve(doors: &[String]) -> anyhow::Result<Vec<SocketAddr>> {
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

fn words(progress: &Progress) -> String {
    let Progress {
        passed,
        in_room,
        well,
        of,
        datagrams,
    } = progress;
    format!(
        "{} s: {in_room} of {of} are in their room, {well} of them are well, {datagrams} datagrams of media received",
        passed.as_secs()
    )
}

fn senders(text: &str) -> Result<Senders, String> {
    if text == "all" {
        return Ok(Senders::ALL);
    }
    let number = text.parse();
    number
        .map(|number| Senders(Some(number)))
        .map_err(|_| "write a number, or `all`".to_owned())
}

/// `90s`, `1500ms`, `10m`, `2h`.
pub fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits
        .parse()
        .map_err(|_| format!("`{text}` is no time: write 90s, 1500ms, 10m or 2h"))?;
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        other => return Err(format!("`{other}` is no unit of time: write ms, s, m or h")),
    };
    Ok(Duration::from_millis(number.saturating_mul(unit)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(time("1500ms").unwrap(), Duration::from_millis(1500));
        assert_eq!(time("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(time("10m").unwrap(), Duration::from_secs(600));
        assert!(time("90").unwrap_err().contains("unit"));
        assert!(time("soon").unwrap_err().contains("90s"));
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
