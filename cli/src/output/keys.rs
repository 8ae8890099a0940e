//! Signing keys.

use liaison_node::control::api::{AffirmReport, KeyChangeReport, KeysView};

use super::{Style, Tone, cell, clean, grid, plural, short_id, when};

/// `keys show`.
pub fn view(style: &Style, view: &KeysView) -> String {
    let mut out = format!(
        "{} (card revision {})\n",
        style.paint(Tone::Strong, &clean(&view.peer)),
        view.revision
    );
    if view.all_revoked {
        out.push_str(&format!(
            "{}\n",
            style.paint(Tone::Bad, "All its keys are revoked, for good.")
        ));
    }
    let rows = view
        .keys
        .iter()
        .map(|key| {
            let tone = match key.state.as_str() {
                "current" => Tone::Good,
                "rotated" => Tone::Plain,
                _ => Tone::Bad,
            };
            let until = key.until.as_deref().map(when).unwrap_or_default();
            vec![
                cell(short_id(&key.key), Tone::Strong),
                cell(&key.state, tone),
                cell(until, Tone::Plain),
                cell(&key.says, Tone::Plain),
            ]
        })
        .collect();
    let heads = ["SIGNING KEY", "STATE", "UNTIL", ""];
    out.push_str(&format!("{}\n", grid(style, &heads, &[0, 1, 2], rows)));
    match view.root_here {
        Some(true) => out.push_str(
            "The root key is in the home. It belongs into a safe: `liaison keys root remove --to FILE`.\n",
        ),
        Some(false) => {
            out.push_str("The root key is kept elsewhere: card edits and key changes need --root FILE.\n");
        }
        None if view.nodes.is_empty() => out.push_str(
            "No node of it is known under a key that stands: it can't connect. Ask for its newest card.\n",
        ),
        None => {}
    }
    out
}

/// `keys rotate` and `keys compromised`.
pub fn changed(style: &Style, report: &KeyChangeReport) -> String {
    let mut out = format!(
        "{}\n",
        style.paint(
            Tone::Good,
            &format!(
                "Key {} is {} since {}.",
                short_id(&report.old),
                clean(&report.state),
                when(&report.at)
            )
        )
    );
    if let Some(new) = &report.new {
        out.push_str(&format!("From now on {} signs.\n", short_id(new)));
    }
    out.push_str("Your peers hear of it by your card as soon as they are connected.\n");
    if report.state == "compromised" && report.records > 0 {
        out.push_str(&format!(
            "It signed {} of yours that are held here. Until you affirm them they are marked, and nobody takes them anew:\n  liaison keys affirm ID...\n  liaison keys affirm --all-before DATE\n",
            plural(report.records, "record", "records")
        ));
    }
    out
}

/// `keys affirm`.
pub fn affirmed(report: &AffirmReport) -> String {
    if report.affirmed == 0 {
        return "Nothing to affirm: no record of yours that you named is under a compromised key, or all are affirmed.\n".into();
    }
    format!(
        "{} affirmed, in {}.\n",
        plural(report.affirmed, "record", "records"),
        plural(report.ids.len() as u64, "message", "messages")
    )
}
