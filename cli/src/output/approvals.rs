//! What waits for a second person.

use liaison_node::control::api::{ApprovalView, ApproveReport};

use super::{Style, Tone, clean, when};

/// `approve` alone.
pub fn waiting(style: &Style, waiting: &[ApprovalView]) -> String {
    if waiting.is_empty() {
        return "Nothing waits for a second person.\n".into();
    }
    let mut out = String::new();
    for one in waiting {
        let yours = if one.yours {
            "you may approve it"
        } else {
            "not yours to approve"
        };
        out.push_str(&format!(
            "{}  {}\n  asked for by {} on {}, lapses {}; {yours}\n",
            style.paint(Tone::Strong, &clean(&one.number)),
            clean(&one.says),
            clean(&one.user),
            when(&one.at),
            when(&one.until),
        ));
        if let Some(reason) = &one.reason {
            out.push_str(&format!("  reason: {}\n", clean(reason)));
        }
        out.push_str(&format!("  SHA-256 {}\n", clean(&one.hash)));
    }
    out
}

/// `approve NUMBER`.
pub fn approved(style: &Style, report: &ApproveReport) -> String {
    format!(
        "{} {}\n",
        style.paint(Tone::Good, "done:"),
        clean(&report.says)
    )
}
