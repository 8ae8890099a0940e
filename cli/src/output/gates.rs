//! The gates of a decision, in order.

use liaison_node::control::api::{GateView, PeerDecision};

use comfy_table::Cell;

use super::{Style, Tone, cell, grid};

/// Whether a peer gets it, painted.
pub(super) fn verb(style: &Style, decision: &PeerDecision) -> String {
    let (verb, tone) = if decision.allow {
        ("gets", Tone::Good)
    } else {
        ("does not get", Tone::Bad)
    };
    style.paint(tone, verb)
}

/// One line a gate: open or closed, why; with the rules' names if asked for.
pub(super) fn table(style: &Style, gates: &[GateView], with_rules: bool) -> String {
    let row = |gate: &GateView| -> Vec<Cell> {
        let (word, tone) = if gate.allow {
            ("open", Tone::Good)
        } else {
            ("closed", Tone::Bad)
        };
        let rule = with_rules.then(|| cell(&gate.rule, Tone::Plain));
        let before = [cell(&gate.gate, Tone::Plain), cell(word, tone)];
        let says = cell(&gate.says, Tone::Plain);
        before.into_iter().chain(rule).chain([says]).collect()
    };
    let rule = with_rules.then_some("RULE");
    let heads: Vec<&str> = ["GATE", ""]
        .into_iter()
        .chain(rule)
        .chain(["SAYS"])
        .collect();
    grid(style, &heads, &[0, 1], gates.iter().map(row).collect())
}
