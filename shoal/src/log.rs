//! Logs to standard error, words for the person at the terminal to standard output.

use std::io::{IsTerminal, Write};

use tracing_subscriber::EnvFilter;

/// Without `RUST_LOG`. The SCTP library calls it an error when a client aborts its association, as most do when they
/// leave; what is wrong with an association the bridge says itself.
pub const FILTER: &str = "info,sctp_proto=off";

/// Without `RUST_LOG`, where a person waits for an answer and not for a log.
pub const TERSE: &str = "warn";

/// Logs as `filter` says, or as `RUST_LOG` says; as JSON when `SHOAL_LOG=json`.
pub fn init(filter: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if std::env::var("SHOAL_LOG").is_ok_and(|format| format == "json") {
        builder.json().init();
    } else {
        builder.init();
    }
}

/// A line for the person who started the program.
pub fn tell(line: &str) {
    // Whoever reads through a pipe may stop (`… | head`).
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;
    use tracing_subscriber::layer::SubscriberExt as _;

    #[test]
    fn a_client_that_leaves_is_no_error_in_the_log() {
        let subscriber = tracing_subscriber::registry().with(EnvFilter::new(FILTER));
        tracing::subscriber::with_default(subscriber, || {
            assert!(!tracing::enabled!(target: "sctp_proto::association", Level::ERROR));
            assert!(tracing::enabled!(target: "bridge::shard", Level::INFO));
        });
    }
}
