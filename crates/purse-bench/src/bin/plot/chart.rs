//! Pictures of panels with lines, two panels in a row.

use std::path::Path;

use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use purse_bench::Result;

/// The width and the height of a panel.
const PANEL: (u32, u32) = (480, 340);
/// The width of the legend beside a panel.
const LEGEND_WIDTH: u32 = 120;
/// The colour of each peer, in every picture.
const PEERS: [(&str, RGBColor); 9] = [
    ("purse", RGBColor(0, 90, 181)),
    ("fred", RGBColor(220, 50, 32)),
    ("redis-rs", RGBColor(0, 130, 80)),
    ("rslock", RGBColor(220, 50, 32)),
    ("redisson", RGBColor(150, 100, 0)),
    ("redis-purse", RGBColor(120, 60, 160)),
    ("pottery", RGBColor(90, 90, 90)),
    ("redlock", RGBColor(0, 130, 80)),
    ("redlock-universal", RGBColor(210, 120, 180)),
];

pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
}

pub(crate) struct Axis {
    name: &'static str,
    is_log: bool,
}

impl Axis {
    pub(crate) const fn log(name: &'static str) -> Self {
        Self { name, is_log: true }
    }

    pub(crate) const fn linear(name: &'static str) -> Self {
        Self {
            name,
            is_log: false,
        }
    }
}

pub(crate) struct Series {
    name: String,
    points: Vec<(f64, f64)>,
}

impl Series {
    pub(crate) fn new(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            points,
        }
    }

    /// Adds a point to the series of that name, unless the series has one with the same `x`.
    pub(crate) fn add_point(all: &mut Vec<Self>, name: &str, point: (f64, f64)) {
        match all.iter_mut().find(|series| series.name == name) {
            Some(series) if series.points.iter().any(|(x, _)| *x == point.0) => {}
            Some(series) => series.points.push(point),
            None => all.push(Self::new(name, vec![point])),
        }
    }
}

/// Draws the panels into an SVG file, with a title above and `about` below.
pub(crate) fn draw(file: &Path, title: &str, about: &str, panels: &[Panel]) -> Result<()> {
    let rows = panels.len().div_ceil(2);
    let height = PANEL.1 * u32::try_from(rows)? + 60;
    let root = SVGBackend::new(file, (PANEL.0 * 2, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let inner = root.titled(title, ("sans-serif", 22))?;
    let (charts, foot) = inner.split_vertically(height - 56);
    foot.draw_text(about, &("sans-serif", 11).into_text_style(&foot), (8, 2))?;
    for (area, panel) in charts.split_evenly((rows, 2)).iter().zip(panels) {
        let (chart, names) = area.split_horizontally(PANEL.0 - LEGEND_WIDTH);
        let (x, y) = (range(panel, |point| point.0), range(panel, |point| point.1));
        let decades = 10_f64.powf(y.0.log10().floor())..10_f64.powf(y.1.log10().ceil());
        if panel.x.is_log {
            draw_lines(&chart, panel, (x.0..x.1).log_scale(), decades.log_scale())?;
        } else {
            draw_lines(&chart, panel, x.0..x.1, decades.log_scale())?;
        }
        draw_legend(&names, &panel.series)?;
    }
    root.present()?;
    Ok(())
}

fn range(panel: &Panel, part: fn(&(f64, f64)) -> f64) -> (f64, f64) {
    let values = || {
        let points = panel.series.iter().flat_map(|series| &series.points);
        points.map(part).filter(|value| value.is_finite())
    };
    let (low, high) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(0.0, f64::max),
    );
    if high > low { (low, high) } else { (0.5, 2.0) }
}

fn draw_lines<X, Y>(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    panel: &Panel,
    x: X,
    y: Y,
) -> Result<()>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64> + Ranged<ValueType = f64>,
    Y::CoordDescType: ValueFormatter<f64> + Ranged<ValueType = f64>,
{
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, ("sans-serif", 16))
        .margin(10)
        .x_label_area_size(34)
        .y_label_area_size(64)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(panel.x.name)
        .y_desc(panel.y.name)
        .x_label_formatter(&|value| format_label(*value))
        .y_label_formatter(&|value| format_label(*value))
        .draw()?;
    for series in &panel.series {
        let points = series.points.iter().copied();
        chart.draw_series(LineSeries::new(points, style(&series.name)))?;
    }
    Ok(())
}

/// Draws the names of the series beside the panel, so that they hide no line.
fn draw_legend(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    series: &[Series],
) -> Result<()> {
    for (y, series) in (60..).step_by(18).zip(series) {
        let line = PathElement::new([(0, y), (16, y)], style(&series.name));
        area.draw(&line)?;
        let text = ("sans-serif", 12).into_text_style(area);
        area.draw_text(&series.name, &text, (20, y - 7))?;
    }
    Ok(())
}

fn style(peer: &str) -> ShapeStyle {
    let known = PEERS.iter().find(|(name, _)| *name == peer);
    let colour = known.map_or(BLACK, |(_, colour)| *colour);
    colour.stroke_width(if peer == "purse" { 3 } else { 1 })
}

/// Returns the label of a number on an axis, such as 20k or 3M.
fn format_label(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{}M", value / 1e6),
        value if value >= 1e3 => format!("{}k", value / 1e3),
        value => value.to_string(),
    }
}
