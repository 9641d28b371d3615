//! Timed stages, run in order until one fails.

use std::time::{Duration, Instant};

use anyhow::Context;

/// A named step of a task.
pub(crate) struct Stage {
    /// Name for `--only` and `--skip`.
    pub name: &'static str,
    /// What it shows, in a few words.
    pub about: &'static str,
    /// The step itself.
    pub run: fn() -> anyhow::Result<()>,
}

/// Runs the stages and prints the time of each, also when one fails.
pub(crate) fn run(stages: &[&Stage]) -> anyhow::Result<()> {
    let mut times: Vec<(&str, Duration)> = Vec::new();
    let mut outcome = Ok(());
    for stage in stages {
        say(&format!("== {} · {}", stage.name, stage.about));
        let start = Instant::now();
        outcome = (stage.run)().with_context(|| {
            format!(
                "stage `{0}` failed; run it alone with `cargo xtask test --only {0}`",
                stage.name
            )
        });
        times.push((stage.name, start.elapsed()));
        if outcome.is_err() {
            break;
        }
    }
    say("== times");
    for (name, time) in &times {
        say(&format!("{name:<16} {:>7.1} s", time.as_secs_f64()));
    }
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    say(&format!("{:<16} {:>7.1} s", "total", total.as_secs_f64()));
    outcome
}

/// Prints a line for the person who runs the task.
#[allow(clippy::print_stdout, reason = "a task's output is its purpose")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
