//! An exercise as people watch it, in 80 columns.

use std::path::Path;

use serde::Serialize;

use super::demo::{line, wrap};
use super::{Style, Tone, clean, comma, plural};
use crate::exercise::{
    CellState, EXERCISES, Faults, MatrixRow, Report, Scenario, Step, StepReport,
};

/// Columns of everything here.
const WIDTH: usize = 80;
/// Columns before what a step says.
const MARGIN: usize = 6;

/// Asked before a step with `--step`.
pub const PROMPT: &str = "      Enter: on, q: stop";

/// An exercise that is built in.
#[derive(Debug, Serialize)]
pub struct Listed {
    name: &'static str,
    says: &'static str,
}

/// What a scenario comes to.
#[derive(Debug, Serialize)]
pub struct Summary {
    ok: bool,
    name: String,
    title: String,
    agencies: usize,
    links: usize,
    steps: usize,
}

/// The exercises of this program.
pub fn list() -> Vec<Listed> {
    let of = |e: &crate::exercise::Exercise| Listed {
        name: e.name,
        says: e.says,
    };
    EXERCISES.iter().map(of).collect()
}

/// The same for people.
pub fn listed(style: &Style) -> String {
    let mut out = String::new();
    for exercise in &EXERCISES {
        let name = style.paint(Tone::Strong, &format!("{:12}", exercise.name));
        line(&mut out, &format!("{name}  {}", exercise.says));
    }
    out.push_str("\nPlay one: liaison exercise night-shift\n");
    out.push_str("Write one: liaison exercise template > mine.toml\n");
    out
}

impl Summary {
    /// Of a scenario that can be played.
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            ok: true,
            name: scenario.name.clone(),
            title: scenario.title.clone(),
            agencies: scenario.agencies.len(),
            links: scenario.links.len(),
            steps: scenario.steps.len(),
        }
    }
}

/// A scenario that can be played.
pub fn checked(summary: &Summary) -> String {
    format!(
        "{}: {}, {}, {}. It can be played.\n",
        clean(&summary.title),
        plural(summary.agencies as u64, "agency", "agencies"),
        plural(summary.links as u64, "link", "links"),
        plural(summary.steps as u64, "step", "steps"),
    )
}

/// What is wrong with a scenario.
pub fn faults(style: &Style, file: &Path, faults: &Faults) -> String {
    let mut out = String::new();
    let file = clean(&file.display().to_string());
    for fault in &faults.faults {
        let place = match fault.line {
            Some(line) => format!("{file}, line {line}"),
            None => file.clone(),
        };
        let place = style.paint(Tone::Bad, &format!("{place}:"));
        line(&mut out, &format!("{place} {}", clean(&fault.says)));
        line(&mut out, &format!("  {}", clean(&fault.remedy)));
    }
    if faults.more > 0 {
        let more = plural(faults.more as u64, "fault", "faults");
        line(&mut out, &format!("and {more} more"));
    }
    out
}

/// What it is, and who takes part.
pub fn title(style: &Style, scenario: &Scenario) -> String {
    let mut out = String::new();
    let head = format!("{} ({})", clean(&scenario.title), clean(&scenario.name));
    line(&mut out, &style.paint(Tone::Strong, &head));
    for text in wrap(&clean(&scenario.about), WIDTH) {
        line(&mut out, &text);
    }
    out.push('\n');
    let widest = scenario.agencies.iter().map(|a| a.name.len()).max();
    let width = widest.unwrap_or(0);
    for agency in &scenario.agencies {
        let mut says = clean(&agency.title);
        if agency.hub {
            says.push_str("; a hub");
        }
        if !agency.address {
            says.push_str(&format!("; reached over {}", agency.hubs.join(", ")));
        }
        line(&mut out, &format!("  {:width$}  {says}", agency.name));
    }
    out
}

/// The nodes are there.
pub fn ready(style: &Style, scenario: &Scenario, dir: Option<&Path>) -> String {
    let nodes = plural(scenario.agencies.len() as u64, "node runs", "nodes run");
    let links = plural(scenario.links.len() as u64, "link is up", "links are up");
    let mut out = format!(
        "\n{} {nodes}, each under its own policy; {links}.\n",
        style.paint(Tone::Good, "+")
    );
    if let (Some(dir), Some(first)) = (dir, scenario.agencies.first()) {
        let dir = dir.join(&first.name);
        out.push_str("Look around in a second terminal:\n");
        out.push_str(&format!("  liaison --home {} status\n", dir.display()));
    }
    out.push('\n');
    out
}

/// A step begins. The row's number stands at its first step only.
pub fn begins(style: &Style, row: &str, step: &Step, command: Option<String>) -> String {
    let mut out = String::new();
    let said = match step.at().filter(|_| command.is_some()) {
        Some(at) => format!("{at}: {}", clean(&step.says)),
        None => clean(&step.says),
    };
    for (at, text) in wrap(&said, WIDTH - MARGIN).iter().enumerate() {
        let head = if at == 0 { row } else { "" };
        let head = style.paint(Tone::Strong, &format!("{:>4}", clean(head)));
        line(&mut out, &format!("{head}  {text}"));
    }
    if let Some(command) = command {
        let shown = format!("$ {}", clean(&command));
        indented(&mut out, style, Tone::Dim, &shown);
    }
    out
}

/// What came of it.
pub fn ended(style: &Style, report: &StepReport) -> String {
    let mut out = String::new();
    if !report.has.is_empty() {
        let has = report.has.join(", ");
        indented(&mut out, style, Tone::Good, &format!("+ has it: {has}"));
    }
    if !report.has_not.is_empty() {
        let not = report.has_not.join(", ");
        indented(
            &mut out,
            style,
            Tone::Plain,
            &format!("- must not, and has not: {not}"),
        );
    }
    for check in &report.checks {
        if !check.ok {
            let says = format!("FAILED {}", clean(&check.says));
            indented(&mut out, style, Tone::Bad, &says);
        } else if !check.quiet {
            let says = format!("+ {}", clean(&check.says));
            indented(&mut out, style, Tone::Good, &says);
        }
    }
    out
}

/// The end: the table and the verdict.
pub fn report(style: &Style, report: &Report) -> String {
    let mut out = String::from("\n");
    matrix(&mut out, style, &report.agencies, &report.matrix);
    out.push('\n');
    let expected = comma(report.expectations as u64);
    if report.ok {
        let says = format!("all of {expected} expectations held.");
        line(
            &mut out,
            &format!("{} {says}", style.paint(Tone::Good, "OK")),
        );
        return out;
    }
    let says = format!(
        "{} of {expected} expectations did not hold:",
        comma(report.faults.len() as u64)
    );
    line(
        &mut out,
        &format!("{} {says}", style.paint(Tone::Bad, "FAILED")),
    );
    for fault in &report.faults {
        for text in wrap(&clean(fault), WIDTH - 2) {
            line(&mut out, &format!("  {text}"));
        }
    }
    out
}

/// Who has what. A name of two parts is broken at its hyphen, so that eight fit.
fn matrix(out: &mut String, style: &Style, agencies: &[String], rows: &[MatrixRow]) {
    let heads: Vec<(&str, &str)> = agencies
        .iter()
        .map(|name| name.split_once('-').unwrap_or(("", name)))
        .collect();
    let hyphen = |head: &(&str, &str)| usize::from(!head.0.is_empty());
    let width = |head: &(&str, &str)| (head.0.len() + hyphen(head)).max(head.1.len()) + 1;
    let widths: Vec<usize> = heads.iter().map(width).collect();
    let left = WIDTH.saturating_sub(widths.iter().sum());
    let mut head = [format!("{:left$}", ""), format!("{:left$}", "Who has what")];
    for (name, width) in heads.iter().zip(&widths) {
        let first = if name.0.is_empty() {
            String::new()
        } else {
            format!("{}-", name.0)
        };
        for (head, part) in head.iter_mut().zip([first.as_str(), name.1]) {
            head.push_str(&format!("{part:>width$}"));
        }
    }
    for head in head {
        line(out, &style.paint(Tone::Strong, &head));
    }
    for row in rows {
        let what = format!("{:>3} {}", clean(&row.row), clean(&row.what));
        let what: String = what.chars().take(left).collect();
        let mut text = format!("{what:left$}");
        for (cell, width) in row.cells.iter().zip(&widths) {
            let (mark, tone) = mark(cell.state);
            text.push_str(&" ".repeat(width.saturating_sub(1)));
            text.push_str(&style.paint(tone, mark));
        }
        line(out, &text);
    }
    out.push_str("\nw: wrote it.  x: has it.  e: had it, erased since.  .: never had it.\n");
    out.push_str("r: its own node refused it.  L: lacks it, and must have it.\n");
    out.push_str("!: has it, and must not.\n");
}

fn mark(state: CellState) -> (&'static str, Tone) {
    match state {
        CellState::Wrote => ("w", Tone::Plain),
        CellState::Has => ("x", Tone::Good),
        CellState::Erased | CellState::WroteErased => ("e", Tone::Warn),
        CellState::Never => (".", Tone::Dim),
        CellState::Refused => ("r", Tone::Warn),
        CellState::Lacks => ("L", Tone::Bad),
        CellState::Leaked => ("!", Tone::Bad),
    }
}

fn indented(out: &mut String, style: &Style, tone: Tone, text: &str) {
    for text in wrap(text, WIDTH - MARGIN) {
        line(out, &format!("{:MARGIN$}{}", "", style.paint(tone, &text)));
    }
}
