//! Logs to standard error, words for the person at the terminal to standard output.

use std::io::{IsTerminal, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format;

/// Without `RUST_LOG`. The SCTP library calls it an error when a client aborts its association, as most do when they
/// leave; what is wrong with an association the bridge says itself.
pub(crate) const FILTER: &str = "info,sctp_proto=off";

/// Without `RUST_LOG`, where a person waits for an answer and not for a log.
pub(crate) const TERSE: &str = "warn";

/// Logs as `filter` says, or as `RUST_LOG` says; as JSON when `SHOAL_LOG=json`.
pub(crate) fn init(filter: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if std::env::var("SHOAL_LOG").is_ok_and(|format| format == "json") {
        builder.json().init();
    } else {
        builder.fmt_fields(fields()).init();
    }
}

/// Fields as text. Many of them are foreign: names, reasons, user agents. Whatever they hold, a line stays one line, and a
/// terminal is told nothing by it.
fn fields() -> impl for<'writer> FormatFields<'writer> + 'static {
    format::debug_fn(|writer, field, value| {
        let text = escape(&format!("{value:?}"));
        match field.name() {
            "message" => write!(writer, "{text}"),
            name => write!(writer, "{name}={text}"),
        }
    })
    .delimited(" ")
}

/// Writes control characters, and those that turn the direction of text, as Rust writes them.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        let hidden = character.is_control()
            || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}');
        if hidden {
            escaped.extend(character.escape_debug());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Lines for the person who started the program. Some of what they hold is foreign, such as names of rooms.
pub(crate) fn tell(line: &str) {
    // Whoever reads through a pipe may stop (`… | head`).
    let lines: Vec<_> = line.split('\n').map(escape).collect();
    let _ = writeln!(std::io::stdout(), "{}", lines.join("\n"));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use tracing::Level;
    use tracing_subscriber::layer::SubscriberExt as _;

    /// What is logged in `act`, as text.
    fn logged(act: impl FnOnce()) -> String {
        #[derive(Clone, Default)]
        struct Kept(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl Write for Kept {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .fmt_fields(fields())
            .finish();
        tracing::subscriber::with_default(subscriber, act);
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn foreign_text_stays_in_its_line_and_tells_a_terminal_nothing() {
        let foreign = "x\n2026-01-01T00:00:00Z ERROR forged\r\u{1b}[31m\u{9b}2J\u{202e}\u{7}é";
        let text = logged(|| {
            let error = std::io::Error::other(foreign);
            tracing::info!(nick = %foreign, reason = foreign, %error, "said {foreign}");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let hidden = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(hidden), "{text:?}");
        assert!(
            text.contains("nick=x\\n2026") && text.contains('é'),
            "{text}"
        );
    }

    #[test]
    fn a_line_without_foreign_text_looks_as_ever() {
        let text =
            logged(|| tracing::warn!(room = %"maths", count = 3, reason = "two words", "a line"));
        assert!(
            text.ends_with("a line room=maths count=3 reason=\"two words\"\n"),
            "{text}"
        );
    }

    #[test]
    fn a_client_that_leaves_is_no_error_in_the_log() {
        let subscriber = tracing_subscriber::registry().with(EnvFilter::new(FILTER));
        tracing::subscriber::with_default(subscriber, || {
            assert!(!tracing::enabled!(target: "sctp_proto::association", Level::ERROR));
            assert!(tracing::enabled!(target: "bridge::shard", Level::INFO));
        });
    }
}
