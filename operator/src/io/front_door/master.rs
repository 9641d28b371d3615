//! The command line of HAProxy's master process (HAProxy management guide, section 9.4).

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause between two looks at the processes.
const LOOK: Duration = Duration::from_millis(100);
/// What is younger has read the configuration that lies there now.
const FRESH: Duration = Duration::from_secs(2);

/// Why a configuration is not in use.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// The socket.
    #[error("the master's socket does not answer: {0}")]
    Socket(#[from] io::Error),
    /// HAProxy's own check.
    #[error("HAProxy refuses it")]
    Refused,
    /// No new worker.
    #[error("no new worker is there after {0:?}")]
    Late(Duration),
}

/// The master of a HAProxy.
pub struct Master {
    socket: PathBuf,
}

impl Master {
    /// The one that listens at a socket.
    pub fn new(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }

    /// Whether it can be asked.
    pub async fn answers(&self) -> bool {
        self.processes().await.is_ok()
    }

    /// Whether it has started a moment ago and was never reloaded.
    pub async fn is_fresh(&self) -> bool {
        let processes = self.processes().await;
        processes.is_ok_and(|all| all.reloads == 0 && all.uptime < FRESH)
    }

    /// Has it start workers with the configuration that lies there, and waits for them.
    pub async fn reload(&self, patience: Duration) -> Result<(), ReloadError> {
        // The master replaces itself, and ends this connection without a word.
        self.ask("reload").await?;
        let start = Instant::now();
        loop {
            tokio::time::sleep(LOOK).await;
            match self.processes().await {
                Ok(all) if all.failed => return Err(ReloadError::Refused),
                Ok(all) if all.worker => return Ok(()),
                Ok(_) => {}
                Err(error) if start.elapsed() >= patience => return Err(error.into()),
                Err(_) => {}
            }
            if start.elapsed() >= patience {
                return Err(ReloadError::Late(patience));
            }
        }
    }

    async fn processes(&self) -> io::Result<Processes> {
        let text = self.ask("show proc").await?;
        Processes::parse(&text).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    }

    async fn ask(&self, command: &str) -> io::Result<String> {
        let answer = async {
            let mut socket = UnixStream::connect(&self.socket).await?;
            socket.write_all(format!("{command}\n").as_bytes()).await?;
            let mut text = Vec::new();
            match socket.read_to_end(&mut text).await {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                Err(error) => return Err(error),
            }
            Ok(String::from_utf8_lossy(&text).into_owned())
        };
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(result) => result,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// What `show proc` says.
#[derive(Debug, PartialEq, Eq)]
struct Processes {
    reloads: u32,
    uptime: Duration,
    /// The last reload failed.
    failed: bool,
    /// There is a worker of the latest configuration.
    worker: bool,
}

impl Processes {
    /// A heading, the master, `# workers` and `# old workers`; columns are PID, type, reloads, uptime, version.
    fn parse(text: &str) -> Option<Self> {
        let (master, rest) = text.split_once("# workers")?;
        let master = master
            .lines()
            .find(|line| !line.starts_with('#') && line.contains("master"))?;
        let columns: Vec<&str> = master.split_whitespace().collect();
        let current = rest.split("# old workers").next().unwrap_or_default();
        Some(Self {
            reloads: columns.get(2)?.parse().ok()?,
            uptime: columns.iter().find_map(|column| uptime(column))?,
            failed: master.contains("failed"),
            worker: current.lines().any(|line| line.contains("worker")),
        })
    }
}

/// `0d00h02m07s`.
fn uptime(text: &str) -> Option<Duration> {
    let (days, rest) = text.split_once('d')?;
    let (hours, rest) = rest.split_once('h')?;
    let (minutes, seconds) = rest.split_once('m')?;
    let number = |text: &str| text.parse::<u64>().ok();
    let seconds = number(seconds.strip_suffix('s')?)?;
    let minutes = (number(days)? * 24 + number(hours)?) * 60 + number(minutes)?;
    Some(Duration::from_secs(minutes * 60 + seconds))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const HEADING: &str =
        "#<PID>          <type>          <reloads>       <uptime>        <version>\n";

    #[test]
    fn the_list_of_processes_is_read() {
        let text = format!(
            "{HEADING}1162            master          5               1d02h03m07s     2.6.12\n\
             # workers\n1271            worker          0               0d00h00m00s     2.6.12\n\
             # old workers\n1233            worker          3               0d00h00m43s     2.6.12\n# programs\n\n"
        );
        let processes = Processes::parse(&text).unwrap();
        assert_eq!(processes.reloads, 5);
        assert_eq!(processes.uptime, Duration::from_secs(93_787));
        assert!(processes.worker && !processes.failed);
    }

    #[test]
    fn a_refused_configuration_leaves_only_old_workers() {
        let text = format!(
            "{HEADING}1162            master          2 [failed: 1]   0d00h00m07s     2.6.12\n\
             # workers\n# old workers\n1233            worker          1               0d00h00m43s     2.6.12\n# programs\n\n"
        );
        let processes = Processes::parse(&text).unwrap();
        assert!(processes.failed && !processes.worker);
        assert_eq!(Processes::parse(""), None);
    }
}
