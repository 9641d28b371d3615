//! The outcomes as a table in Markdown.

use std::fmt::Write;

use crate::model::bridge::CAPACITY;
use crate::model::simulation::Outcome;
use crate::model::traffic::Traffic;

pub(crate) fn of(traffic: &Traffic, outcomes: &[(&str, Outcome)]) -> String {
    let mut text = String::new();
    let (_, first) = &outcomes[0];
    let _ = writeln!(
        text,
        "\n### {}: {} calls, {} participants, {} bridge-hours at the least\n",
        traffic.shape.name,
        first.counts.calls,
        first.counts.joins,
        first.ideal_seconds / 3_600,
    );
    text.push_str(
        "| policy | bridge-hours | × least | calls rejected | participants rejected | cut | moved | most bridges | pods started | fullest bridge | crowd served after |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (name, outcome) in outcomes {
        let counts = &outcome.counts;
        let _ = writeln!(
            text,
            "| {name} | {} | {:.2} | {} | {} | {} | {} | {} | {} | {:.0} % | {} |",
            outcome.bridge_seconds / 3_600,
            outcome.bridge_seconds as f64 / outcome.ideal_seconds as f64,
            counts.calls_rejected,
            counts.joins_rejected,
            counts.cut,
            counts.moved + counts.pushed,
            outcome.most_bridges,
            counts.started,
            counts.fullest as f64 / CAPACITY as f64 * 100.0,
            match outcome.to_capacity {
                Some(seconds) => format!("{seconds} s"),
                None => "—".into(),
            },
        );
    }
    text
}
