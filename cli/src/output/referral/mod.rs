//! Referrals: the inbox, one in full, its steps, and what a step did.

mod inbox;
mod step;
mod view;

use liaison_node::control::api::{DeadlineView, OpenStep};
use liaison_protocol::record::codes::StepKind;

pub use self::inbox::{found, inbox, items};
pub use self::step::{preview, step, timeline, undelivered};
pub(super) use self::view::fields;
pub use self::view::view;
use super::{Style, Tone, clean, short_id};
use crate::commands::refer::{does, verb};

/// What has to happen, in words.
fn what(due: &DeadlineView) -> &str {
    match due.what.as_str() {
        "acknowledge" => "read it",
        "decide" => "accept or decline",
        "first-assistance" => "first assistance",
        "follow-up" => "follow up",
        "welfare" => "check that they are safe",
        other => other,
    }
}

/// The steps that are open, as full commands.
fn open_steps(style: &Style, id: &str, open: &[OpenStep]) -> String {
    if open.is_empty() {
        return "\nNo step is open to you now.\n".into();
    }
    let id = short_id(id);
    let commands: Vec<(String, &str)> = open
        .iter()
        .filter_map(|step| {
            let kind: StepKind = step.step.parse().ok()?;
            let command = format!("liaison refer {} {id}", verb(kind));
            Some((command, does(kind)))
        })
        .collect();
    let widest = commands.iter().map(|(c, _)| c.len()).max().unwrap_or(0);
    let mut out = format!("\n{}\n", style.paint(Tone::Strong, "You can now:"));
    for (command, label) in commands {
        let command = style.paint(Tone::Strong, &format!("{command:<widest$}"));
        out.push_str(&format!("  {command}  {label}\n"));
    }
    out
}

fn stopped(style: &Style, why: Option<&str>) -> String {
    match why {
        Some(why) => {
            let says = format!("No deadline fires at present: {}", clean(why));
            format!("{}\n", style.paint(Tone::Bad, &says))
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::Style;

    pub(super) const STYLE: Style = Style {
        width: Some(80),
        colour: false,
    };
    /// In the past by any clock, so that days are shown whatever the zone.
    pub(super) const AT: &str = "2031-03-02T03:10:00Z";
}
