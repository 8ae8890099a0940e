//! The audit log.

use liaison_node::control::api::{AuditReport, AuditVerifyReport, DisclosureRow};
use serde::Serialize;

use super::{Style, Tone, cell, clean, comma, grid, list, number, plural, short_id, when};

/// A line, and what was typed.
#[derive(Debug, Serialize)]
pub struct Unsealed {
    /// Its number.
    pub n: u64,
    /// When.
    pub at: String,
    /// Who.
    pub who: String,
    /// By which call.
    pub by: String,
    /// What was typed; none: it is sealed to another key.
    pub typed: Option<String>,
}

/// `audit log`.
pub fn lines(style: &Style, report: &AuditReport) -> String {
    if report.lines.is_empty() {
        return "No line matches.\n".into();
    }
    let rows = report.lines.iter().map(|line| {
        let peers: Vec<&str> = line
            .peers
            .iter()
            .map(|id| report.names.get(id).map_or(id.as_str(), String::as_str))
            .collect();
        let mut about = match line.records.as_slice() {
            [] => line
                .count
                .map(|n| plural(n, "record", "records"))
                .unwrap_or_default(),
            [one] => short_id(one),
            [first, rest @ ..] => format!("{} and {} more", short_id(first), rest.len()),
        };
        if let Some(outcome) = &line.outcome {
            about = format!("{about} {outcome}").trim().to_owned();
        }
        if let Some(rule) = &line.rule {
            about = format!("{about} [{rule}]");
        }
        if line.typed.is_some() {
            about.push_str(" (sealed)");
        }
        vec![
            number(line.n),
            cell(when(&line.at), Tone::Dim),
            cell(line.who.to_string(), Tone::Strong),
            cell(line.what.as_str(), Tone::Plain),
            cell(peers.join(", "), Tone::Plain),
            cell(about, Tone::Plain),
            cell(&line.by, Tone::Dim),
        ]
    });
    let heads = ["LINE", "WHEN", "WHO", "WHAT", "PEER", "ABOUT", "BY"];
    let mut out = grid(style, &heads, &[0, 1, 3], rows.collect());
    out.push('\n');
    if let Some(older) = older(report) {
        out.push_str(&format!("{older}\n"));
    }
    out
}

/// That older lines match as well, if so, and how to see them.
pub fn older(report: &AuditReport) -> Option<String> {
    let first = report.lines.first().filter(|_| report.more)?;
    Some(format!(
        "There are older ones: --limit N (up to 10,000), or --before {}.",
        first.n
    ))
}

/// `audit verify`.
pub fn verified(style: &Style, report: &AuditVerifyReport, witness: bool) -> String {
    let mut out = String::new();
    if report.intact {
        out.push_str(&format!(
            "{} Lines {} to {} are as they were written; {} fit.\n",
            style.paint(Tone::Good, "intact:"),
            comma(report.from),
            comma(report.to),
            plural(report.heads, "signed head", "signed heads"),
        ));
    }
    if report.lost > 0 {
        out.push_str(&format!(
            "{} under a key that was lost since: a thief of the key could have made it as well. What a peer witnessed before counts.\n",
            plural(report.lost, "signed head is", "signed heads are"),
        ));
    }
    for restore in &report.restores {
        out.push_str(&format!(
            "{} {}\n",
            style.paint(Tone::Warn, "restored:"),
            clean(restore)
        ));
    }
    for fault in &report.faults {
        out.push_str(&format!(
            "{} {}\n",
            style.paint(Tone::Bad, "wrong:"),
            clean(fault)
        ));
    }
    if witness {
        out.push_str(&match report.witnesses.as_slice() {
            [] => "No peer has said what it holds of this log: nobody would miss its end.\n".into(),
            peers => format!(
                "Witnessed up to line {} (by {}).\n",
                comma(report.witnessed),
                list(peers)
            ),
        });
    }
    out
}

/// `audit disclosures`.
pub fn disclosures(style: &Style, rows: &[DisclosureRow]) -> String {
    if rows.is_empty() {
        return "Nothing of that was disclosed.\n".into();
    }
    let cells = rows.iter().map(|row| {
        vec![
            cell(when(&row.at), Tone::Dim),
            cell(short_id(&row.record), Tone::Strong),
            cell(&row.peer, Tone::Plain),
            cell(row.answer.as_deref().unwrap_or("not answered"), Tone::Plain),
            cell(&row.rule, Tone::Plain),
            cell(row.line.map(comma).unwrap_or_default(), Tone::Dim),
        ]
    });
    let heads = ["WHEN", "RECORD", "PEER", "ANSWER", "RULE", "LINE"];
    let mut out = grid(style, &heads, &[0, 1], cells.collect());
    out.push('\n');
    out
}

/// `audit unseal`.
pub fn unsealed(style: &Style, rows: &[Unsealed]) -> String {
    if rows.is_empty() {
        return "Nothing was typed there.\n".into();
    }
    let mut out = String::new();
    for row in rows {
        let head = format!(
            "{} {} {} {}",
            row.n,
            when(&row.at),
            clean(&row.who),
            clean(&row.by)
        );
        out.push_str(&style.paint(Tone::Dim, &head));
        out.push('\n');
        match &row.typed {
            None => out.push_str("  sealed to another key\n"),
            Some(text) => {
                for line in text.lines() {
                    out.push_str(&format!("  {}\n", clean(line)));
                }
            }
        }
    }
    out
}
