//! The steps of a referral, and what one did.

use liaison_node::control::api::{DeskView, StepReport, TimelineReport};

use super::{open_steps, what};
use crate::output::{Style, Tone, cell, clean, grid, moment, services, short_id};

/// `refer timeline`. `now` is RFC 3339.
pub fn timeline(style: &Style, report: &TimelineReport, now: &str) -> String {
    let rows = report
        .rows
        .iter()
        .map(|row| {
            let (tone, effect) = match row.effect.as_str() {
                "applied" => (Tone::Plain, String::new()),
                "waiting" => (Tone::Warn, "waits".into()),
                _ => (
                    Tone::Bad,
                    format!("no effect: {}", row.why.as_deref().unwrap_or("refused")),
                ),
            };
            let step = match &row.detail {
                Some(detail) => format!("{} ({detail})", row.step),
                None => row.step.clone(),
            };
            let undelivered = (row.delivered == Some(false)).then(|| "NOT DELIVERED".to_owned());
            let more: Vec<String> = [undelivered, Some(effect), row.note.clone()]
                .into_iter()
                .flatten()
                .filter(|text| !text.is_empty())
                .collect();
            vec![
                cell(moment::clock(&row.at, now), Tone::Dim),
                cell(&row.by, Tone::Plain),
                cell(step, Tone::Strong),
                cell(more.join("; "), tone),
            ]
        })
        .collect();
    let id = short_id(&report.id);
    if report.rows.is_empty() {
        return format!("{id} has no step yet.\n");
    }
    format!("{}\n", grid(style, &["WHEN", "WHO", "STEP", ""], &[], rows))
}

/// What a step would do, before it is taken.
pub fn preview(style: &Style, report: &StepReport) -> String {
    let mut out = format!(
        "{} with {} would be: {}\n",
        style.paint(Tone::Strong, &short_id(&report.referral)),
        clean(&report.peer),
        clean(&report.state)
    );
    for done in &report.done {
        out.push_str(&format!("  {}\n", clean(done)));
    }
    out
}

/// What a step did; `desk`: whom to telephone where it was not delivered.
pub fn step(style: &Style, report: &StepReport, desk: Option<&DeskView>) -> String {
    if report.id.is_none() {
        return preview(style, report);
    }
    let mut out = format!(
        "{} with {} is now: {}\n",
        style.paint(Tone::Strong, &short_id(&report.referral)),
        clean(&report.peer),
        clean(&report.state)
    );
    if report.delivered {
        let says = format!("delivered to the node of {}", clean(&report.peer));
        out.push_str(&format!("{}\n", style.paint(Tone::Good, &says)));
    } else {
        out.push_str(&undelivered(style, &report.peer, desk));
    }
    for done in &report.done {
        out.push_str(&format!("{}\n", clean(done)));
    }
    for due in &report.deadlines {
        let says = format!("{} {}", what(due), moment::due(&due.at, due.left_ms));
        out.push_str(&format!("Next, {}: {says}\n", clean(&due.whose)));
    }
    out.push_str(&open_steps(style, &report.referral, &report.open));
    out
}

/// `NOT DELIVERED: telephone lantern, duty desk, +999…, 24h`
pub fn undelivered(style: &Style, peer: &str, desk: Option<&DeskView>) -> String {
    let peer = clean(peer);
    let says = match desk {
        Some(desk) => format!("NOT DELIVERED: telephone {peer}, {}", services::desk(desk)),
        None => format!("NOT DELIVERED: {peer} has not got it, and its card names no telephone"),
    };
    format!("{}\n", style.paint(Tone::Bad, &says))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::referral::tests::STYLE;

    #[test]
    fn what_is_not_delivered_says_whom_to_telephone() {
        let report: StepReport = serde_json::from_value(json!({
            "id": "AB", "referral": "3F7K9Q2MABCD", "state": "accepted", "peer": "lantern",
            "delivered": false,
        }))
        .expect("a report");
        let desk = DeskView {
            role: "duty desk".into(),
            channel: "+999 555 0101".into(),
            hours: Some("24h".into()),
            open: Some(true),
        };
        insta::assert_snapshot!(step(&STYLE, &report, Some(&desk)), @r"
        3F7K-9Q2M with lantern is now: accepted
        NOT DELIVERED: telephone lantern, duty desk, +999 555 0101, 24h

        No step is open to you now.
        ");
    }
}
