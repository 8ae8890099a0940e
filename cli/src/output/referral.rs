//! Referrals: the inbox, one in full, its steps, and what a step did.

use liaison_node::control::api::{
    DeadlineView, DeskView, InboxReport, InboxRow, OpenStep, ReferralView, StepReport,
    TimelineReport,
};
use liaison_protocol::record::codes::StepKind;
use serde_json::Value;

use super::status::Item;
use super::{Style, Tone, cell, clean, comma, grid, list, moment, plural, services, short_id};
use crate::commands::refer::{does, verb};

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
        if row.conflict {
            let says = format!("{id}: two steps ran into each other; look at it");
            out.push_str(&format!("{}\n", style.paint(Tone::Warn, &says)));
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

/// `refer show`; `desk`: whom to telephone, of what is not delivered.
pub fn view(style: &Style, view: &ReferralView, desk: Option<&DeskView>) -> String {
    let id = short_id(&view.id);
    let with = match view.role.as_str() {
        "originator" => "to",
        _ => "from",
    };
    let mut out = format!(
        "{}  {with} {}, {}, {}\n",
        style.paint(Tone::Strong, &id),
        clean(&view.peer),
        state(view),
        clean(&view.urgency)
    );
    out.push_str(&stopped(style, view.stopped.as_deref()));
    if view.undelivered {
        out.push_str(&undelivered(style, &view.peer, desk));
    }
    for due in &view.deadlines {
        out.push_str(&deadline(style, due, &view.role));
    }
    if view.child {
        let lacks = |has: bool| if has { "recorded" } else { "NOT recorded" };
        out.push_str(&format!(
            "Treated as a child: guardian {}, best-interests officer {}\n",
            lacks(view.guardian),
            lacks(view.best_interests)
        ));
    }
    if !view.scope.is_empty() {
        out.push_str(&format!("Consents to: {}\n", list(&view.scope)));
    }
    let assigned = list(&view.assigned);
    out.push_str(&format!("Assigned to: {assigned}\n"));
    for (head, part) in [
        ("Profile", &view.profile),
        ("Assessment", &view.assessment),
        ("Identity", &view.identity),
    ] {
        if let Some(part) = part {
            out.push_str(&format!("\n{}\n", style.paint(Tone::Strong, head)));
            fields(&mut out, part, 2);
        }
    }
    if !view.candidates.is_empty() {
        out.push_str(&format!(
            "\n{}\n",
            style.paint(Tone::Strong, "Asked in this order")
        ));
        for (at, candidate) in view.candidates.iter().enumerate() {
            let thread = candidate.id.as_deref().map(short_id).unwrap_or_default();
            let line = format!(
                "  {}. {}  {}  {thread}",
                at + 1,
                clean(&candidate.peer),
                clean(&candidate.state)
            );
            out.push_str(&format!("{}\n", line.trim_end()));
        }
    }
    for conflict in &view.conflicts {
        let says = style.paint(Tone::Warn, &clean(&conflict.says));
        out.push_str(&format!("\n! {says}\n"));
    }
    if view.waiting > 0 {
        let steps = plural(view.waiting, "step waits", "steps wait");
        out.push_str(&format!("\n{steps} for one that is not here yet.\n"));
    }
    for finding in &view.findings {
        out.push_str(&format!(
            "\n! {} {}. {}\n",
            clean(&finding.code),
            clean(&finding.says),
            clean(&finding.remedy)
        ));
    }
    for prompt in &view.prompts {
        out.push_str(&format!("\n> {}\n", clean(prompt)));
    }
    out.push_str(&open_steps(style, &view.id, &view.open));
    out
}

fn state(view: &ReferralView) -> String {
    let mut out = clean(&view.state);
    if let Some(phase) = &view.phase {
        out.push_str(&format!(" ({})", clean(phase)));
    }
    if let Some(before) = &view.before {
        out.push_str(&format!(" (was {})", clean(before)));
    }
    out
}

fn deadline(style: &Style, due: &DeadlineView, role: &str) -> String {
    let whose = if due.whose == role { "You" } else { "They" };
    let follows = match due.on_timeout.as_str() {
        "next-candidate" => "then the next provider is asked",
        "check-welfare" => "then you are asked to see that they are safe",
        _ => "then both are reminded",
    };
    let tone = match due.left_ms {
        ..0 => Tone::Bad,
        0..3_600_000 => Tone::Warn,
        _ => Tone::Plain,
    };
    let says = format!(
        "{whose}: {} {}",
        what(due),
        moment::due(&due.at, due.left_ms)
    );
    format!("{} ({follows})\n", style.paint(tone, &says))
}

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

/// Fields of a part as lines `name  value`; objects below their name.
pub(super) fn fields(out: &mut String, part: &Value, indent: usize) {
    let Value::Object(map) = part else {
        out.push_str(&format!("{:indent$}{}\n", "", inline(part)));
        return;
    };
    for (name, value) in map {
        let name = clean(name).replace('_', " ");
        match value {
            Value::Null => {}
            Value::Bool(false) => {}
            Value::Array(items) if items.is_empty() => {}
            Value::Object(_) => {
                out.push_str(&format!("{:indent$}{name}\n", ""));
                fields(out, value, indent + 2);
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                out.push_str(&format!("{:indent$}{name}\n", ""));
                for item in items {
                    out.push_str(&format!("{:indent$}  {}\n", "", inline(item)));
                }
            }
            value => {
                let width = 24_usize.saturating_sub(indent);
                out.push_str(&format!(
                    "{:indent$}{name:<width$}  {}\n",
                    "",
                    inline(value)
                ));
            }
        }
    }
}

/// A value in one line.
fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Null => "-".into(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            items.join(", ")
        }
        Value::Object(map) => {
            let items: Vec<String> = map
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| format!("{} {}", clean(name).replace('_', " "), inline(value)))
                .collect();
            items.join(", ")
        }
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
                cell(moment::moment(&row.at, now), Tone::Dim),
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
    use serde_json::json;

    use super::*;

    const STYLE: Style = Style {
        width: Some(80),
        colour: false,
    };
    /// In the past by any clock, so that days are shown whatever the zone.
    const AT: &str = "2031-03-02T03:10:00Z";

    #[test]
    fn a_referral_ends_with_the_steps_that_are_open_as_commands() {
        let shown: ReferralView = serde_json::from_value(json!({
            "id": "3F7K9Q2MABCD", "role": "provider", "peer": "qn-bord", "agency": "x",
            "state": "acknowledged", "urgency": "critical", "child": true, "guardian": false,
            "best_interests": true, "assigned": ["mira"], "scope": ["assistance", "share-profile"],
            "deadlines": [{"what": "decide", "number": 1, "at": AT, "left_ms": 3_300_000,
                "on_timeout": "next-candidate", "whose": "provider"}],
            "open": [
                {"step": "accepted", "label": "Take the person"},
                {"step": "declined", "label": "Do not take the person", "needs": ["reason"]},
            ],
            "profile": {"age_band": "9-17", "needs": ["shelter", "guardianship"],
                "interpreter": true, "guardian": null,
                "consent": {"state": "given", "by": "self"},
                "accompanied_by": [{"age_band": "0-8", "count": 1}]},
        }))
        .expect("a view");
        let text = view(&STYLE, &shown, None);
        let due = text.lines().nth(1).expect("a deadline").to_owned();
        assert!(
            due.starts_with("You: accept or decline by ")
                && due.ends_with(", in 55 min (then the next provider is asked)"),
            "{due}"
        );
        insta::assert_snapshot!(text.replace(&due, "DUE"), @r"
        3F7K-9Q2M  from qn-bord, acknowledged, critical
        DUE
        Treated as a child: guardian NOT recorded, best-interests officer recorded
        Consents to: assistance and share-profile
        Assigned to: mira

        Profile
          age band                9-17
          needs                   shelter, guardianship
          interpreter             yes
          consent
            state                 given
            by                    self
          accompanied by
            age band 0-8, count 1

        You can now:
          liaison refer accept 3F7K-9Q2M   take the person
          liaison refer decline 3F7K-9Q2M  do not take the person
        ");
    }

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
        let text = super::super::wrap::wrap(&inbox(&STYLE, &report, true), Some(80));
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

    #[test]
    fn nothing_that_was_sent_drives_the_terminal() {
        let shown: ReferralView = serde_json::from_value(json!({
            "id": "3F7K\u{1b}[2J", "role": "provider", "peer": "x\u{1b}", "agency": "x",
            "state": "sent\u{1b}", "urgency": "high", "profile": {"a\u{1b}b": "c\u{202e}d"},
            "prompts": ["e\u{1b}"],
        }))
        .expect("a view");
        assert!(!view(&STYLE, &shown, None).contains(['\u{1b}', '\u{202e}']));
    }
}
