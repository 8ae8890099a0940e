//! Who gets a record, and why not the others.

use liaison_node::control::api::{LedgerView, PeerDecision, PushReport, RetractReport, Why};

use super::{Style, Tone, cell, clean, grid, list, plural, short_id, when};
use super::{gates, parcels, recipients};

/// One line a peer: yes or no, the gate, the rule in its author's words.
pub fn peers(style: &Style, peers: &[PeerDecision]) -> String {
    if peers.is_empty() {
        return "Nobody is linked to this agency yet; the record stays here. Add a peer with `liaison peer add FILE`.\n"
            .into();
    }
    let rows = peers
        .iter()
        .map(|peer| {
            let (word, tone) = if peer.allow {
                ("gets it", Tone::Good)
            } else {
                ("no", Tone::Bad)
            };
            vec![
                cell(&peer.peer, Tone::Plain),
                cell(word, tone),
                cell(&peer.gate, Tone::Plain),
                cell(&peer.rule, Tone::Plain),
                cell(&peer.says, Tone::Plain),
            ]
        })
        .collect();
    line(grid(
        style,
        &["PEER", "", "GATE", "RULE", "BECAUSE"],
        &[0, 1, 2],
        rows,
    ))
}

/// What is about to be pushed.
pub fn push(style: &Style, report: &PushReport) -> String {
    let mut out = format!(
        "{} \"{}\", TLP:{}\n",
        clean(&report.kind),
        clean(&report.title),
        clean(&report.tlp).to_uppercase()
    );
    if !report.held_by.is_empty() {
        out.push_str(&format!(
            "The record that it replaces is held by {}.\n",
            list(&report.held_by)
        ));
    }
    out.push_str(&peers(style, &report.peers));
    out.push_str(&onward(report));
    out
}

/// What those who get it may do with it, where `--to` could be taken for more than it is.
fn onward(report: &PushReport) -> String {
    let getting: Vec<String> = report
        .peers
        .iter()
        .filter(|p| p.allow)
        .map(|p| p.peer.clone())
        .collect();
    if getting.is_empty() || !report.listed {
        return String::new();
    }
    let who = list(&getting);
    match report.onward.as_str() {
        "community" => format!(
            "--to says who gets it from here, not where it ends: with onward 'community' each of these may pass it on as its own policy allows: {who}. To keep it with them, set onward to 'none' in the draft.\n"
        ),
        "to" => format!(
            "With onward 'to' each of these may pass it on to those whom it names: {who}.\n"
        ),
        "ask" => format!(
            "With onward 'ask' none of these may pass it on without your permission: {who}.\n"
        ),
        _ => format!("With onward 'none' it stays with {who}.\n"),
    }
}

/// How many get it, in a sentence.
pub fn tally(peers: &[PeerDecision]) -> String {
    let yes = peers.iter().filter(|peer| peer.allow).count() as u64;
    format!(
        "{} of {} it",
        yes,
        plural(peers.len() as u64, "peer gets", "peers get")
    )
}

/// Who already had a retracted record.
pub fn retract(report: &RetractReport) -> String {
    let of = short_id(&report.of);
    match (&report.id, report.held_by.is_empty()) {
        (None, true) => format!("Nobody else holds {of}.\n"),
        (None, false) => format!(
            "{of} is held by {}; they will be told to erase it.\n",
            list(&report.held_by)
        ),
        (Some(_), true) => format!("{of} is retracted; nobody else had it.\n"),
        (Some(_), false) => {
            format!(
                "{of} is retracted. {} had it and will be told to erase it.\n",
                list(&report.held_by)
            )
        }
    }
}

/// The same, with how far it is with each.
pub fn retract_with(style: &Style, report: &RetractReport) -> String {
    let mut out = retract(report);
    if !report.recipients.is_empty() {
        out.push_str(&recipients::table(style, &report.recipients));
    }
    out.push_str(&parcels::left(&report.parcels));
    out
}

/// The deciding gate and rule, then all gates, then what has happened.
pub fn why(style: &Style, why: &Why) -> String {
    let decision = &why.decision;
    let mut out = format!(
        "{} {} {}.\n",
        clean(&decision.peer),
        gates::verb(style, decision),
        short_id(&why.id)
    );
    out.push_str(&format!(
        "Gate '{}', rule '{}':\n  \"{}\"\n",
        clean(&decision.gate),
        clean(&decision.rule),
        clean(&decision.says)
    ));
    if let Some(place) = &decision.place {
        out.push_str(&format!("  written in {}\n", clean(place)));
    }
    if !why.gates.is_empty() {
        out.push('\n');
        out.push_str(&line(gates::table(style, &why.gates, false)));
    }
    out.push('\n');
    match &why.ledger {
        Some(entry) => out.push_str(&format!("So far: {}\n", ledger_line(entry))),
        None => out.push_str("So far: nothing has passed between this record and this peer.\n"),
    }
    for parcel in &why.parcels {
        out.push_str(&format!("It is {}.\n", parcels::words(parcel)));
    }
    for refused in &why.refused {
        out.push_str(&parcels::refused(refused));
    }
    out
}

/// One line of the ledger as a sentence.
pub fn ledger_line(entry: &LedgerView) -> String {
    let peer = clean(&entry.peer);
    let at = when(&entry.at);
    let what = match entry.direction.as_str() {
        "sent" => format!("sent to {peer} at {at}"),
        "received" => format!("received from {peer} at {at}"),
        "offered" => format!("offered to {peer} at {at}"),
        other => format!("{} {peer} at {at}", clean(other)),
    };
    let answer = match (&entry.answer, &entry.taken_back) {
        (Some(answer), _) => format!(", answer: {}", clean(answer)),
        (None, Some(at)) => format!(
            ", taken back at {} before it was collected, says the hub",
            when(at)
        ),
        (None, None) if entry.direction == "received" => String::new(),
        (None, None) => ", no answer yet".into(),
    };
    let rule = if entry.rule.is_empty() {
        String::new()
    } else {
        format!(", by rule '{}'", clean(&entry.rule))
    };
    let path = match entry.path.as_str() {
        "" | "direct" => String::new(),
        path => format!(", by {}", clean(path)),
    };
    format!("{what}{path}{answer}{rule}")
}

fn line(mut text: String) -> String {
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style {
        width: Some(80),
        colour: false,
    };

    fn decision(peer: &str, allow: bool, gate: &str, rule: &str, says: &str) -> PeerDecision {
        PeerDecision {
            peer: peer.into(),
            agency: "0".repeat(52),
            allow,
            gate: gate.into(),
            rule: rule.into(),
            says: says.into(),
            place: None,
        }
    }

    #[test]
    fn push_shows_who_gets_it_and_why_not_the_others() {
        let report = PushReport {
            id: None,
            kind: "trend".into(),
            title: "Detections, Western Balkan Route, 2015-10".into(),
            tlp: "green".into(),
            onward: "community".into(),
            listed: true,
            peers: vec![
                decision(
                    "qm-pol",
                    true,
                    "policy",
                    "balkan-to-police",
                    "Police of the region get trends on the Western Balkan Route.",
                ),
                decision(
                    "qo-ngo",
                    false,
                    "handling",
                    "H0",
                    "For crime prevention and combat only.",
                ),
            ],
            held_by: vec![],
        };
        insta::assert_snapshot!(push(&STYLE, &report), @r#"
        trend "Detections, Western Balkan Route, 2015-10", TLP:GREEN
        PEER             GATE      RULE              BECAUSE
        qm-pol  gets it  policy    balkan-to-police  Police of the region get trends
                                                     on the Western Balkan Route.
        qo-ngo  no       handling  H0                For crime prevention and combat
                                                     only.
        --to says who gets it from here, not where it ends: with onward 'community' each of these may pass it on as its own policy allows: qm-pol. To keep it with them, set onward to 'none' in the draft.
        "#);
        assert_eq!(tally(&report.peers), "1 of 2 peers get it");
    }

    #[test]
    fn why_names_gate_rule_and_what_happened() {
        let report = Why {
            id: "3F7K9Q2M".repeat(6),
            decision: decision(
                "qo-ngo",
                false,
                "policy",
                "default",
                "No statement permits it.",
            ),
            gates: vec![],
            ledger: None,
            parcels: vec![],
            refused: vec![],
        };
        insta::assert_snapshot!(why(&STYLE, &report), @r#"
        qo-ngo does not get 3F7K-9Q2M.
        Gate 'policy', rule 'default':
          "No statement permits it."

        So far: nothing has passed between this record and this peer.
        "#);
    }
}
