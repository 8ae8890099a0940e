//! The figures as a table in Markdown, which is as readable in a terminal.

use std::fmt::Write as _;

use crate::scale::{Figures, Scenario};

/// What was simulated, and what came of it.
pub type Row = (Scenario, Figures);

const HEAD: [&str; 10] = [
    "network",
    "conditions",
    "nodes",
    "half within",
    "99 % within",
    "last after",
    "bytes a record and node",
    "bytes a record, busiest node",
    "came twice",
    "lost",
];

/// The table.
pub fn markdown(rows: &[Row]) -> String {
    let cells: Vec<[String; 10]> = rows.iter().map(cells).collect();
    let width = |column: usize| {
        let cells = cells.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default().max(HEAD[column].len())
    };
    let widths: [usize; 10] = std::array::from_fn(width);
    let mut text = String::new();
    line(&mut text, &widths, &HEAD.map(str::to_owned));
    let rule = std::array::from_fn(|column| match column {
        0 | 1 => "-".repeat(widths[column]),
        _ => format!("{}:", "-".repeat(widths[column].saturating_sub(1))),
    });
    line(&mut text, &widths, &rule);
    for row in &cells {
        line(&mut text, &widths, row);
    }
    text
}

fn line(text: &mut String, widths: &[usize; 10], cells: &[String; 10]) {
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let _never = match column {
            0 | 1 => write!(text, "| {cell:<width$} "),
            _ => write!(text, "| {cell:>width$} "),
        };
    }
    text.push_str("|\n");
}

/// A row of it, a text a column.
pub fn cells((scenario, figures): &Row) -> [String; 10] {
    [
        scenario.topology.to_string(),
        scenario.conditions.to_string(),
        scenario.nodes.to_string(),
        time(figures.median_ms),
        time(figures.most_ms),
        time(figures.last_ms),
        format!("{:.0}", figures.bytes),
        format!("{:.0}", figures.busiest),
        format!("{:.2}", figures.twice),
        lost(figures),
    ]
}

fn lost(figures: &Figures) -> String {
    match (figures.astray, figures.faults) {
        (0, 0) => "nothing".to_owned(),
        (astray, faults) => format!("{astray} nodes astray, {faults} faults"),
    }
}

/// A time in seconds, or in minutes once these are easier to read.
pub fn time(ms: u64) -> String {
    let seconds = ms as f64 / 1_000.0;
    if seconds < 100.0 {
        format!("{seconds:.2} s")
    } else {
        format!("{:.1} min", seconds / 60.0)
    }
}
