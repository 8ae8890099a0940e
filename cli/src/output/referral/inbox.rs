//! The inbox, and what of it stands on the home screen.

use liaison_node::control::api::{InboxReport, InboxRow};

use super::{stopped, what};
use crate::output::status::Item;
use crate::output::{Style, Tone, cell, clean, comma, grid, moment, short_id};

/// Referrals of one class on the home screen: more are in the inbox.
const HOME_ROWS: usize = 5;

/// `inbox`; `is_whole`: nothing was filtered out.
pub fn inbox(style: &Style, report: &InboxReport, is_whole: bool) -> String {
    let mut out = stopped(style, report.stopped.as_deref());
    if report.rows.is_empty() {
        out.push_str(if is_whole {
            "No referral is live. Make one: `liaison refer new`\n"
        } else {
            "None of the live referrals. All of them: `liaison inbox`\n"
        });
        return out;
    }
    out.push_str(&table(style, report));
    let more = report.total.saturating_sub(report.rows.len() as u64);
    if is_whole && more > 0 {
        out.push_str(&format!("{} more are less pressing\n", comma(more)));
    }
    if let Some(first) = report.rows.first() {
        let id = short_id(&first.id);
        out.push_str(&format!("Open one: liaison refer show {id}\n"));
    }
    out
}

/// What of the inbox the home screen lists: what is not delivered first, then what is overdue,
/// due and new; of each a few, the most pressing.
pub fn items(report: &InboxReport) -> Vec<Item> {
    let overdue = |row: &InboxRow| row.due.as_ref().is_some_and(|due| due.left_ms < 0);
    let class = |row: &InboxRow| match row {
        row if row.undelivered => Some("unsent"),
        row if overdue(row) => Some("overdue"),
        row if row.ours || row.conflict || !row.prompts.is_empty() => Some("due"),
        row if row.new => Some("new"),
        _ => None,
    };
    let mut out = Vec::new();
    for what in ["unsent", "overdue", "due", "new"] {
        let rows: Vec<&InboxRow> = report
            .rows
            .iter()
            .filter(|row| class(row) == Some(what))
            .collect();
        for row in rows.iter().take(HOME_ROWS) {
            let id = short_id(&row.id);
            out.push(Item {
                what,
                says: waits(row),
                command: format!("liaison refer show {id}"),
            });
        }
        if rows.len() > HOME_ROWS {
            let more = comma((rows.len() - HOME_ROWS) as u64);
            out.push(Item {
                what,
                says: format!("{more} more referrals"),
                command: "liaison inbox".into(),
            });
        }
    }
    if let Some(why) = &report.stopped {
        out.push(Item {
            what: "alert",
            says: format!("no deadline fires at present: {}", clean(why)),
            command: "liaison clock show".into(),
        });
    }
    out
}

/// Why a referral stands on the home screen.
fn waits(row: &InboxRow) -> String {
    let (id, peer) = (short_id(&row.id), clean(&row.peer));
    if row.undelivered {
        return format!("referral {id} is NOT DELIVERED to {peer}: telephone them");
    }
    if let Some(prompt) = row.prompts.first() {
        return format!("referral {id}: {}", clean(prompt));
    }
    if row.conflict {
        return format!("referral {id} with {peer}: two steps ran into each other");
    }
    let urgency = clean(&row.urgency);
    match &row.due {
        Some(due) => {
            let whose = if due.whose == row.role { "" } else { "they: " };
            let by = moment::due(&due.at, due.left_ms);
            format!(
                "referral {id} with {peer}, {urgency}: {whose}{} {by}",
                what(due)
            )
        }
        None => format!(
            "referral {id} with {peer}, {urgency}: {}",
            clean(&row.state)
        ),
    }
}

/// `refer find`.
pub fn found(style: &Style, report: &InboxReport) -> String {
    if report.rows.is_empty() {
        return "Nothing that is assigned to you has these words.\n".into();
    }
    table(style, report)
}

fn table(style: &Style, report: &InboxReport) -> String {
    let rows = report.rows.iter().map(row).collect();
    let heads = ["", "REFERRAL", "WITH", "STATE", "HOW SOON", "DUE"];
    let mut out = format!("{}\n", grid(style, &heads, &[0, 1, 4], rows));
    for row in &report.rows {
        let id = short_id(&row.id);
        if row.undelivered {
            let says = format!("{id}: NOT DELIVERED to {}", clean(&row.peer));
            out.push_str(&format!("{}\n", style.paint(Tone::Bad, &says)));
        }
        for prompt in &row.prompts {
            out.push_str(&format!("{id}: {}\n", clean(prompt)));
        }
    }
    out
}

fn row(row: &InboxRow) -> Vec<comfy_table::Cell> {
    let overdue = row.due.as_ref().is_some_and(|due| due.left_ms < 0);
    let (mark, tone) = if row.undelivered || overdue {
        ("!", Tone::Bad)
    } else if row.ours {
        (">", Tone::Warn)
    } else if row.new {
        ("*", Tone::Good)
    } else {
        ("", Tone::Plain)
    };
    let with = match row.role.as_str() {
        "originator" => format!("to {}", clean(&row.peer)),
        _ => format!("from {}", clean(&row.peer)),
    };
    let state = match &row.phase {
        Some(phase) => format!("{} ({phase})", row.state),
        None => row.state.clone(),
    };
    let due = row.due.as_ref().map(|due| {
        let whose = if due.whose == row.role { "" } else { "they: " };
        format!("{whose}{} {}", what(due), moment::due(&due.at, due.left_ms))
    });
    let urgency = match row.urgency.as_str() {
        "critical" => Tone::Bad,
        "high" => Tone::Warn,
        _ => Tone::Plain,
    };
    vec![
        cell(mark, tone),
        cell(short_id(&row.id), Tone::Strong),
        cell(with, Tone::Plain),
        cell(state, Tone::Plain),
        cell(&row.urgency, urgency),
        cell(due.as_deref().unwrap_or("-"), tone),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::referral::tests::{AT, STYLE};

    #[test]
    fn the_inbox_fits_eighty_columns_and_marks_what_presses() {
        let row = |id: &str, more: serde_json::Value| {
            let mut row = json!({
                "id": id, "role": "provider", "peer": "a-peer-with-a-long-name", "state": "identity-released",
                "urgency": "critical", "phase": "long-term", "since": AT,
                "due": {"what": "first-assistance", "number": 1, "at": AT, "left_ms": -60_000,
                    "on_timeout": "remind", "whose": "originator"},
            });
            for (key, value) in more.as_object().expect("fields") {
                row[key] = value.clone();
            }
            row
        };
        let report: InboxReport = serde_json::from_value(json!({
            "now": AT, "total": 5,
            "rows": [
                row("3F7K9Q2MABCD", json!({"undelivered": true})),
                row("4F7K9Q2MABCD", json!({"role": "originator", "prompts": ["Telephone them."]})),
            ],
        }))
        .expect("a report");
        let text = crate::output::wrap::wrap(&inbox(&STYLE, &report, true), Some(80));
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
        for says in [
            "NOT DELIVERED to a-peer-with-a-long-name",
            "4F7K-9Q2M: Telephone them.",
            "3 more are less pressing",
            "liaison refer show 3F7K-9Q2M",
        ] {
            assert!(text.contains(says), "{says}: {text}");
        }
        let none = InboxReport::default();
        assert!(inbox(&STYLE, &none, true).starts_with("No referral is live."));
    }

    #[test]
    fn the_home_screen_begins_with_what_is_not_delivered() {
        let row = |id: &str, more: serde_json::Value| {
            let mut row = json!({
                "id": id, "role": "provider", "peer": "lantern", "state": "sent",
                "urgency": "high", "since": AT,
            });
            for (key, value) in more.as_object().expect("fields") {
                row[key] = value.clone();
            }
            row
        };
        let due = |left: i64| {
            json!({"what": "decide", "number": 1, "at": AT, "left_ms": left,
            "on_timeout": "next-candidate", "whose": "provider"})
        };
        let mut rows = vec![
            row("1AAAAAAA", json!({"new": true})),
            row("2AAAAAAA", json!({"ours": true, "due": due(3_600_000)})),
            row("3AAAAAAA", json!({"due": due(-3_600_000)})),
            row(
                "4AAAAAAA",
                json!({"undelivered": true, "role": "originator"}),
            ),
            row(
                "5AAAAAAA",
                json!({"due": due(3_600_000), "role": "originator"}),
            ),
        ];
        for n in 0..7 {
            rows.push(row(&format!("6{n}AAAAAA"), json!({"new": true})));
        }
        let report = serde_json::from_value(json!({"now": AT, "total": 12, "rows": rows}));
        let items = items(&report.expect("a report"));
        let listed: Vec<(&str, &str)> = items
            .iter()
            .map(|item| (item.what, item.command.as_str()))
            .collect();
        assert_eq!(listed[0], ("unsent", "liaison refer show 4AAA-AAAA"));
        assert_eq!(listed[1], ("overdue", "liaison refer show 3AAA-AAAA"));
        assert_eq!(listed[2], ("due", "liaison refer show 2AAA-AAAA"));
        assert_eq!(listed[3], ("new", "liaison refer show 1AAA-AAAA"));
        assert_eq!(listed.last(), Some(&("new", "liaison inbox")));
        assert_eq!(listed.len(), 3 + HOME_ROWS + 1);
        assert_eq!(
            items[0].says,
            "referral 4AAA-AAAA is NOT DELIVERED to lantern: telephone them"
        );
    }
}
