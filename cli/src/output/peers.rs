//! Peers: what they are, how they do.

use liaison_node::control::api::{
    PeerAddReport, PeerChangeReport, PeerStatus, PeerTestReport, Tally,
};

use super::{Style, Tone, cell, clean, comma, grid, list, number, when};

/// `peer list`.
pub fn table(style: &Style, peers: &[PeerStatus]) -> String {
    if peers.is_empty() {
        return "No peers yet. Add one with `liaison peer add FILE`.\n".into();
    }
    let rows = peers
        .iter()
        .map(|peer| {
            vec![
                cell(&peer.peer, Tone::Strong),
                cell(&peer.name, Tone::Plain),
                cell(&peer.sector, Tone::Plain),
                cell(&peer.country, Tone::Plain),
                cell(peer.circles.join(" "), Tone::Plain),
                cell(&peer.trust, Tone::Plain),
                state(peer),
            ]
        })
        .collect();
    let heads = [
        "PEER",
        "NAME ON ITS CARD",
        "SECTOR",
        "IN",
        "CIRCLES",
        "TRUST",
        "STATE",
    ];
    let mut out = format!("{}\n", grid(style, &heads, &[0, 3, 5], rows));
    out.extend(peers.iter().map(changed));
    out
}

/// What a peer's newest card states otherwise than policies use; empty where nothing.
pub fn changed(peer: &PeerStatus) -> String {
    if peer.changed.is_empty() {
        return String::new();
    }
    let changes: Vec<String> = peer
        .changed
        .iter()
        .map(|c| {
            format!(
                "{} {} -> {}",
                clean(&c.attribute),
                clean(&c.pinned),
                clean(&c.card)
            )
        })
        .collect();
    let name = clean(&peer.peer);
    format!(
        "{name}: changed on its card: {}; policies still use the old: `liaison peer confirm {name}`\n",
        changes.join("; ")
    )
}

/// `peer confirm` and `peer circles`.
pub fn change(report: &PeerChangeReport) -> String {
    let name = clean(&report.peer);
    let mut out = String::new();
    for change in &report.confirmed {
        out.push_str(&format!(
            "Policies use {} {} of {name} from now on, no longer {}.\n",
            clean(&change.attribute),
            clean(&change.card),
            clean(&change.pinned)
        ));
    }
    out.push_str(&match report.circles.is_empty() {
        true => format!("{name} is in no circle.\n"),
        false => format!("{name} is in: {}.\n", list(&report.circles)),
    });
    out.push_str(&super::preview::recalled(&report.recalled));
    out
}

/// The peers' part of `status`: one line each, then what needs words.
pub fn health(style: &Style, peers: &[PeerStatus]) -> String {
    if peers.is_empty() {
        return "No peers yet. Add one with `liaison peer add FILE`.\n".into();
    }
    let rows = peers
        .iter()
        .map(|peer| {
            let behind = number(peer.behind);
            vec![
                cell(&peer.peer, Tone::Strong),
                state(peer),
                behind,
                number(peer.sent),
                number(peer.received),
                number(peer.withheld),
                number(total(&peer.later)),
                number(total(&peer.refused)),
            ]
        })
        .collect();
    let heads = [
        "PEER", "STATE", "BEHIND", "SENT", "RECEIVED", "WITHHELD", "LATER", "REFUSED",
    ];
    let mut out = format!("{}\n", grid(style, &heads, &[0, 2, 3, 4, 5, 6, 7], rows));
    for peer in peers {
        let name = clean(&peer.peer);
        out.push_str(&changed(peer));
        if peer.connected_since.is_none() && peer.last_error.is_none() {
            out.push_str(&format!("{name} is silent: `liaison peer test {name}`\n"));
        }
        if peer.carries_for_us == Some(false) && peer.connected_since.is_some() {
            out.push_str(&format!(
                "{name} does not carry for us: nobody reaches us through it. Ask them whether their node has '[hub]' in its configuration\n"
            ));
        }
        if let Some(error) = &peer.last_error {
            out.push_str(&format!(
                "{name}: last error: {} (look closer with `liaison peer test {name}`)\n",
                clean(error)
            ));
        }
        if !peer.later.is_empty() {
            out.push_str(&format!(
                "{name}: waits as later: {}\n",
                tallies(&peer.later)
            ));
        }
        if !peer.refused.is_empty() {
            out.push_str(&format!("{name}: refused: {}\n", tallies(&peer.refused)));
        }
    }
    out
}

/// `peer add`.
pub fn added(report: &PeerAddReport) -> String {
    let mut out = format!(
        "{} \"{}\" as '{}'.\n",
        if report.updated {
            "Renewed the card of"
        } else {
            "Linked"
        },
        clean(&report.name),
        clean(&report.peer)
    );
    if let Some(reason) = &report.was_revoked {
        out.push_str(&format!(
            "It was revoked here before ({}), and is linked again.\n",
            clean(reason)
        ));
    }
    if report.may_have.is_empty() {
        out.push_str("Your policy lets it have nothing yet. Write a statement in policy/ and apply it with `liaison policy apply`.\n");
    } else {
        out.push_str("Your policy lets it have:\n");
        for line in &report.may_have {
            out.push_str(&format!("  {}\n", clean(line)));
        }
    }
    out.push_str(&format!(
        "Test the link with `liaison peer test {}`.\n",
        clean(&report.peer)
    ));
    out
}

/// `peer test`.
pub fn test(style: &Style, report: &PeerTestReport) -> String {
    let mut out = String::new();
    for step in &report.steps {
        let word = if step.ok {
            style.paint(Tone::Good, "  ok")
        } else {
            style.paint(Tone::Bad, "fail")
        };
        out.push_str(&format!(
            "{word}  {:<14} {}\n",
            clean(&step.step),
            clean(&step.says)
        ));
        if let Some(remedy) = &step.remedy {
            out.push_str(&format!("      {:<14} {}\n", "", clean(remedy)));
        }
    }
    out
}

/// `clock 3, quota 1`.
pub fn tallies(tallies: &[Tally]) -> String {
    let parts: Vec<String> = tallies
        .iter()
        .map(|tally| format!("{} {}", clean(&tally.reason), comma(tally.count)))
        .collect();
    parts.join(", ")
}

fn total(tallies: &[Tally]) -> u64 {
    tallies
        .iter()
        .fold(0, |sum, tally| sum.saturating_add(tally.count))
}

fn state(peer: &PeerStatus) -> comfy_table::Cell {
    match (&peer.connected_since, &peer.last_seen) {
        (Some(since), _) => {
            let way = peer.hub.as_ref();
            let way = way.map_or_else(String::new, |hub| format!(" by {}", clean(hub)));
            cell(format!("up{way} since {}", when(since)), Tone::Good)
        }
        (None, Some(seen)) => cell(format!("silent, seen {}", when(seen)), Tone::Bad),
        (None, None) => cell("never seen", Tone::Bad),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn peer(name: &str) -> PeerStatus {
        PeerStatus {
            peer: name.into(),
            agency: "0".repeat(52),
            name: "Border Police of QM".into(),
            sector: "border".into(),
            country: "QM".into(),
            changed: vec![],
            circles: vec!["balkan".into()],
            trust: "link".into(),
            connected_since: None,
            transport: None,
            hub: None,
            carries_for_us: None,
            last_seen: None,
            behind: 0,
            last_error: None,
            later: vec![],
            refused: vec![],
            sent: 6_883,
            received: 12,
            withheld: 27_390,
            bytes_in: 0,
            bytes_out: 0,
            keys_days: None,
        }
    }

    #[test]
    fn health_at_eighty_columns() {
        let mut silent = peer("qo-ngo");
        silent.behind = 3;
        silent.last_error = Some("connection refused".into());
        silent.later = vec![Tally {
            reason: "clock".into(),
            count: 2,
        }];
        let style = Style {
            width: Some(80),
            colour: false,
        };
        let text = health(&style, &[silent]);
        assert!(
            text.lines().take(2).all(|line| line.chars().count() <= 80),
            "{text}"
        );
        insta::assert_snapshot!(text, @r"
        PEER    STATE       BEHIND  SENT   RECEIVED  WITHHELD  LATER  REFUSED
        qo-ngo  never seen       3  6,883        12    27,390      2        0
        qo-ngo: last error: connection refused (look closer with `liaison peer test qo-ngo`)
        qo-ngo: waits as later: clock 2
        ");
    }

    #[test]
    fn list_at_eighty_columns() {
        let style = Style {
            width: Some(80),
            colour: false,
        };
        insta::assert_snapshot!(table(&style, &[peer("qm-bord")]), @r"
        PEER     NAME ON ITS CARD     SECTOR  IN  CIRCLES  TRUST  STATE
        qm-bord  Border Police of QM  border  QM  balkan   link   never seen
        ");
    }
}
