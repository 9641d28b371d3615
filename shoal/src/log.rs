//! Logs to standard error, words for the person at the terminal to standard output.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Logs at `info`, or as `RUST_LOG` says; as JSON when `SHOAL_LOG=json`.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
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
#[allow(clippy::print_stdout, reason = "what the program is asked to print")]
pub fn tell(line: &str) {
    println!("{line}");
}
