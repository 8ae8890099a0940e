//! A referral in full.

use liaison_node::control::api::{DeadlineView, DeskView, ReferralView};
use serde_json::Value;

use super::{open_steps, stopped, undelivered, what};
use crate::output::{Style, Tone, clean, list, moment, plural, short_id};

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
    if let Some(day) = &view.keep_until {
        out.push_str(&format!(
            "Who they are may be kept until {}, at most as long as the rest\n",
            clean(day)
        ));
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

/// Fields of a part as lines `name  value`; objects below their name.
pub fn fields(out: &mut String, part: &Value, indent: usize) {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::referral::tests::{AT, STYLE};

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
