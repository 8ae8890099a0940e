//! The demo's table, in 80 columns.

use super::{Style, Tone, comma, plural};
use crate::commands::demo::report::{AgencyLine, Cell, GroupLine, Report, Rule, State};
use crate::commands::demo::{AGENCIES, PICTURE};

/// Columns of everything here.
const WIDTH: usize = 80;
/// Columns of the author's name, and of what it wrote.
const HEADS: [usize; 2] = [11, 27];

/// What it is, and who takes part.
pub fn title(style: &Style) -> String {
    let mut out = String::new();
    let head = "Five agencies on this machine, each with a node of its own. All is fictional.";
    line(&mut out, &style.paint(Tone::Strong, head));
    out.push('\n');
    for text in PICTURE {
        line(&mut out, text);
    }
    out.push('\n');
    let [author, _] = HEADS;
    for agency in &AGENCIES {
        line(
            &mut out,
            &format!("  {:author$} {}", agency.name, agency.title),
        );
    }
    out.push('\n');
    out
}

/// One step that is done.
pub fn step(style: &Style, says: &str) -> String {
    format!("{} {says}", style.paint(Tone::Good, "+"))
}

/// The outcome.
pub fn report(style: &Style, report: &Report) -> String {
    let mut out = String::from("\n");
    table(&mut out, style, report);
    rules(&mut out, style, &report.rules);
    numbers(&mut out, style, report);
    verdict(&mut out, style, report);
    out
}

fn table(out: &mut String, style: &Style, report: &Report) {
    let [author, records] = HEADS;
    let width = |(at, agency): (usize, &AgencyLine)| {
        let cells = report
            .groups
            .iter()
            .filter_map(|g| Some((g, g.cells.get(at)?)));
        let texts = cells.map(|(group, cell)| cell_text(cell, group).0.chars().count());
        texts.max().unwrap_or(0).max(agency.name.len()) + 1
    };
    let widths: Vec<usize> = report.agencies.iter().enumerate().map(width).collect();
    let mut head = format!("{:author$}{:records$}", "Author", "Records");
    for (agency, width) in report.agencies.iter().zip(&widths) {
        head.push_str(&format!("{:>width$}", agency.name));
    }
    line(out, &style.paint(Tone::Strong, &head));
    let mut last = "";
    for group in &report.groups {
        let GroupLine {
            author: by,
            count,
            records: words,
            cells,
        } = group;
        let by = if *by == last { "" } else { by };
        last = group.author;
        let mut row = format!("{by:author$}{:records$}", format!("{count} {words}"));
        for (cell, width) in cells.iter().zip(&widths) {
            let (text, tone) = cell_text(cell, group);
            row.push_str(&" ".repeat(width.saturating_sub(text.chars().count())));
            row.push_str(&style.paint(tone, &text));
        }
        line(out, &row);
    }
    out.push_str("\n60: so many are held.  >60: passed on by another than the author.\n- a: not held, by rule a below; where two could have sent it, each has a say.\n");
}

fn cell_text(cell: &Cell, group: &GroupLine) -> (String, Tone) {
    let own = cell.agency == group.author;
    let passed = cell
        .from
        .as_deref()
        .is_some_and(|from| from != group.author);
    match cell.state {
        State::Held => {
            let mark = if passed { ">" } else { "" };
            let tone = if own { Tone::Dim } else { Tone::Good };
            (format!("{mark}{}", cell.held), tone)
        }
        State::Amended => ("amended".into(), if own { Tone::Dim } else { Tone::Good }),
        State::Erased => ("erased".into(), if own { Tone::Dim } else { Tone::Warn }),
        State::Withheld => {
            let letters: String = cell.rules.iter().map(|at| letter(*at)).collect();
            (format!("- {letters}").trim_end().into(), Tone::Bad)
        }
    }
}

/// `a` to `z`; the demo has fewer rules than that.
fn letter(at: usize) -> char {
    u8::try_from(at)
        .ok()
        .and_then(|at| b'a'.checked_add(at))
        .map_or('?', char::from)
}

fn rules(out: &mut String, style: &Style, rules: &[Rule]) {
    out.push('\n');
    line(
        out,
        &style.paint(Tone::Strong, "Withheld, and by which rule"),
    );
    for (at, rule) in rules.iter().enumerate() {
        let Rule {
            by,
            gate,
            rule: name,
            says,
            place,
        } = rule;
        let by = by.join(", ");
        let what = match gate.as_str() {
            "policy" => format!("{name}: policy of {by}"),
            "accept" => format!("{name}: policy of {by}, who is offered it"),
            "check" => format!("{name}: a check at {by}, before signing"),
            "handling" => format!("{name}: the author's handling, kept by {by}"),
            _ => format!("{name}: {by}"),
        };
        let place = place
            .as_ref()
            .map(|p| format!(" ({p})"))
            .unwrap_or_default();
        line(
            out,
            &format!(
                " {}  {what}{place}",
                style.paint(Tone::Bad, &letter(at).to_string())
            ),
        );
        for text in wrap(&sentence(says), WIDTH - 5) {
            line(out, &format!("     {text}"));
        }
    }
}

fn numbers(out: &mut String, style: &Style, report: &Report) {
    out.push('\n');
    let [author, _] = HEADS;
    let head = format!(
        "{:author$}{:>8}{:>8}{:>10}{:>11}{:>11}",
        "In records", "wrote", "sent", "received", "not given", "not taken"
    );
    line(out, &style.paint(Tone::Strong, &head));
    for agency in &report.agencies {
        line(
            out,
            &format!(
                "{:author$}{:>8}{:>8}{:>10}{:>11}{:>11}",
                agency.name,
                agency.wrote,
                agency.sent,
                agency.received,
                agency.not_given,
                agency.not_taken
            ),
        );
    }
}

fn verdict(out: &mut String, style: &Style, report: &Report) {
    out.push('\n');
    let checked = &report.checked;
    if report.ok {
        let says = format!(
            "{} nodes hold exactly what they should: {} of {}.",
            checked.nodes,
            plural(checked.copies as u64, "copy", "copies"),
            plural(checked.records as u64, "record", "records"),
        );
        line(out, &format!("{} {says}", style.paint(Tone::Good, "OK")));
        return;
    }
    let says = format!("{} not as it should be:", comma(report.faults.len() as u64));
    line(out, &format!("{} {says}", style.paint(Tone::Bad, "FAILED")));
    for fault in &report.faults {
        for text in wrap(fault, WIDTH - 2) {
            line(out, &format!("  {text}"));
        }
    }
}

/// Begins with a capital letter and ends with a stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase);
    let mut out: String = first.into_iter().flatten().chain(chars).collect();
    if !out.ends_with('.') {
        out.push('.');
    }
    out
}

/// Adds a line.
pub(super) fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// Text in lines of at most so many columns.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
