//! Records: as lines of a table, in full, and as CSV.

use liaison_node::control::api::{
    Group, QueryReport, RecordRow, RecordView, VerifyReport, WatchEvent,
};
use serde_json::Value;

use super::recipients;
use super::{
    Style, Tone, cell, clean, comma, decisions, errors, grid, leave, number, plural, short_id, when,
};
use crate::error::CommandError;

/// Columns of the bar in a table of groups.
const BAR: u64 = 24;

/// Terminal width from which the time of arrival gets a column of its own.
const WIDE: u16 = 110;

/// The answer to a query.
pub fn query(style: &Style, report: &QueryReport, by: Option<&str>) -> String {
    let mut out = String::new();
    if !report.groups.is_empty() {
        out.push_str(&groups(style, &report.groups, by.unwrap_or("group")));
    } else if !report.rows.is_empty() {
        out.push_str(&rows(style, &report.rows));
    }
    let total = plural(report.count, "record", "records");
    out.push_str(&match report.sum {
        Some(sum) => format!("{total}, sum {}\n", comma(sum)),
        None => match older(report) {
            Some(older) => format!("{total}; {older}\n"),
            None => format!("{total}\n"),
        },
    });
    for note in &report.notes {
        out.push_str(&format!(
            "{} {}\n",
            style.paint(Tone::Warn, "note:"),
            clean(note)
        ));
    }
    out
}

/// Which of the records are listed, if not all are, and how to get the others.
pub fn older(report: &QueryReport) -> Option<String> {
    let next = report.next.as_deref()?;
    Some(format!(
        "these are {} of them (more: --limit N; older: --before {})",
        comma(report.rows.len() as u64),
        short_id(next)
    ))
}

/// Records as a table.
pub fn rows(style: &Style, rows: &[RecordRow]) -> String {
    let wide = style.width.is_none_or(|width| width >= WIDE);
    let cells = rows
        .iter()
        .map(|row| {
            let tone = if row.retracted || row.superseded {
                Tone::Dim
            } else {
                Tone::Plain
            };
            let mut cells = vec![
                cell(short_id(&row.id), Tone::Strong),
                cell(&row.kind, tone),
                cell(title(row), tone),
                cell(&row.author, tone),
                cell(&row.tlp, tone),
                cell(when(&row.created), tone),
            ];
            if wide {
                cells.push(cell(when(&row.received), tone));
            }
            cells
        })
        .collect();
    let heads = ["ID", "KIND", "TITLE", "FROM", "TLP", "CREATED", "RECEIVED"];
    let heads = if wide { &heads[..] } else { &heads[..6] };
    format!("{}\n", grid(style, heads, &[0, 5, 6], cells))
}

fn title(row: &RecordRow) -> String {
    let mark = match (row.retracted, row.superseded) {
        (true, _) => "(retracted) ",
        (false, true) => "(replaced) ",
        _ => "",
    };
    let key = match row.key_state.as_deref() {
        Some("compromised") => "(key compromised) ",
        Some("revoked") => "(key revoked) ",
        _ => "",
    };
    format!("{mark}{key}{}", row.title)
}

fn groups(style: &Style, groups: &[Group], by: &str) -> String {
    let value = |group: &Group| group.sum.unwrap_or(group.count);
    let most = groups.iter().map(value).max().unwrap_or(0).max(1);
    let summed = groups.iter().any(|group| group.sum.is_some());
    let rows = groups
        .iter()
        .map(|group| {
            let length = u128::from(value(group)) * u128::from(BAR) / u128::from(most);
            let bar = "█".repeat(usize::try_from(length).unwrap_or(0));
            let bar = if bar.is_empty() && value(group) > 0 {
                "▏".into()
            } else {
                bar
            };
            let key = if group.key.is_empty() {
                cell("(not said)", Tone::Dim)
            } else {
                cell(&group.key, Tone::Plain)
            };
            let mut cells = vec![key, number(group.count)];
            if summed {
                cells.push(number(group.sum.unwrap_or(0)));
            }
            cells.push(cell(bar, Tone::Good));
            cells
        })
        .collect();
    let by = clean(by).to_uppercase();
    let mut heads = vec![by.as_str(), "RECORDS"];
    if summed {
        heads.push("SUM");
    }
    heads.push("");
    let last = heads.len() - 1;
    format!("{}\n", grid(style, &heads, &[1, 2, last], rows))
}

/// The answer to a query as CSV: groups if there are any, else rows.
///
/// # Errors
/// When a line cannot be written.
pub fn csv(report: &QueryReport) -> Result<Vec<u8>, CommandError> {
    let failed = |e: csv::Error| {
        CommandError::failed(format!("cannot write CSV: {e}"), "use --json instead")
    };
    let mut out = csv::Writer::from_writer(Vec::new());
    if report.groups.is_empty() && report.rows.is_empty() {
        out.write_record(["count", "sum"]).map_err(failed)?;
        let sum = report.sum.map(|sum| sum.to_string()).unwrap_or_default();
        out.write_record([report.count.to_string(), sum])
            .map_err(failed)?;
    } else if report.groups.is_empty() {
        let heads = [
            "id",
            "kind",
            "title",
            "author",
            "tlp",
            "created",
            "received",
            "superseded",
            "retracted",
            "key",
        ];
        out.write_record(heads).map_err(failed)?;
        for row in &report.rows {
            let texts = [
                &row.id,
                &row.kind,
                &row.title,
                &row.author,
                &row.tlp,
                &row.created,
                &row.received,
            ];
            let marks = [
                row.superseded.to_string(),
                row.retracted.to_string(),
                row.key_state.clone().unwrap_or_default(),
            ];
            out.write_record(texts.into_iter().chain(&marks).map(|text| harmless(text)))
                .map_err(failed)?;
        }
    } else {
        out.write_record(["key", "records", "sum"])
            .map_err(failed)?;
        for group in &report.groups {
            let sum = group.sum.map(|sum| sum.to_string()).unwrap_or_default();
            out.write_record([harmless(&group.key), group.count.to_string(), sum])
                .map_err(failed)?;
        }
    }
    out.into_inner()
        .map_err(|e| CommandError::failed(format!("cannot write CSV: {e}"), "use --json instead"))
}

/// Foreign text that a spreadsheet would run as a formula is marked as text.
fn harmless(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ => text.to_owned(),
    }
}

/// A record in full.
pub fn view(style: &Style, view: &RecordView) -> String {
    let row = &view.row;
    let mut out = format!("{}\n", style.paint(Tone::Strong, &clean(&row.title)));
    if let Some(retraction) = &view.retracted_by {
        let erased = if retraction.erased {
            ", content erased"
        } else {
            ""
        };
        let at = when(&retraction.at);
        let line = match retraction.reason.as_str() {
            "expired" => format!("EXPIRED at {at}{erased}"),
            reason => format!("RETRACTED at {at}: {}{erased}", clean(reason)),
        };
        out.push_str(&format!("{}\n", style.paint(Tone::Bad, &line)));
    }
    for newer in &view.superseded_by {
        out.push_str(&format!(
            "{} by {}\n",
            style.paint(Tone::Warn, "REPLACED"),
            short_id(newer)
        ));
    }
    if let Some(says) = &view.key_says {
        let tone = match row.key_state.as_deref() {
            Some("rotated" | "affirmed") => Tone::Plain,
            _ => Tone::Bad,
        };
        out.push_str(&format!(
            "{}\n",
            style.paint(tone, &format!("KEY: {}", clean(says)))
        ));
    }
    let mut fact =
        |name: &str, value: &str| out.push_str(&format!("{name:<10} {}\n", clean(value)));
    fact("id", &row.id);
    fact("kind", &row.kind);
    fact(
        "from",
        &format!("{} ({})", row.author, short_id(&view.author_id)),
    );
    if !row.tlp.is_empty() {
        fact("marking", &format!("TLP:{}", row.tlp.to_uppercase()));
    }
    fact("created", &when(&row.created));
    fact(
        "received",
        &format!("{} from {}", when(&row.received), view.courier),
    );
    out.push('\n');
    if view.record.is_null() {
        out.push_str(
            "What it said was erased here and can't be shown again. This tombstone is left, so \
             that the record is not taken in a second time.\n",
        );
    } else {
        tree(&view.record, 0, &mut out);
    }
    if !view.findings.is_empty() {
        out.push_str("\nMarks of our own checks:\n");
        out.push_str(&errors::findings(style, &view.findings));
    }
    if !view.links.is_empty() {
        out.push_str("\nLinks:\n");
        for link in &view.links {
            out.push_str(&format!(
                "  {} {} ({})\n",
                clean(&link.rel),
                short_id(&link.id),
                clean(&link.state)
            ));
        }
    }
    if view.retracted_by.is_some() && !view.recipients.is_empty() {
        out.push_str("\nTaken back from:\n");
        out.push_str(&recipients::table(style, &view.recipients));
    } else if view.recipients.iter().any(recipients::is_withdrawn) {
        out.push_str("\nRecipients:\n");
        out.push_str(&recipients::table(style, &view.recipients));
    }
    if !view.leave.is_empty() {
        out.push_str("\nPermits, and requests for them:\n");
        for entry in &view.leave {
            out.push_str(&format!("  {}\n", leave::line(entry)));
        }
    }
    if !view.ledger.is_empty() {
        out.push_str("\nPassed on:\n");
        for entry in &view.ledger {
            out.push_str(&format!("  {}\n", decisions::ledger_line(entry)));
        }
    }
    out
}

/// JSON as indented lines; a list of small tables is one line a table.
fn tree(value: &Value, depth: usize, out: &mut String) {
    let Value::Object(fields) = value else {
        out.push_str(&format!("{}{}\n", "  ".repeat(depth), scalar(value)));
        return;
    };
    for (name, value) in fields {
        let indent = "  ".repeat(depth);
        let name = clean(name);
        match value {
            Value::Null => {}
            Value::Object(_) if depth < 8 => {
                out.push_str(&format!("{indent}{name}:\n"));
                tree(value, depth + 1, out);
            }
            Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
                out.push_str(&format!("{indent}{name}:\n"));
                for item in items {
                    out.push_str(&format!("{indent}  - {}\n", scalar(item)));
                }
            }
            other => out.push_str(&format!("{indent}{name}: {}\n", scalar(other))),
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text),
        Value::Array(items) => items.iter().map(scalar).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::Object(_) => format!("{} ({})", clean(name), scalar(value)),
                _ => format!("{} {}", clean(name), scalar(value)),
            })
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}

/// Whose word a file is.
pub fn verified(style: &Style, report: &VerifyReport) -> String {
    let word = if report.verified {
        style.paint(Tone::Good, "verified")
    } else {
        style.paint(Tone::Bad, "NOT VERIFIED")
    };
    let mut out = format!(
        "{word}: {} {} by {}\n{}\n",
        clean(&report.kind),
        short_id(&report.id),
        clean(&report.author),
        clean(&report.says)
    );
    out.push_str(&errors::findings(style, &report.findings));
    out
}

/// One line of `watch`.
pub fn event(style: &Style, event: &WatchEvent) -> String {
    match event {
        WatchEvent::Record(row) => format!(
            "{}  {}  {} from {}: {}",
            when(&row.received),
            style.paint(Tone::Strong, &short_id(&row.id)),
            clean(&row.kind),
            clean(&row.author),
            clean(&title(row))
        ),
        WatchEvent::Answered { peer, id, answer } => {
            format!(
                "{} answered {}: {}",
                clean(peer),
                short_id(id),
                clean(answer)
            )
        }
        WatchEvent::Up { peer } => format!("{} {}", clean(peer), style.paint(Tone::Good, "is up")),
        WatchEvent::Down { peer, says } => {
            format!(
                "{} {}: {}",
                clean(peer),
                style.paint(Tone::Bad, "is down"),
                clean(says)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style {
        width: Some(80),
        colour: false,
    };

    fn row(title: &str) -> RecordRow {
        RecordRow {
            id: "3F7K9Q2M".repeat(6),
            kind: "trend".into(),
            title: title.into(),
            author: "qm-bord".into(),
            tlp: "green".into(),
            created: "not a time".into(),
            received: "not a time".into(),
            superseded: false,
            retracted: false,
            key_state: None,
        }
    }

    #[test]
    fn a_long_title_is_wrapped_at_eighty_columns() {
        let mut gone = row("Old");
        gone.retracted = true;
        let report = QueryReport {
            count: 70,
            rows: vec![
                row("Detections on the Western Balkan Route, Syrians, October 2015"),
                gone,
            ],
            next: Some(row("").id),
            ..QueryReport::default()
        };
        let text = query(&STYLE, &report, None);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        insta::assert_snapshot!(text, @r"
        ID         KIND   TITLE                             FROM     TLP    CREATED
        3F7K-9Q2M  trend  Detections on the Western Balkan  qm-bord  green  not a time
                          Route, Syrians, October 2015
        3F7K-9Q2M  trend  (retracted) Old                   qm-bord  green  not a time
        70 records; these are 2 of them (more: --limit N; older: --before 3F7K-9Q2M)
        ");
    }

    #[test]
    fn groups_have_bars() {
        let group = |key: &str, count, sum| Group {
            key: key.into(),
            count,
            sum: Some(sum),
        };
        let report = QueryReport {
            count: 30,
            sum: Some(1_501),
            groups: vec![
                group("SYR", 20, 1_000),
                group("AFG", 9, 500),
                group("XKX", 1, 1),
            ],
            notes: vec!["Transit counts were not added up.".into()],
            ..QueryReport::default()
        };
        insta::assert_snapshot!(query(&STYLE, &report, Some("dim.nationality")), @r"
        DIM.NATIONALITY  RECORDS  SUM
        SYR                   20  1,000  ████████████████████████
        AFG                    9    500  ████████████
        XKX                    1      1  ▏
        30 records, sum 1,501
        note: Transit counts were not added up.
        ");
    }

    #[test]
    fn csv_does_not_carry_formulas() {
        let report = QueryReport {
            count: 1,
            rows: vec![row("=1+1, \"x\"")],
            ..QueryReport::default()
        };
        let text = String::from_utf8(csv(&report).expect("csv")).expect("utf-8");
        assert!(text.contains("\"'=1+1, \"\"x\"\"\""), "{text}");
    }

    #[test]
    fn a_record_in_full() {
        let view_of = RecordView {
            row: row("Title"),
            author_id: "0".repeat(52),
            key: String::new(),
            key_says: None,
            record: serde_json::json!({
                "period": {"from": "2015-10", "to": "2015-10"},
                "cells": [{"dims": {"nationality": "SYR"}, "n": 41}],
                "area": ["QM-01", "QM-02"],
                "summary": "a\u{1b}[31mb"
            }),
            courier: "own".into(),
            findings: vec![],
            superseded_by: vec![],
            retracted_by: None,
            links: vec![],
            recipients: vec![],
            leave: vec![],
            ledger: vec![],
        };
        insta::assert_snapshot!(view(&STYLE, &view_of), @r"
        Title
        id         3F7K9Q2M3F7K9Q2M3F7K9Q2M3F7K9Q2M3F7K9Q2M3F7K9Q2M
        kind       trend
        from       qm-bord (0000-0000)
        marking    TLP:GREEN
        created    not a time
        received   not a time from own

        period:
          from: 2015-10
          to: 2015-10
        cells:
          - dims (nationality SYR), n 41
        area: QM-01, QM-02
        summary: a[31mb
        ");
    }
}
