//! Policies: statements, history, and who may have what in words.

use std::collections::BTreeSet;

use liaison_node::control::api::{
    CeilingView, PlainCarried, PlainRow, PolicyApplied, PolicyPlain, PolicyReport,
};

use super::wrap::wrap;
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
    out.push_str(&ceilings(style, &report.ceilings));
    out
}

/// The ceilings, which no statement goes beyond.
fn ceilings(style: &Style, ceilings: &[CeilingView]) -> String {
    if ceilings.is_empty() {
        return String::new();
    }
    let rows = ceilings
        .iter()
        .map(|ceiling| {
            vec![
                cell(&ceiling.name, Tone::Strong),
                cell(&ceiling.rule, Tone::Bad),
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

/// Columns of a page, where no terminal says how wide it is.
const PAGE: usize = 80;

/// Who may have what, in words: a table where it fits the page, else a paragraph for all peers
/// that may have the same for the same reasons.
pub fn plain(style: &Style, plain: &PolicyPlain) -> String {
    if plain.rows.is_empty() {
        return "No peers yet: nobody may have anything.\n".into();
    }
    let page = style.width.map_or(PAGE, usize::from);
    let mut out = match table_width(plain) <= page {
        true => table(style, plain),
        false => paragraphs(style, plain),
    };
    let ceilings = ceilings(style, &plain.ceilings);
    if !ceilings.is_empty() {
        out.push('\n');
        out.push_str(&ceilings);
    }
    if !plain.carried.is_empty() {
        out.push('\n');
        out.push_str(&carried(style, plain));
    }
    out
}

/// For whom this hub keeps parcels, and whose: a line for all for whom it keeps the same.
fn carried(style: &Style, plain: &PolicyPlain) -> String {
    let peers: BTreeSet<&str> = plain.rows.iter().map(|row| row.peer.as_str()).collect();
    let mut groups: Vec<(String, &PlainCarried, Vec<String>)> = Vec::new();
    for row in &plain.carried {
        let from = depositors(row, &peers);
        let same = |known: &&mut (String, &PlainCarried, Vec<String>)| {
            known.0 == from && known.1.says == row.says
        };
        match groups.iter_mut().find(same) {
            Some((.., names)) => names.push(clean(&row.peer)),
            None => groups.push((from, row, vec![clean(&row.peer)])),
        }
    }
    let head = "Kept for others, in parcels that this node cannot read:";
    let mut out = format!("{}\n", style.paint(Tone::Strong, head));
    for (from, row, names) in groups {
        let line = format!("  for {}, from {from}\n", names.join(", "));
        out.push_str(&wrap(&line, style.width));
        for says in &row.says {
            let because = format!("  because: {}\n", clean(says));
            out.push_str(&wrap(&because, style.width));
        }
    }
    out
}

/// The depositors, or, where they are more than half, those who are none.
fn depositors(row: &PlainCarried, peers: &BTreeSet<&str>) -> String {
    let of: BTreeSet<&str> = row.of.iter().map(String::as_str).collect();
    let others = peers.iter().filter(|peer| **peer != row.peer);
    let not: Vec<String> = others
        .filter(|p| !of.contains(*p))
        .map(|p| clean(p))
        .collect();
    if not.is_empty() {
        "every other peer".to_owned()
    } else if not.len() < of.len() {
        format!("every other peer but {}", not.join(", "))
    } else {
        let of: Vec<String> = of.into_iter().map(clean).collect();
        of.join(", ")
    }
}

fn table_width(plain: &PolicyPlain) -> usize {
    let column = |head: &str, cells: &mut dyn Iterator<Item = &String>| {
        let widest = cells.map(|c| c.chars().count()).max().unwrap_or(0);
        widest.max(head.chars().count()).saturating_add(2)
    };
    let peers = column("PEER", &mut plain.rows.iter().map(|row| &row.peer));
    let kinds = plain.kinds.iter().enumerate().map(|(at, kind)| {
        let mut cells = plain.rows.iter().filter_map(|row| row.cells.get(at));
        column(kind, &mut cells)
    });
    kinds.fold(peers, usize::saturating_add)
}

fn table(style: &Style, plain: &PolicyPlain) -> String {
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

fn paragraphs(style: &Style, plain: &PolicyPlain) -> String {
    let mut groups: Vec<(&PlainRow, Vec<String>)> = Vec::new();
    for row in &plain.rows {
        let same = |known: &&mut (&PlainRow, Vec<String>)| {
            known.0.cells == row.cells && known.0.says == row.says
        };
        match groups.iter_mut().find(same) {
            Some((_, names)) => names.push(clean(&row.peer)),
            None => groups.push((row, vec![clean(&row.peer)])),
        }
    }
    let width = plain.kinds.iter().map(|k| k.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut all = Vec::new();
    for (row, names) in groups {
        let names = wrap(&names.join(", "), style.width);
        let mut out = format!("{}\n", style.paint(Tone::Strong, &names));
        let cells = plain.kinds.iter().zip(&row.cells);
        let mut given = cells.filter(|(_, cell)| *cell != "-").peekable();
        if given.peek().is_none() {
            out.push_str("  nothing\n");
        }
        for (kind, cell) in given {
            out.push_str(&format!("  {:width$}  {}\n", clean(kind), clean(cell)));
        }
        for says in &row.says {
            let because = format!("  because: {}\n", clean(says));
            out.push_str(&wrap(&because, style.width));
        }
        all.push(out);
    }
    all.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_have_what_in_words() {
        let view = PolicyPlain {
            kinds: vec!["trend".into(), "route".into()],
            rows: vec![
                PlainRow {
                    peer: "qm-pol".into(),
                    cells: vec!["some".into(), "up to amber".into()],
                    says: Vec::new(),
                },
                PlainRow {
                    peer: "qo-ngo".into(),
                    cells: vec!["up to green".into(), "-".into()],
                    says: Vec::new(),
                },
            ],
            ceilings: Vec::new(),
            carried: Vec::new(),
        };
        insta::assert_snapshot!(plain(&Style { width: Some(80), colour: false }, &view), @r"
        PEER    trend        route
        qm-pol  some         up to amber
        qo-ngo  up to green  -
        ");
    }
    /// Twelve peers and all kinds are more than a page is wide: those who may have the same
    /// stand together.
    #[test]
    fn twelve_peers_on_a_page() {
        let kinds = [
            "trend",
            "modus-operandi",
            "route",
            "document-alert",
            "service",
        ];
        let row = |number: u32| {
            let (cells, says) = match number {
                1..=7 => (
                    [
                        "up to green, some amber+strict",
                        "-",
                        "-",
                        "-",
                        "up to amber",
                    ],
                    vec!["Trends go to shelters.".to_owned()],
                ),
                8..=11 => (
                    [
                        "up to amber",
                        "up to amber",
                        "some up to red",
                        "up to green",
                        "-",
                    ],
                    vec![
                        "Police get methods up to amber.".to_owned(),
                        "The joint team gets routes as named recipients.".to_owned(),
                    ],
                ),
                _ => (["-"; 5], Vec::new()),
            };
            PlainRow {
                peer: format!("qm-agency-{number:02}"),
                cells: cells.map(str::to_owned).to_vec(),
                says,
            }
        };
        let view = PolicyPlain {
            kinds: kinds.map(str::to_owned).to_vec(),
            rows: (1..=12).map(row).collect(),
            ceilings: vec![CeilingView {
                name: "shelters-green".into(),
                says: "The agreement with shelters ends at green.".into(),
                rule: "nothing above TLP:GREEN to sector:ngo".into(),
                place: "ceilings.toml:1".into(),
            }],
            carried: Vec::new(),
        };
        let page = plain(
            &Style {
                width: Some(80),
                colour: false,
            },
            &view,
        );
        let (peers, ceilings) = page.split_once("\nCEILING").expect("ceilings");
        assert!(ceilings.contains("nothing above"), "{page}");
        insta::assert_snapshot!(peers, @r"
        qm-agency-01, qm-agency-02, qm-agency-03, qm-agency-04, qm-agency-05,
        qm-agency-06, qm-agency-07
          trend           up to green, some amber+strict
          service         up to amber
          because: Trends go to shelters.

        qm-agency-08, qm-agency-09, qm-agency-10, qm-agency-11
          trend           up to amber
          modus-operandi  up to amber
          route           some up to red
          document-alert  up to green
          because: Police get methods up to amber.
          because: The joint team gets routes as named recipients.

        qm-agency-12
          nothing
        ");
    }

    /// Those for whom a hub keeps the same for the same reasons stand in one line.
    #[test]
    fn whose_parcels_a_hub_keeps_and_for_whom() {
        let names = ["migro", "qm-pol", "qn-bord", "qo-pros", "veloren"];
        let rows = names.map(|name| PlainRow {
            peer: name.into(),
            cells: Vec::new(),
            says: Vec::new(),
        });
        let carried = |peer: &str, of: &[&str], says: &str| PlainCarried {
            peer: peer.into(),
            of: of.iter().map(|name| (*name).to_owned()).collect(),
            says: vec![says.to_owned()],
        };
        let all = "We keep parcels for every peer.";
        let view = PolicyPlain {
            kinds: Vec::new(),
            rows: rows.into(),
            ceilings: Vec::new(),
            carried: vec![
                carried("migro", &["qm-pol", "qn-bord", "qo-pros", "veloren"], all),
                carried("qm-pol", &["migro", "qn-bord", "qo-pros", "veloren"], all),
                carried("qn-bord", &["migro", "qm-pol", "qo-pros"], all),
                carried("qo-pros", &["qm-pol"], "Police reach the prosecution."),
            ],
        };
        let style = Style {
            width: Some(80),
            colour: false,
        };
        insta::assert_snapshot!(carried_part(&plain(&style, &view)), @r"
        Kept for others, in parcels that this node cannot read:
          for migro, qm-pol, from every other peer
          because: We keep parcels for every peer.
          for qn-bord, from every other peer but veloren
          because: We keep parcels for every peer.
          for qo-pros, from qm-pol
          because: Police reach the prosecution.
        ");
    }

    fn carried_part(page: &str) -> &str {
        page.find("Kept for others").map_or("", |at| &page[at..])
    }
}
