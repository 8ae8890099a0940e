//! Proofs of policies, and differences between them.

use liaison_node::control::api::ProofReport;
use liaison_node::policy::prove::{Difference, Widening};

use super::{Style, Tone, cell, clean, grid};

/// What was found of each invariant; then each case that breaks one.
pub fn report(style: &Style, report: &ProofReport) -> String {
    let hash: String = clean(&report.hash).chars().take(12).collect();
    let rows = report
        .findings
        .iter()
        .map(|finding| {
            let tone = if finding.is_proven() {
                Tone::Good
            } else {
                Tone::Bad
            };
            vec![
                cell(&finding.verdict, tone),
                cell(&finding.id, Tone::Strong),
                cell(&finding.part, Tone::Dim),
                cell(&finding.says, Tone::Plain),
            ]
        })
        .collect();
    let mut out = grid(style, &["", "INVARIANT", "PART", "SAYS"], &[0, 1, 2], rows);
    out.push('\n');
    for finding in report.findings.iter().filter(|f| !f.is_proven()) {
        out.push_str(&format!(
            "\n{} ({})\n  {}\n",
            style.paint(Tone::Strong, &clean(&finding.id)),
            finding.part,
            clean(finding.words.as_deref().unwrap_or_default())
        ));
    }
    out.push('\n');
    for note in &report.notes {
        out.push_str(&format!("{}\n", clean(note)));
    }
    let solver = clean(report.solver.as_deref().unwrap_or("no solver"));
    let said = if report.proven {
        format!("Policy {hash} keeps every invariant ({solver}). Said of the Cedar set only.")
    } else {
        format!("Policy {hash} is not proven ({solver}).")
    };
    out.push_str(&said);
    out.push('\n');
    out
}

/// What the new set lets through and the old does not, and the other way round.
pub fn difference(style: &Style, difference: &Difference) -> String {
    let mut out = String::new();
    let mut say = |head: &str, none: &str, found: &[Widening]| {
        if found.is_empty() {
            out.push_str(&format!("{none}\n"));
            return;
        }
        out.push_str(&format!("{}\n", style.paint(Tone::Strong, head)));
        for widening in found {
            out.push_str(&format!(
                "  {}: {}\n",
                widening.action,
                clean(&widening.words)
            ));
        }
    };
    say(
        "NEW lets through what OLD did not, for example:",
        "NEW lets nothing through that OLD did not.",
        &difference.wider,
    );
    say(
        "OLD let through what NEW does not, for example:",
        "OLD let nothing through that NEW does not.",
        &difference.narrower,
    );
    for line in &difference.circles {
        out.push_str(&format!("{}\n", clean(line)));
    }
    out
}
