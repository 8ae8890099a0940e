//! Referrals before they are sent, and what became of them.

use liaison_node::control::api::{DraftRow, DraftView, PlanRow, ReferralReport, ScreenReport};

use super::referral::{fields, undelivered};
use super::{Style, Tone, cell, clean, errors, grid, moment, services, short_id, when};

/// Drafts, the oldest first.
pub fn table(style: &Style, rows: &[DraftRow]) -> String {
    if rows.is_empty() {
        return "No draft of yours, and nothing waits for a second officer.\n".into();
    }
    let heads = ["draft", "by", "since", "state"];
    let cells = rows
        .iter()
        .map(|row| {
            let (state, tone) = match (row.state.as_str(), row.yours, row.whole) {
                ("waiting", true, _) => ("waits for you to approve it", Tone::Warn),
                ("waiting", false, _) => ("waits for a colleague", Tone::Plain),
                (_, _, true) => ("whole, not sent", Tone::Plain),
                _ => ("begun", Tone::Plain),
            };
            vec![
                cell(clean(&row.draft), Tone::Strong),
                cell(clean(&row.user), Tone::Plain),
                cell(when(&row.at), Tone::Plain),
                cell(state, tone),
            ]
        })
        .collect();
    let mut out = grid(style, &heads, &[0], cells);
    out.push_str("\n`liaison refer new --draft NAME` goes on; `liaison refer approve NAME` sends a colleague's emergency.\n");
    out
}

/// That a draft is kept.
pub fn kept(report: &ReferralReport) -> String {
    let name = report.draft.as_deref().map(clean).unwrap_or_default();
    format!("Nothing was sent. The draft is kept: `liaison refer new --draft {name}`\n")
}

/// A draft as a second officer sees it.
pub fn view(style: &Style, view: &DraftView) -> String {
    let mut out = format!(
        "{}  written by {}\n",
        style.paint(Tone::Strong, &clean(&view.draft)),
        clean(&view.user)
    );
    fields(&mut out, &view.referral, 2);
    out
}

/// Who would be asked, and what stands in the way.
pub fn plan(style: &Style, report: &ReferralReport) -> String {
    let mut out = format!(
        "Urgency: {}\n",
        style.paint(tone_of(&report.urgency), &clean(&report.urgency))
    );
    for (at, row) in report.plan.iter().enumerate() {
        out.push_str(&candidate(style, at, row, &report.now));
    }
    if report.findings.is_empty() {
        out.push_str("The next is asked only if the one before declines or does not answer.\n");
    } else {
        out.push_str(&errors::findings(style, &report.findings));
    }
    out
}

/// What became of it.
pub fn sent(style: &Style, report: &ReferralReport) -> String {
    if report.state == "waiting" {
        let name = report.draft.as_deref().map(clean).unwrap_or_default();
        let says = style.paint(
            Tone::Warn,
            "It waits for a second officer; nothing was sent.",
        );
        return format!(
            "{says}\nA colleague approves it from their own account:\n  liaison refer approve {name}\n"
        );
    }
    let id = report.id.as_deref().map(short_id).unwrap_or_default();
    let first = report.plan.first();
    let peer = first.map(|row| clean(&row.peer)).unwrap_or_default();
    let mut out = format!(
        "Referral {} goes to {peer}.\n",
        style.paint(Tone::Strong, &id)
    );
    if report.delivered {
        let says = style.paint(Tone::Good, "Delivered to the provider's node.");
        out.push_str(&format!("{says}\n"));
    } else {
        let name = first.and_then(|row| row.name.as_deref()).unwrap_or(&peer);
        let desk = first.and_then(|row| row.telephone.as_ref());
        out.push_str(&undelivered(style, name, desk));
        out.push_str("It is sent on as soon as their node can be reached.\n");
    }
    if let Some(row) = first {
        out.push_str(&format!(
            "They have to acknowledge it by {}.\n",
            moment::moment(&row.acknowledge_by, &report.now)
        ));
    }
    if let Some(by) = &report.review_by {
        out.push_str(&format!(
            "Emergency: a second officer reviews it by {}: liaison refer review {id}\n",
            moment::moment(by, &report.now)
        ));
    }
    out.push_str(&format!("How it stands: liaison refer show {id}\n"));
    out
}

/// What the signs suggest.
pub fn screening(style: &Style, report: &ScreenReport) -> String {
    let tone = if report.suggests {
        Tone::Warn
    } else {
        Tone::Good
    };
    let mut out = format!("{}\n", style.paint(tone, &clean(&report.says)));
    if let Some(draft) = &report.draft {
        let draft = clean(draft);
        out.push_str(&format!(
            "A draft is begun: liaison refer new --draft {draft}\nIf the person does not want it: liaison refer drafts --drop {draft}\n"
        ));
    } else if report.suggests {
        out.push_str("To refer the person: liaison refer new\n");
    }
    out
}

fn candidate(style: &Style, at: usize, row: &PlanRow, now: &str) -> String {
    let (says, tone) = match row.open {
        Some(true) => ("open now".to_owned(), Tone::Good),
        Some(false) => (
            format!(
                "closed; their time counts from {}",
                moment::moment(&row.clock_from, now)
            ),
            Tone::Warn,
        ),
        None => ("hours not known".to_owned(), Tone::Plain),
    };
    let name = row.name.as_deref().unwrap_or(&row.peer);
    let mut out = format!(
        "{:>3}. {} ({}): {}\n",
        at + 1,
        style.paint(Tone::Strong, &clean(&row.peer)),
        clean(name),
        style.paint(tone, &says)
    );
    if at == 0 {
        out.push_str(&format!(
            "     has to acknowledge by {}\n",
            moment::moment(&row.acknowledge_by, now)
        ));
    }
    if let Some(desk) = &row.telephone {
        out.push_str(&format!("     {}\n", services::desk(desk)));
    }
    out
}

fn tone_of(urgency: &str) -> Tone {
    match urgency {
        "critical" => Tone::Bad,
        "high" => Tone::Warn,
        _ => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style {
        width: Some(80),
        colour: false,
    };

    fn report(state: &str, delivered: bool) -> ReferralReport {
        serde_json::from_value(serde_json::json!({
            "state": state, "draft": "d-3f7k9q2m", "id": "3F7K9Q2M".repeat(7).get(..52),
            "now": "2031-03-02T02:15:00Z", "urgency": "critical", "delivered": delivered,
            "plan": [{
                "peer": "qn-lantern", "name": "Lantern House", "open": true,
                "clock_from": "2031-03-02T02:15:00Z", "acknowledge_by": "2031-03-02T03:15:00Z",
                "telephone": {"role": "duty", "channel": "+999 555 0101", "hours": "24h", "open": true},
            }],
        }))
        .expect("report")
    }

    #[test]
    fn what_is_not_delivered_says_whom_to_telephone() {
        let text = sent(&STYLE, &report("sent", false));
        assert!(
            text.contains("NOT DELIVERED: telephone Lantern House, duty, +999 555 0101"),
            "{text}"
        );
        assert!(
            text.contains("in 60 min") || text.contains("in 1 h"),
            "{text}"
        );
        let text = sent(&STYLE, &report("sent", true));
        assert!(text.contains("Delivered to the provider's node."), "{text}");
        let text = sent(&STYLE, &report("waiting", false));
        assert!(
            text.contains("liaison refer approve d-3f7k9q2m") && text.contains("nothing was sent"),
            "{text}"
        );
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
