//! Sealing keys, and looks to be looked at.

use liaison_node::control::api::{LookAlert, SealingErased, SealingReport};

use super::{Style, Tone, cell, clean, grid, number, plural, when};

/// `keys sealing`.
pub fn sealing(style: &Style, report: &SealingReport) -> String {
    let rows = report
        .keys
        .iter()
        .map(|key| {
            let tone = match key.state.as_str() {
                "listed" => Tone::Good,
                _ => Tone::Plain,
            };
            vec![
                cell(&key.key, Tone::Strong),
                cell(&key.state, tone),
                cell(when(&key.until), Tone::Plain),
                cell(when(&key.deleted), Tone::Plain),
                number(key.records),
            ]
        })
        .collect();
    let heads = ["SEALING KEY", "STATE", "UNTIL", "DELETED", "RECORDS"];
    format!(
        "{}\nSealed records that can be read here: {}. The keyring opens with a {}.\n",
        grid(style, &heads, &[0, 1, 2, 3], rows),
        report.readable,
        clean(&report.opens_with)
    )
}

/// What `keys erase --now` is about to do.
pub fn effect(report: &SealingReport) -> String {
    let keys = plural(report.keys.len() as u64, "sealing key", "sealing keys");
    format!(
        "{keys} would be deleted now, and a new one made.\n\
         - What peers have sealed to the old ones and is still on its way does not open here.\n  \
         Their nodes are told so and send it again, sealed to the new key, once they are connected.\n\
         - {} stay readable: the keyring holds their own secrets.\n\
         - What you have erased stays erased for whoever recorded the wire and copies this\n  \
         machine from now on. Copies and keyring archives from before still open it.\n",
        plural(report.readable, "sealed record here", "sealed records here")
    )
}

/// `keys erase --now`.
pub fn erased(style: &Style, report: &SealingErased) -> String {
    let keys = plural(report.deleted.len() as u64, "sealing key", "sealing keys");
    format!(
        "{}\nPeers hear of it by your keys statement as soon as they are connected.\n{}",
        style.paint(
            Tone::Good,
            &format!(
                "Deleted {keys}; peers seal to {} from now on.",
                report.made.join(", ")
            )
        ),
        sealing(style, &report.now)
    )
}

/// `audit looks`.
pub fn looks(style: &Style, alerts: &[LookAlert]) -> String {
    let Some(last) = alerts.last() else {
        return "Nobody looked without being assigned, or at more than work needs.\n".into();
    };
    let rows = alerts
        .iter()
        .map(|alert| {
            vec![
                number(alert.number),
                cell(when(&alert.at), Tone::Plain),
                cell(clean(&alert.says), Tone::Plain),
            ]
        })
        .collect();
    format!(
        "{}\n`liaison audit log --who USER` has the lines, `liaison audit unseal` the reasons.\nLooked at? `liaison audit looks --seen {}`\n",
        grid(style, &["NO", "LAST", ""], &[0, 1], rows),
        last.number
    )
}
