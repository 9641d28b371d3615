//! The command line of HAProxy's master process (management guide, "Master CLI").

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout};

/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked whether new workers run.
const LOOK: Duration = Duration::from_millis(100);
/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// Why HAProxy does not use the new configuration.
#[derive(Debug, Error)]
pub(super) enum ReloadError {
    /// The master does not answer.
    #[error("the master does not answer at {path:?}: {error}")]
    Silent {
        /// Its socket.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// It could not start workers with it.
    #[error("the configuration is refused")]
    Refused,
    /// No new worker was seen.
    #[error("no new worker started in {} s", .0.as_secs())]
    Late(Duration),
}

/// The state of the processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Processes {
    /// Reloads of the master since its start.
    reloads: u64,
    /// Of these, how many failed in a row, the last included.
    failed: u64,
    /// Whether a worker runs that has seen no reload.
    new_worker: bool,
}

/// The master process.
pub(super) struct Master {
    socket: PathBuf,
}

impl Master {
    pub(crate) fn new(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }

    /// Whether it answers.
    pub(crate) async fn answers(&self) -> bool {
        matches!(self.processes().await, Ok(Some(_)))
    }

    /// Reloads, and waits until new workers run.
    pub(crate) async fn reload(&self, patience: Duration) -> Result<(), ReloadError> {
        let silent = |error| ReloadError::Silent {
            path: self.socket.clone(),
            error,
        };
        let before = self.processes().await.map_err(silent)?.unwrap_or_default();
        self.command("reload").await.map_err(silent)?;
        let end = Instant::now() + patience;
        while Instant::now() < end {
            // The master starts itself anew and is away for a moment.
            if let Ok(Some(after)) = self.processes().await
                && after.reloads > before.reloads
            {
                if after.failed > 0 {
                    return Err(ReloadError::Refused);
                }
                if after.new_worker {
                    return Ok(());
                }
            }
            sleep(LOOK).await;
        }
        Err(ReloadError::Late(patience))
    }

    async fn processes(&self) -> std::io::Result<Option<Processes>> {
        let answer = self.command("show proc").await?;
        Ok(parse(&answer))
    }

    async fn command(&self, command: &str) -> std::io::Result<String> {
        let exchange = async {
            let mut stream = UnixStream::connect(&self.socket).await?;
            stream.write_all(format!("{command}\n").as_bytes()).await?;
            // The master answers, and closes, when it knows that no more commands come.
            stream.shutdown().await?;
            let mut answer = Vec::new();
            match stream.take(MAX_ANSWER).read_to_end(&mut answer).await {
                // A reload closes all connections.
                Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => Err(error),
                _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
            }
        };
        timeout(PATIENCE, exchange)
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
    }
}

/// Reads `show proc`.
fn parse(answer: &str) -> Option<Processes> {
    let mut found = None;
    let mut new_worker = false;
    for line in answer.lines() {
        let mut words = line.split_whitespace();
        let (_pid, kind) = (words.next(), words.next());
        let reloads = words.next().and_then(|word| word.parse::<u64>().ok());
        match (kind, reloads) {
            (Some("master"), Some(reloads)) => {
                let failed = line.split_once("[failed:").and_then(|(_, rest)| {
                    let (number, _) = rest.split_once(']')?;
                    number.trim().parse().ok()
                });
                found = Some(Processes {
                    reloads,
                    failed: failed.unwrap_or(0),
                    new_worker: false,
                });
            }
            (Some("worker"), Some(0)) => new_worker = true,
            _ => {}
        }
    }
    found.map(|found| Processes {
        new_worker,
        ..found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processes_are_read_as_haproxy_writes_them() {
        let answer = "#<PID>          <type>          <reloads>       <uptime>        <version>      \n\
            14523           master          2 [failed: 1]   0d00h00m02s     2.6.12-1+deb12u4\n\
            # workers\n14547           worker          1               0d00h00m02s     2.6.12-1+deb12u4\n# programs\n\n";
        let expected = Processes {
            reloads: 2,
            failed: 1,
            new_worker: false,
        };
        assert_eq!(parse(answer), Some(expected));
        let fresh =
            "1 master 0 [failed: 0] 0d00h00m00s 3.0.1\n# workers\n8 worker 0 0d00h00m00s 3.0.1\n";
        assert!(parse(fresh).is_some_and(|found| found.new_worker && found.failed == 0));
        assert_eq!(parse("Unknown command"), None);
    }
}
