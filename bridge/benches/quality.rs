//! What receivers behind weak links have of a call: `cargo xtask bench quality`.
//!
//! Each row is a call of two minutes of virtual time, the same one each time. What is in bold misses
//! its goal (`docs/quality.md`).

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

#[path = "quality/lab.rs"]
mod lab;

use lab::rows::table;

fn main() {
    let (flags, filter): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|a| a.starts_with('-'));
    let trace = flags.iter().any(|flag| flag == "--trace");
    println!(
        "| link | sent kbit/s | used % | queue p95 ms | overflow % | 180p / 360p / 720p % | fps | \
         freezes (longest s) | switches/min | audio lost % | 720p after s | else | missed |"
    );
    println!("|{}", " --- |".repeat(13));
    for mut row in table() {
        row.trace = trace;
        if !filter.is_empty() && !filter.iter().any(|f| row.name.contains(f.as_str())) {
            continue;
        }
        let outcome = row.outcome(1);
        let f = &outcome.figures;
        let [low, middle, high] = f.layers.map(|share| share * 100.0);
        let mut other = Vec::new();
        other.extend(outcome.unfair.map(|unfair| format!("{unfair:.2} : 1")));
        if let Some((queue, back)) = outcome.steps {
            let back = back.map_or("never".to_owned(), |s| format!("{s:.1} s"));
            other.push(format!(
                "queue {queue:.0} ms 2 s after the step down, back after {back}"
            ));
        }
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.1} | {low:.0} / {middle:.0} / {high:.0} | {:.0} | {} ({:.1}) | {:.1} | {:.2} | {} | {} | {} |",
            row.name,
            f.sent_kbps,
            outcome.used * 100.0,
            f.queue_p95,
            f.overflow,
            f.fps,
            f.freezes,
            f.longest_freeze,
            outcome.switches,
            f.audio_lost,
            f.to_720.map_or("never".to_owned(), |t| format!("{t:.1}")),
            other.join(", "),
            row.missed(&outcome).join(", "),
        );
    }
}
