//! A home folder that was just made.

use liaison_node::home::InitReport;
use serde_json::json;

use super::{Tone, Ui};
use crate::error::Outcome;

/// That it is ready, and what comes `next`; with `--json` its agency, digits and path.
pub fn ready(ui: &mut Ui, report: &InitReport, next: &str) -> Outcome {
    if ui.json {
        return ui.object(&json!({
            "agency": report.agency.to_string(),
            "fingerprint": report.fingerprint,
            "path": report.path,
        }));
    }
    let done = format!("The home folder is ready: {}", report.path.display());
    let done = ui.style.paint(Tone::Good, &done);
    ui.print(&format!("{done}\n\n{next}"))
}
