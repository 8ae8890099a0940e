//! Policies: statements, history, and who may have what in words.

use liaison_node::control::api::{PolicyApplied, PolicyPlain, PolicyReport};

use super::{Style, Tone, cell, clean, grid, plural, when};

/// Statements of a checked or applied policy.
pub fn statements(style: &Style, report: &PolicyReport) -> String {
    let hash: String = clean(&report.hash).chars().take(12).collect();
    let state = if report.active {
        "active"
    } else {
        "not active"
    };
    let count = plural(report.statements.len() as u64, "statement", "statements");
    let mut out = format!("Policy {hash} ({state}): {count}.\n");
    if report.statements.is_empty() {
        out.push_str(
            "Without a statement that permits it nothing is shared and nothing is accepted.\n",
        );
        return out;
    }
    let rows = report
        .statements
        .iter()
        .map(|statement| {
            let tone = if statement.effect == "forbid" {
                Tone::Bad
            } else {
                Tone::Good
            };
            vec![
                cell(&statement.id, Tone::Strong),
                cell(&statement.effect, tone),
                cell(&statement.says, Tone::Plain),
                cell(&statement.place, Tone::Dim),
            ]
        })
        .collect();
    out.push_str(&grid(style, &["ID", "", "SAYS", "WRITTEN IN"], &[1], rows));
    out.push('\n');
    out.push_str(&ceilings(style, report));
    out
}

/// The ceilings, which no statement goes beyond.
fn ceilings(style: &Style, report: &PolicyReport) -> String {
    if report.ceilings.is_empty() {
        return String::new();
    }
    let rows = report
        .ceilings
        .iter()
        .map(|ceiling| {
            vec![
                cell(&ceiling.name, Tone::Strong),
                cell(format!("never {}", ceiling.rule), Tone::Bad),
                cell(&ceiling.says, Tone::Plain),
                cell(&ceiling.place, Tone::Dim),
            ]
        })
        .collect();
    let heads = ["CEILING", "", "SAYS", "WRITTEN IN"];
    format!("{}\n", grid(style, &heads, &[], rows))
}

/// Files and history, for `policy show`.
pub fn show(style: &Style, report: &PolicyReport) -> String {
    let mut out = statements(style, report);
    for (name, text) in &report.files {
        out.push_str(&format!(
            "\n{}\n",
            style.paint(Tone::Strong, &format!("// {}", clean(name)))
        ));
        for line in text.lines() {
            out.push_str(&clean(line));
            out.push('\n');
        }
    }
    if !report.history.is_empty() {
        let rows = report
            .history
            .iter()
            .map(|applied| {
                let hash: String = applied.hash.chars().take(12).collect();
                vec![
                    cell(when(&applied.at), Tone::Plain),
                    cell(hash, Tone::Plain),
                    cell(applied.uid.to_string(), Tone::Plain),
                    cell(applied.reason.as_deref().unwrap_or("-"), Tone::Plain),
                    cell(proof(applied), Tone::Plain),
                ]
            })
            .collect();
        out.push('\n');
        out.push_str(&grid(
            style,
            &["APPLIED", "POLICY", "BY UID", "REASON", "PROOF"],
            &[0, 1, 2],
            rows,
        ));
        out.push('\n');
    }
    out
}

/// How it was proven, and what it breaks.
fn proof(applied: &PolicyApplied) -> String {
    let Some(note) = &applied.proof else {
        return "-".into();
    };
    if note.accepted.is_empty() {
        return note.how.clone();
    }
    format!("{}; breaks {}", note.how, note.accepted.join(", "))
}

/// Peer by kind, in words.
pub fn plain(style: &Style, plain: &PolicyPlain) -> String {
    if plain.rows.is_empty() {
        return "No peers yet: nobody may have anything.\n".into();
    }
    let mut heads = vec!["PEER".to_owned()];
    heads.extend(plain.kinds.iter().map(|kind| clean(kind)));
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let rows = plain
        .rows
        .iter()
        .map(|row| {
            let mut cells = vec![cell(&row.peer, Tone::Strong)];
            cells.extend(
                row.cells
                    .iter()
                    .map(|text| cell(text, if text == "-" { Tone::Dim } else { Tone::Plain })),
            );
            cells
        })
        .collect();
    format!("{}\n", grid(style, &heads, &[0], rows))
}

#[cfg(test)]
mod tests {
    use liaison_node::control::api::PlainRow;

    use super::*;

    #[test]
    fn who_may_have_what_in_words() {
        let view = PolicyPlain {
            kinds: vec!["trend".into(), "route".into()],
            rows: vec![
                PlainRow {
                    peer: "qm-pol".into(),
                    cells: vec!["some".into(), "up to amber".into()],
                },
                PlainRow {
                    peer: "qo-ngo".into(),
                    cells: vec!["up to green".into(), "-".into()],
                },
            ],
        };
        insta::assert_snapshot!(plain(&Style { width: Some(80), colour: false }, &view), @r"
        PEER    trend        route
        qm-pol  some         up to amber
        qo-ngo  up to green  -
        ");
    }
}
