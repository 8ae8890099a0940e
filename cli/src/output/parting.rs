//! What an agency that is no peer any more still holds, and is owed.

use liaison_node::control::api::{
    HeldCount, OwedView, PeerRemoveReport, PeerRevokeReport, RevokedPeer,
};

use super::{Style, Tone, cell, clean, comma, grid, number, parcels, plural, short_id, when};

/// Lines of what is owed that are shown; `--json` has all.
const OWED_SHOWN: usize = 20;

/// What a peer holds, before it is removed.
pub fn before(standing: &PeerRemoveReport, recall: bool) -> String {
    let peer = clean(&standing.peer);
    if standing.holds == 0 {
        return format!("'{peer}' holds nothing of what you released.\n");
    }
    let records = plural(standing.holds, "record", "records");
    let then = match recall {
        true => "it will be asked to erase all of it",
        false => "it keeps that (--recall asks it to erase it)",
    };
    format!("'{peer}' holds {records} that you released to it: {then}.\n")
}

/// `peer remove`.
pub fn removed(report: &PeerRemoveReport) -> String {
    let peer = clean(&report.peer);
    let mut out = if report.leaving {
        format!(
            "'{peer}' gets nothing more. It is owed {}: the link stays for that alone, 90 days at most. `liaison peer remove {peer}` again ends the wait.\n",
            plural(report.owed.len() as u64, "message", "messages"),
        )
    } else {
        format!("'{peer}' is removed and gets nothing more.\n")
    };
    if report.recalled > 0 {
        out.push_str(&format!(
            "It was told to erase {}; `liaison show ID` says what it answered.\n",
            plural(report.recalled, "record", "records")
        ));
    }
    let keeps = report.holds.saturating_sub(report.recalled);
    if keeps > 0 {
        out.push_str(&format!(
            "It still holds {} that you released to it.\n",
            plural(keeps, "record", "records")
        ));
    } else if report.recalled == 0 {
        out.push_str("It holds nothing of what you released.\n");
    }
    out.push_str(&parcels::left(&report.parcels));
    if !report.leaving {
        out.push_str(&owed("What it was owed and will not get:", &report.owed));
    }
    out
}

/// `peer revoke`.
pub fn revoked(style: &Style, report: &PeerRevokeReport) -> String {
    let peer = clean(&report.peer);
    let mut out = format!(
        "{}\n",
        style.paint(
            Tone::Bad,
            &format!("'{peer}' is cut off since {}.", when(&report.at))
        )
    );
    let total = report
        .held
        .iter()
        .fold(0u64, |n, h| n.saturating_add(h.count));
    if total == 0 {
        out.push_str("It holds nothing of what you released.\n");
    } else {
        out.push_str(&format!(
            "It holds {} that you released to it, and nothing here can take them back (ids: --json):\n",
            plural(total, "record", "records")
        ));
        out.push_str(&counts(style, &report.held));
        let unsure = report.records.iter().filter(|r| !r.confirmed).count() as u64;
        if unsure > 0 {
            out.push_str(&format!(
                "Of these it has not confirmed {}.\n",
                comma(unsure)
            ));
        }
    }
    out.push_str(&parcels::left(&report.parcels));
    out.push_str(&owed(
        "It was owed this and can't be reached with it; tell it by another way:",
        &report.unreachable,
    ));
    out.push_str("Its card stays known as revoked: `liaison peer list --revoked`.\n");
    out
}

/// `peer list --revoked`.
pub fn table(style: &Style, list: &[RevokedPeer]) -> String {
    if list.is_empty() {
        return "Nobody was revoked.\n".into();
    }
    let rows = list
        .iter()
        .map(|peer| {
            vec![
                cell(&peer.peer, Tone::Strong),
                cell(when(&peer.at), Tone::Plain),
                cell(&peer.reason, Tone::Plain),
            ]
        })
        .collect();
    format!(
        "{}\n",
        grid(style, &["PEER", "REVOKED", "WHY"], &[0, 1], rows)
    )
}

fn counts(style: &Style, held: &[HeldCount]) -> String {
    let rows = held
        .iter()
        .map(|one| {
            vec![
                cell(&one.kind, Tone::Plain),
                cell(one.tlp.to_uppercase(), Tone::Plain),
                number(one.count),
            ]
        })
        .collect();
    format!(
        "{}\n",
        grid(style, &["KIND", "TLP", "RECORDS"], &[0, 1, 2], rows)
    )
}

fn owed(head: &str, list: &[OwedView]) -> String {
    if list.is_empty() {
        return String::new();
    }
    let mut out = format!("{head}\n");
    for one in list.iter().take(OWED_SHOWN) {
        let of = one
            .of
            .as_ref()
            .map(|of| format!(" of {}", short_id(of)))
            .unwrap_or_default();
        out.push_str(&format!(
            "  {}{of} ({})\n",
            clean(&one.kind),
            short_id(&one.id)
        ));
    }
    let rest = list.len().saturating_sub(OWED_SHOWN);
    if rest > 0 {
        out.push_str(&format!(
            "  and {}\n",
            plural(rest as u64, "other", "others")
        ));
    }
    out
}
