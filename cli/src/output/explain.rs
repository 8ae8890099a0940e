//! A decision taken apart.

use std::collections::BTreeMap;

use liaison_node::control::api::Explanation;

use super::{Style, Tone, cell, clean, gates, grid, short_id};

/// Verdict, gates, statements, then what policy saw.
pub fn explanation(style: &Style, report: &Explanation) -> String {
    let decision = &report.decision;
    let what = match &report.id {
        Some(id) => short_id(id),
        None => "the draft".to_owned(),
    };
    let mut out = format!(
        "{} {} {what} \"{}\": gate '{}', rule '{}'.\n\n",
        clean(&decision.peer),
        gates::verb(style, decision),
        clean(&report.title),
        clean(&decision.gate),
        clean(&decision.rule)
    );
    out.push_str(&gates::table(style, &report.gates, true));
    out.push('\n');
    if !report.statements.is_empty() {
        let rows = report
            .statements
            .iter()
            .map(|s| {
                let tone = match s.effect.as_str() {
                    "forbid" => Tone::Bad,
                    _ => Tone::Good,
                };
                vec![
                    cell(&s.id, Tone::Strong),
                    cell(&s.effect, tone),
                    cell(&s.says, Tone::Plain),
                    cell(&s.place, Tone::Dim),
                ]
            })
            .collect();
        let heads = ["DECIDED BY", "", "SAYS", "WRITTEN IN"];
        out.push_str(&format!("\n{}\n", grid(style, &heads, &[1], rows)));
    }
    for sentence in report.nearest.iter().chain(&report.errors) {
        out.push_str(&format!("\n{}\n", clean(sentence)));
    }
    out.push_str(&format!(
        "\nWhat policy sees ({}, epoch {}):\n",
        clean(&report.policy).chars().take(12).collect::<String>(),
        report.epoch
    ));
    out.push_str(&attributes("principal", &report.peer));
    out.push_str(&attributes("resource", &report.record));
    out.push_str(&format!("  context.addressed = {}\n", report.addressed));
    out
}

fn attributes(of: &str, attributes: &BTreeMap<String, String>) -> String {
    attributes
        .iter()
        .map(|(name, value)| format!("  {of}.{} = {}\n", clean(name), clean(value)))
        .collect()
}
