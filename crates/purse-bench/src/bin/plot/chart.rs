//! Panels of lines, two in a row.

use std::path::Path;

use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;

use crate::Result;

const PANEL: (u32, u32) = (480, 340);
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 90, 181),
    RGBColor(220, 50, 32),
    RGBColor(0, 130, 80),
    RGBColor(150, 100, 0),
    RGBColor(120, 60, 160),
    RGBColor(90, 90, 90),
    RGBColor(210, 120, 180),
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

    /// Adds a point to the series of that name, unless there is one at that place.
    pub(crate) fn add(all: &mut Vec<Self>, name: &str, point: (f64, f64)) {
        match all.iter_mut().find(|series| series.name == name) {
            Some(series) if series.points.iter().any(|(x, _)| *x == point.0) => {}
            Some(series) => series.points.push(point),
            None => all.push(Self::new(name, vec![point])),
        }
    }
}

pub(crate) fn draw(file: &Path, title: &str, about: &str, panels: &[Panel]) -> Result<()> {
    let rows = panels.len().div_ceil(2);
    let height = PANEL.1 * u32::try_from(rows)? + 60;
    let root = SVGBackend::new(file, (PANEL.0 * 2, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let inner = root.titled(title, ("sans-serif", 22))?;
    let (charts, foot) = inner.split_vertically(height - 56);
    foot.draw_text(about, &("sans-serif", 11).into_text_style(&foot), (8, 2))?;
    for (area, panel) in charts.split_evenly((rows, 2)).iter().zip(panels) {
        // Percentiles need no decades, the rest does.
        let (x, y) = (range(panel, |point| point.0), range(panel, |point| point.1));
        if panel.x.is_log {
            lines(area, panel, (x.0..x.1).log_scale(), (y.0..y.1).log_scale())?;
        } else {
            lines(area, panel, x.0..x.1, (y.0..y.1).log_scale())?;
        }
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
    if high > low {
        (low * 0.9, high * 1.1)
    } else {
        (0.5, 2.0)
    }
}

fn lines<X, Y>(
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
        .draw()?;
    for (series, colour) in panel.series.iter().zip(COLOURS.iter().cycle()) {
        let style = colour.stroke_width(if series.name == "purse" { 3 } else { 1 });
        chart
            .draw_series(LineSeries::new(series.points.iter().copied(), style))?
            .label(&series.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
    }
    if !panel.series.is_empty() {
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .position(SeriesLabelPosition::LowerRight)
            .draw()?;
    }
    Ok(())
}
