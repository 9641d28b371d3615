//! Programs that run in the background, and waiting for what they bring about.

use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// A program of a node.
pub(crate) struct Daemon {
    /// Its name.
    pub title: String,
    /// The process that waits for it.
    pub child: Child,
    /// What it prints.
    pub log: PathBuf,
}

/// Waits until the condition holds; an error when time runs out or one of the programs has ended meanwhile.
pub(super) fn wait_for(
    what: &str,
    patience: Duration,
    daemons: &mut [Daemon],
    mut condition: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    while !condition()? {
        for daemon in daemons.iter_mut() {
            if let Some(status) = daemon.child.try_wait()? {
                bail!(
                    "{} ended with {status} while waiting for {what}; the last it said ({}):\n{}",
                    daemon.title,
                    daemon.log.display(),
                    daemon.last_words()
                );
            }
        }
        if Instant::now() > deadline {
            bail!("gave up after {} s waiting for {what}", patience.as_secs());
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "processes tell nobody when they are ready"
        )]
        thread::sleep(LOOK);
    }
    Ok(())
}

impl Daemon {
    fn last_words(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}
