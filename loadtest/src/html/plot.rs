//! Plots as SVG text.

use std::fmt::Write;

/// The size of a plot and of the room for its labels, in its own units.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 60.0;
const BOTTOM: f64 = 40.0;
const TOP: f64 = 10.0;
const RIGHT: f64 = 15.0;

/// How values become heights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// From 0.
    Linear,
    /// In powers of ten.
    Logarithmic,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Line,
    Dots,
}

/// Points of one colour.
pub(super) struct Series {
    name: &'static str,
    colour: &'static str,
    mark: Mark,
    points: Vec<(f64, f64)>,
}

impl Series {
    pub(super) fn new(
        name: &'static str,
        colour: &'static str,
        mark: Mark,
        points: Vec<(f64, f64)>,
    ) -> Self {
        Self {
            name,
            colour,
            mark,
            points,
        }
    }
}

pub(super) struct Plot {
    pub x: &'static str,
    pub y: &'static str,
    pub scale: Scale,
    pub series: Vec<Series>,
}

impl Plot {
    /// The SVG with its legend; without any point, words.
    pub(super) fn draw(&self) -> String {
        let points = || self.series.iter().flat_map(|series| &series.points);
        if points().next().is_none() {
            return "<p class=none>None.</p>".to_owned();
        }
        let most_x = nice(points().map(|point| point.0).fold(0.0, f64::max));
        let most_y = points().map(|point| point.1).fold(0.0, f64::max);
        let axis = Axis::new(self.scale, most_y);
        let place = |(x, y): (f64, f64)| {
            let across = LEFT + x / most_x * (WIDTH - LEFT - RIGHT);
            (across, down(axis.share(y)))
        };
        let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img>");
        for value in axis.ticks() {
            let y = down(axis.share(value));
            let _ = write!(
                out,
                "<path d=\"M{LEFT} {y:.1}H{}\" stroke=#e3e7ec /><text x={} y={:.1} text-anchor=end>{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.0,
                label(value),
            );
        }
        for step in 0..=5 {
            let value = most_x * f64::from(step) / 5.0;
            let (x, _) = place((value, 0.0));
            let y = HEIGHT - BOTTOM + 18.0;
            let _ = write!(
                out,
                "<text x={x:.1} y={y} text-anchor=middle>{}</text>",
                label(value)
            );
        }
        let _ = write!(
            out,
            "<text x={} y={} text-anchor=end>{}</text><text x=0 y={}>{}</text>",
            WIDTH - RIGHT,
            HEIGHT - 4.0,
            self.x,
            TOP + 4.0,
            self.y,
        );
        for series in &self.series {
            draw(&mut out, series, place);
        }
        out += "</svg><p class=legend>";
        for series in &self.series {
            let (name, colour) = (series.name, series.colour);
            let _ = write!(
                out,
                "<span><i style=\"background:{colour}\"></i>{name}</span>"
            );
        }
        out + "</p>"
    }
}

fn draw(out: &mut String, series: &Series, place: impl Fn((f64, f64)) -> (f64, f64)) {
    let colour = series.colour;
    match series.mark {
        Mark::Line => {
            let _ = write!(
                out,
                "<polyline fill=none stroke-width=2 stroke=\"{colour}\" points=\""
            );
            for point in &series.points {
                let (x, y) = place(*point);
                let _ = write!(out, "{x:.1},{y:.1} ");
            }
            *out += "\"/>";
        }
        Mark::Dots => {
            let _ = write!(out, "<g fill=\"{colour}\" fill-opacity=.6>");
            for point in &series.points {
                let (x, y) = place(*point);
                let _ = write!(out, "<circle cx={x:.1} cy={y:.1} r=3 />");
            }
            *out += "</g>";
        }
    }
}

/// The height of a share of the axis.
fn down(share: f64) -> f64 {
    HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
}

struct Axis {
    scale: Scale,
    least: f64,
    most: f64,
}

impl Axis {
    fn new(scale: Scale, most: f64) -> Self {
        match scale {
            Scale::Linear => Self {
                scale,
                least: 0.0,
                most: nice(most),
            },
            // No gap is shorter than 200 ms.
            Scale::Logarithmic => Self {
                scale,
                least: 100.0,
                most: 10f64.powf(most.max(1_000.0).log10().ceil()),
            },
        }
    }

    fn share(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => value / self.most,
            Scale::Logarithmic => (value / self.least).log10() / (self.most / self.least).log10(),
        };
        share.clamp(0.0, 1.0)
    }

    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => (0..=4)
                .map(|step| self.most * f64::from(step) / 4.0)
                .collect(),
            Scale::Logarithmic => {
                std::iter::successors(Some(self.least), |value| Some(value * 10.0))
                    .take_while(|value| *value <= self.most * 1.001)
                    .collect()
            }
        }
    }
}

/// The next number up that reads well: 1, 2, 4, 5 or 10 times a power of ten.
fn nice(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 4.0, 5.0, 10.0];
    let fits = steps.into_iter().find(|step| step * power >= value);
    fits.unwrap_or(10.0) * power
}

fn label(value: f64) -> String {
    if value >= 10.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_numbers_that_read_well() {
        let found = [0.0, 0.7, 1.0, 3.0, 42.0, 950.0].map(nice);
        assert_eq!(found, [1.0, 1.0, 1.0, 4.0, 50.0, 1_000.0]);
        let axis = Axis::new(Scale::Logarithmic, 5_300.0);
        assert_eq!(axis.ticks(), [100.0, 1_000.0, 10_000.0]);
        assert!((axis.share(1_000.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn points_are_placed_from_the_lower_left() {
        let plot = Plot {
            x: "s",
            y: "n",
            scale: Scale::Linear,
            series: vec![Series::new(
                "a",
                "red",
                Mark::Line,
                vec![(0.0, 0.0), (10.0, 4.0)],
            )],
        };
        let svg = plot.draw();
        assert!(svg.contains("points=\"60.0,220.0 885.0,10.0 \""), "{svg}");
    }

    #[test]
    fn without_points_there_is_no_plot() {
        let plot = Plot {
            x: "s",
            y: "n",
            scale: Scale::Linear,
            series: vec![],
        };
        assert!(!plot.draw().contains("svg"));
    }
}
