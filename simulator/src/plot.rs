//! The figures as a picture: delivery time and bytes over the number of nodes, a line a topology.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::conditions::Conditions;
use crate::table::Row;
use crate::topology::Topology;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
#[error("the picture can't be drawn: {0}")]
pub struct PlotError(String);

const SIZE: (u32, u32) = (1_000, 800);
/// Height of the line that says which colour is what.
const LEGEND: i32 = 40;
const FONT: &str = "sans-serif";

/// The picture, as SVG.
///
/// # Errors
/// [`PlotError`]; there are no rows, for one.
pub fn svg(rows: &[Row]) -> Result<String, PlotError> {
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
    let drawn = draw(&area, rows).and_then(|()| area.present());
    drawn.map_err(|error| PlotError(error.to_string()))?;
    drop(area);
    Ok(text)
}

/// What one panel shows of a row: a full line, and a dashed one below it if there is a second.
struct Panel {
    title: &'static str,
    full: fn(&Row) -> f64,
    dashed: Option<fn(&Row) -> f64>,
    /// Where the scale has a line, and what stands there.
    ticks: &'static [(f64, &'static str)],
}

const PANELS: [Panel; 2] = [
    Panel {
        title: "time until a copy is there: 99 % (dashed: half)",
        full: |(_, figures)| figures.most_ms as f64,
        dashed: Some(|(_, figures)| figures.median_ms as f64),
        ticks: &[
            (1e2, "0.1 s"),
            (1e3, "1 s"),
            (1e4, "10 s"),
            (6e4, "1 min"),
            (6e5, "10 min"),
            (36e5, "1 h"),
            (36e6, "10 h"),
        ],
    },
    Panel {
        title: "bytes on the wire for each record and node",
        full: |(_, figures)| figures.bytes,
        dashed: None,
        ticks: &[
            (1e2, "100"),
            (1e3, "1,000"),
            (2e3, "2,000"),
            (5e3, "5,000"),
            (1e4, "10,000"),
            (2e4, "20,000"),
            (5e4, "50,000"),
            (1e5, "100,000"),
            (1e6, "1,000,000"),
        ],
    },
];

fn draw<'a>(area: &Area<'a>, rows: &[Row]) -> Drawn<'a> {
    area.fill(&WHITE)?;
    let (top, area) = area.split_vertically(LEGEND);
    draw_legend(&top)?;
    let parts = area.split_evenly((PANELS.len(), Conditions::ALL.len()));
    let mut parts = parts.iter();
    for panel in &PANELS {
        let of = |row: &Row| {
            let dashed = panel.dashed.map(|dashed| dashed(row));
            [Some((panel.full)(row)), dashed]
        };
        // The same scale for all conditions, or nobody could compare them.
        let range = range(rows.iter().flat_map(of).flatten());
        for (conditions, part) in Conditions::ALL.into_iter().zip(&mut parts) {
            let rows: Vec<&Row> = rows
                .iter()
                .filter(|(s, _)| s.conditions == conditions)
                .collect();
            draw_panel(part, panel, conditions, &rows, range.clone())?;
        }
    }
    Ok(())
}

fn draw_panel<'a>(
    area: &Area<'a>,
    panel: &Panel,
    conditions: Conditions,
    rows: &[&Row],
    range: Range<f64>,
) -> Drawn<'a> {
    let mut counts: Vec<f64> = rows.iter().map(|(s, _)| s.nodes as f64).collect();
    counts.sort_by(f64::total_cmp);
    counts.dedup();
    let nodes = self::range(counts.iter().copied()).log_scale();
    let seen = panel.ticks.iter().filter(|(at, _)| range.contains(at));
    let seen: Vec<f64> = seen.map(|(at, _)| *at).collect();
    let label = |value: &f64| {
        let tick = panel.ticks.iter().find(|(at, _)| at == value);
        tick.map_or_else(String::new, |(_, label)| (*label).to_owned())
    };
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{conditions}: {}", panel.title), (FONT, 16))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(
            nodes.with_key_points(counts),
            range.log_scale().with_key_points(seen),
        )?;
    chart
        .configure_mesh()
        .max_light_lines(0)
        .bold_line_style(BLACK.mix(0.12))
        .x_desc("nodes")
        .x_label_formatter(&|nodes| format!("{nodes:.0}"))
        .y_label_formatter(&label)
        .label_style((FONT, 13))
        .draw()?;
    for (topology, colour) in Topology::ALL.into_iter().zip(COLOURS) {
        let of = |figure: fn(&Row) -> f64| -> Vec<(f64, f64)> {
            let rows = rows
                .iter()
                .filter(|(scenario, _)| scenario.topology == topology);
            rows.map(|row| (row.0.nodes as f64, figure(row).max(1.0)))
                .collect()
        };
        let points = of(panel.full);
        if points.is_empty() {
            continue;
        }
        let line = LineSeries::new(points.clone(), colour.stroke_width(2));
        chart.draw_series(line)?;
        let dot = |at: &(f64, f64)| Circle::new(*at, 3, colour.filled());
        chart.draw_series(points.iter().map(dot))?;
        if let Some(dashed) = panel.dashed {
            let line = DashedLineSeries::new(of(dashed), 6, 4, colour.stroke_width(1));
            chart.draw_series(line)?;
        }
    }
    Ok(())
}

fn draw_legend<'a>(area: &Area<'a>) -> Drawn<'a> {
    let step = SIZE.0 as i32 / Topology::ALL.len() as i32;
    for ((place, topology), colour) in (0..).zip(Topology::ALL).zip(COLOURS) {
        let (x, y) = (20 + place * step, LEGEND / 2);
        let line = PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(3));
        area.draw(&line)?;
        let text = Text::new(topology.to_string(), (x + 30, y - 7), (FONT, 15));
        area.draw(&text)?;
    }
    Ok(())
}

/// Colours that also the colour-blind tell apart (Okabe and Ito 2008).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// From the least to the most, with some room for a logarithmic scale.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (least, most) = values.fold((f64::MAX, 1.0_f64), |(least, most), value| {
        (least.min(value.max(1.0)), most.max(value))
    });
    least.min(most) / 1.2..most * 1.2
}
