//! Bridges over the day, for a terminal and as SVG.

use std::fmt::Write;

use crate::model::simulation::{Outcome, STEP};
use crate::model::traffic::Traffic;

const COLUMNS: usize = 96;
const ROWS: usize = 12;

/// What is needed as `░`, what is there as `█`.
pub(crate) fn of_terminal(outcome: &Outcome) -> String {
    let column = |values: &[usize], index: usize| {
        let from = index * values.len() / COLUMNS;
        let to = (index + 1) * values.len() / COLUMNS;
        values[from..to].iter().copied().max().unwrap_or_default()
    };
    let most = outcome.most_bridges.max(1);
    let mut text = String::new();
    for row in (1..=ROWS).rev() {
        let level = most * row / ROWS;
        let _ = write!(text, "\n{level:>5} ");
        for index in 0..COLUMNS {
            let (there, needed) = (column(&outcome.pods, index), column(&outcome.needed, index));
            text.push(match (there >= level, needed >= level) {
                (_, true) => '░',
                (true, false) => '█',
                (false, false) => ' ',
            });
        }
    }
    text.push_str(
        "\n      0h                      6h                      12h                     18h\n",
    );
    text
}

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;
const PANEL: f64 = HEIGHT + 70.0;
/// For the policies, in their order.
const COLORS: [&str; 6] = [
    "#999999", "#d55e00", "#cc79a7", "#0072b2", "#009e73", "#e69f00",
];

/// A panel for each traffic: what is needed as an area, each policy as a line.
pub(crate) fn of_page(traffics: &[Traffic], outcomes: &[Vec<(&str, Outcome)>]) -> String {
    let height = TOP + PANEL * traffics.len() as f64;
    let width = LEFT + WIDTH + 20.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    legend(&mut svg, &outcomes[0]);
    for (index, (traffic, outcomes)) in traffics.iter().zip(outcomes).enumerate() {
        let top = TOP + 30.0 + PANEL * index as f64;
        let most = outcomes
            .iter()
            .map(|(_, outcome)| outcome.most_bridges)
            .max();
        let scale = HEIGHT / most.unwrap_or(1).max(1) as f64;
        let _ = writeln!(svg, "<g transform=\"translate({LEFT} {top})\">");
        let _ = writeln!(
            svg,
            "<text y=\"-6\" font-weight=\"bold\">{}</text>",
            traffic.shape.name
        );
        let area = points(&outcomes[0].1.needed, scale);
        let _ = writeln!(
            svg,
            "<polygon points=\"0,{HEIGHT} {area} {WIDTH},{HEIGHT}\" fill=\"#dddddd\"/>"
        );
        for ((_, outcome), color) in outcomes.iter().zip(COLORS) {
            let line = points(&outcome.pods, scale);
            let _ = writeln!(
                svg,
                "<polyline points=\"{line}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\"/>"
            );
        }
        axes(&mut svg, most.unwrap_or_default());
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn legend(svg: &mut String, outcomes: &[(&str, Outcome)]) {
    let names = outcomes.iter().map(|(name, _)| *name).zip(COLORS);
    let mut left = LEFT;
    for (name, color) in std::iter::once(("needed", "#dddddd")).chain(names) {
        let _ = writeln!(
            svg,
            "<rect x=\"{left}\" y=\"12\" width=\"12\" height=\"12\" fill=\"{color}\"/><text x=\"{}\" y=\"23\" font-size=\"11\">{name}</text>",
            left + 16.0
        );
        left += 32.0 + 5.6 * name.len() as f64;
    }
}

fn axes(svg: &mut String, most: usize) {
    let _ = writeln!(
        svg,
        "<path d=\"M0 0V{HEIGHT}H{WIDTH}\" fill=\"none\" stroke=\"#333333\"/>"
    );
    for hour in (0..=24).step_by(3) {
        let x = WIDTH * f64::from(hour) / 24.0;
        let _ = writeln!(
            svg,
            "<text x=\"{x:.0}\" y=\"{}\" text-anchor=\"middle\">{hour}:00</text>",
            HEIGHT + 18.0
        );
    }
    for part in 0..=4 {
        let y = HEIGHT * (1.0 - f64::from(part) / 4.0);
        let bridges = most * part as usize / 4;
        let _ = writeln!(
            svg,
            "<text x=\"-6\" y=\"{:.0}\" text-anchor=\"end\">{bridges}</text>",
            y + 4.0
        );
    }
}

/// A point for each five minutes: the greatest number within.
fn points(values: &[usize], scale: f64) -> String {
    let per_point = (300 / STEP) as usize;
    let count = values.len().div_ceil(per_point);
    let mut text = String::new();
    for (index, chunk) in values.chunks(per_point).enumerate() {
        let x = WIDTH * index as f64 / (count - 1).max(1) as f64;
        let y = HEIGHT - chunk.iter().copied().max().unwrap_or_default() as f64 * scale;
        let _ = write!(text, "{x:.1},{y:.1} ");
    }
    text.trim_end().to_owned()
}
