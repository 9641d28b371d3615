//! The report as one page for people: figures, plots as inline SVG, and those who had the worst of it.
//! It loads nothing from anywhere.

mod plot;

use std::fmt::Write;

use crate::report::{Cause, Gap, ParticipantReport, Report, Sample};
use plot::{Mark, Plot, Scale, Series};

/// Gaps that are drawn: the longest.
const MOST_GAPS: usize = 4_000;
/// Participants in the table.
const MOST_ROWS: usize = 30;

const STYLE: &str = "
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 0 .25rem }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
.well { color: #1b7f4d } .bad { color: #b3261e }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid #e3e7ec; vertical-align: top }
th { font-weight: 600; color: #55606e }
svg { width: 100%; height: auto; display: block }
svg text { font: 12px system-ui, sans-serif; fill: #55606e }
.legend span { margin-right: 1.25rem } .legend i { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%; margin-right: .35rem }
p.none { color: #55606e }
";

/// The whole page.
pub(crate) fn page(report: &Report) -> String {
    let verdict = if report.ok {
        "<p class=well>All well.</p>"
    } else {
        "<p class=bad>Not well.</p>"
    };
    let mut out = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Load test</title><style>{STYLE}</style><h1>Load test</h1>{verdict}"
    );
    out += &figures(report);
    out += "<h2>Participants over time</h2>";
    out += &over_time(&report.timeline);
    out += "<h2>Media received</h2>";
    out += &received(&report.timeline);
    out += "<h2>How long it took to join</h2>";
    out += &joins(&report.participants);
    out += "<h2>Gaps in media</h2>";
    out += &gaps(&report.participants);
    out += "<h2>Who had the worst of it</h2>";
    out += &worst(&report.participants);
    out
}

fn figures(report: &Report) -> String {
    let totals = &report.totals;
    let spread = |s: &crate::report::Spread| {
        format!("p50 {} ms, p95 {} ms, longest {} ms", s.p50, s.p95, s.max)
    };
    let mut rows = vec![
        (
            "joined",
            format!("{} of {}", totals.joined, totals.participants),
        ),
        (
            "interrupted",
            format!("{} ({} cut off)", totals.interrupted, totals.cut),
        ),
        (
            "without media of a sender",
            totals.missing_media.to_string(),
        ),
        ("join", spread(&totals.join_ms)),
        ("first media", spread(&totals.first_media_ms)),
        (
            "gaps in media",
            format!("{}: {}", totals.gap_ms.count, spread(&totals.gap_ms)),
        ),
        (
            "rooms split",
            format!("{} of {}", totals.rooms_split.len(), totals.rooms),
        ),
    ];
    for (cause, lengths) in &totals.gap_ms_by_cause {
        let text = format!("{}: {}", lengths.count, spread(lengths));
        rows.push((because(*cause), text));
    }
    let mut out = "<table>".to_owned();
    for (name, value) in rows {
        let _ = write!(out, "<tr><th>{name}<td>{}", escape(&value));
    }
    out + "</table>"
}

fn because(cause: Cause) -> &'static str {
    match cause {
        Cause::Reconnect => "gaps: walked in anew",
        Cause::Moved => "gaps: moved to another bridge",
        Cause::Reinvited => "gaps: invited again",
        Cause::Tester => "gaps: this machine was too busy",
        Cause::Loss => "gaps: lost on the way",
        Cause::Unknown => "gaps: unknown cause",
    }
}

fn colour(cause: Cause) -> &'static str {
    match cause {
        Cause::Reconnect => "#b3261e",
        Cause::Moved => "#1f6feb",
        Cause::Reinvited => "#8250df",
        Cause::Tester => "#9aa4b0",
        Cause::Loss => "#bf8700",
        Cause::Unknown => "#1c2733",
    }
}

#[expect(clippy::cast_precision_loss, reason = "a place in a plot")]
fn number(value: u64) -> f64 {
    value as f64
}

fn seconds(ms: u64) -> f64 {
    number(ms) / 1_000.0
}

fn over_time(samples: &[Sample]) -> String {
    let line = |value: fn(&Sample) -> usize| {
        let points = samples.iter();
        points
            .map(|s| (seconds(s.at_ms), number(value(s) as u64)))
            .collect()
    };
    Plot {
        x: "seconds",
        y: "people",
        scale: Scale::Linear,
        series: vec![
            Series::new("in their room", "#9aa4b0", Mark::Line, line(|s| s.in_room)),
            Series::new("with a bridge", "#1f6feb", Mark::Line, line(|s| s.well)),
        ],
    }
    .draw()
}

fn received(samples: &[Sample]) -> String {
    let points = samples
        .windows(2)
        .map(|pair| {
            let bytes = pair[1]
                .received_bytes
                .saturating_sub(pair[0].received_bytes);
            let time = pair[1].at_ms.saturating_sub(pair[0].at_ms).max(1);
            // Bits per millisecond are kilobits per second.
            let mbits = number(bytes) * 8.0 / number(time) / 1_000.0;
            (seconds(pair[1].at_ms), mbits)
        })
        .collect();
    Plot {
        x: "seconds",
        y: "Mbit/s",
        scale: Scale::Linear,
        series: vec![Series::new("all together", "#1f6feb", Mark::Line, points)],
    }
    .draw()
}

/// What share of the people was no slower than that.
fn joins(participants: &[ParticipantReport]) -> String {
    let line = |value: fn(&ParticipantReport) -> Option<u64>| {
        let mut times: Vec<u64> = participants.iter().filter_map(value).collect();
        times.sort_unstable();
        let count = times.len().max(1) as u64;
        let ranked = times.iter().zip(1..);
        ranked
            .map(|(time, rank)| (100.0 * number(rank) / number(count), number(*time)))
            .collect()
    };
    Plot {
        x: "per cent of the people",
        y: "ms",
        scale: Scale::Linear,
        series: vec![
            Series::new("in the room", "#9aa4b0", Mark::Line, line(|p| p.joined_ms)),
            Series::new(
                "first media",
                "#1f6feb",
                Mark::Line,
                line(|p| p.first_media_ms),
            ),
        ],
    }
    .draw()
}

fn gaps(participants: &[ParticipantReport]) -> String {
    let mut all: Vec<&Gap> = participants.iter().flat_map(|p| &p.gaps).collect();
    let count = all.len();
    all.sort_by_key(|gap| std::cmp::Reverse(gap.length_ms));
    all.truncate(MOST_GAPS);
    let causes = [
        Cause::Unknown,
        Cause::Reconnect,
        Cause::Moved,
        Cause::Reinvited,
        Cause::Loss,
        Cause::Tester,
    ];
    let series = causes.into_iter().filter_map(|cause| {
        let of = all.iter().filter(|gap| gap.cause == cause);
        let points: Vec<_> = of
            .map(|gap| (seconds(gap.at_ms), number(gap.length_ms)))
            .collect();
        let name = because(cause).trim_start_matches("gaps: ");
        (!points.is_empty()).then(|| Series::new(name, colour(cause), Mark::Dots, points))
    });
    let plot = Plot {
        x: "seconds",
        y: "ms",
        scale: Scale::Logarithmic,
        series: series.collect(),
    };
    let mut out = plot.draw();
    if count > MOST_GAPS {
        let _ = write!(out, "<p class=none>The {MOST_GAPS} longest of {count}.</p>");
    }
    out
}

fn longest(participant: &ParticipantReport) -> Option<&Gap> {
    participant.gaps.iter().max_by_key(|gap| gap.length_ms)
}

/// What one had to bear: to be compared.
fn badness(p: &ParticipantReport) -> (bool, Option<u64>) {
    let never = p.joined_ms.is_none() || !p.missing.is_empty();
    let length = longest(p).map(|gap| gap.length_ms);
    (p.interrupted || never, length)
}

fn worst(participants: &[ParticipantReport]) -> String {
    let mut all: Vec<&ParticipantReport> = participants
        .iter()
        .filter(|p| badness(p) > (false, None))
        .collect();
    if all.is_empty() {
        return "<p class=none>Nobody noticed anything.</p>".to_owned();
    }
    all.sort_by_key(|p| std::cmp::Reverse(badness(p)));
    let mut out =
        "<table><tr><th>room<th>name<th>joined<th>gaps<th>the longest<th>cause<th>interrupted"
            .to_owned();
    for p in all.into_iter().take(MOST_ROWS) {
        let joined = p
            .joined_ms
            .map_or("never".to_owned(), |ms| format!("{ms} ms"));
        let (length, cause) = longest(p).map_or_else(Default::default, |gap| {
            let at = seconds(gap.at_ms);
            let text = because(gap.cause).trim_start_matches("gaps: ");
            (format!("{} ms at {at:.1} s", gap.length_ms), text)
        });
        let interrupted = match (&p.lost, p.cut, p.rejoined) {
            (Some(reason), ..) => escape(reason),
            (None, true, _) => "cut off".to_owned(),
            (None, false, 0) => String::new(),
            (None, false, times) => format!("walked in anew {times} times"),
        };
        let missing = p.missing.iter().map(|it| it.from.as_str());
        let missing: std::collections::BTreeSet<_> = missing.collect();
        let missing = match missing.len() {
            0 => String::new(),
            count => format!(" nothing of {count} senders"),
        };
        let _ = write!(
            out,
            "<tr><td>{}<td>{}<td>{joined}<td>{}<td>{length}<td>{cause}<td>{interrupted}{missing}",
            escape(&p.room),
            escape(&p.name),
            p.gaps.len(),
        );
    }
    out + "</table>"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::{Duration, Instant};

    use super::*;
    use crate::journal::{Arrival, Journal, Media};
    use crate::plan::Plan;
    use crate::report::Record;

    /// A room of two; the first one hears the second again after a silence of `gap` milliseconds.
    fn report(gap: u64, lost: Option<&str>) -> Report {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut records: Vec<Record> = Plan::new("http://localhost".parse().unwrap())
            .seats()
            .into_iter()
            .map(|seat| Record {
                seat,
                journal: Journal::new(start),
            })
            .collect();
        let journal = &mut records[0].journal;
        journal.names.insert("bb".into(), "participant 2".into());
        for ms in [100, 100 + gap] {
            let arrival = Arrival {
                owner: "bb".into(),
                media: Media::Audio,
                lost_before: 0,
            };
            journal.handle_packet(arrival, at(ms));
        }
        if let Some(reason) = lost {
            journal.handle_loss(reason.to_owned(), at(10));
        }
        let samples = [(0, 0), (1_000, 2)].map(|(at_ms, in_room)| Sample {
            at_ms,
            in_room,
            ..Sample::default()
        });
        Report::of(&records, samples.to_vec(), start, at(150 + gap))
    }

    #[test]
    fn a_gap_is_drawn_in_the_colour_of_its_cause_and_told_in_the_table() {
        let page = report(1_234, None).to_html();
        assert_eq!(page.matches("<circle").count(), 1, "{page}");
        assert!(page.contains(colour(Cause::Unknown)));
        assert!(page.contains("1234 ms at 0.1 s"), "{page}");
        assert!(page.contains("Not well"));
        assert_eq!(report(100, None).to_html().matches("<circle").count(), 0);
    }

    #[test]
    fn what_a_server_said_is_text_and_nothing_else() {
        let page = report(100, Some("<script>alert(1)</script>")).to_html();
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;"));
    }

    #[test]
    fn the_page_needs_nothing_from_anywhere() {
        let page = report(1_234, None).to_html();
        for link in ["http:", "https:", "src=", "href=", "url("] {
            assert!(!page.contains(link), "{link}");
        }
    }
}
