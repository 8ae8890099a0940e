//! The officers.

use liaison_node::control::api::{OfficerView, OfficersReport};

use super::{Style, Tone, cell, clean, grid};

/// `officers`.
pub fn officers(style: &Style, report: &OfficersReport) -> String {
    let rows = report.officers.iter().map(|officer| {
        let you = if officer.uid == report.you.uid {
            "you"
        } else {
            ""
        };
        let shared = if officer.shared { "shared" } else { "" };
        vec![
            cell(&officer.user, Tone::Strong),
            cell(officer.uid.to_string(), Tone::Dim),
            cell(officer.roles.join(", "), Tone::Plain),
            cell([you, shared].join(" ").trim(), Tone::Warn),
        ]
    });
    let mut out = grid(
        style,
        &["USER", "UID", "ROLES", ""],
        &[0, 1],
        rows.collect(),
    );
    out.push('\n');
    for user in &report.unknown {
        out.push_str(&format!(
            "{} '{}' is no user of this machine, so it is not let in\n",
            style.paint(Tone::Warn, "!"),
            clean(user)
        ));
    }
    out.push_str(&format!("\n{}\n", clean(&report.file)));
    out
}

/// One officer, in a line.
pub fn officer(officer: &OfficerView) -> String {
    let shared = if officer.shared { ", shared" } else { "" };
    format!(
        "{} (uid {}): {}{shared}",
        clean(&officer.user),
        officer.uid,
        clean(&officer.roles.join(", "))
    )
}
