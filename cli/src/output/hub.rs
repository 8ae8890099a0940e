//! What a hub carries.

use liaison_node::control::api::HubReport;

use super::table::{cell, grid, number};
use super::{Style, Tone, clean, comma, plural, when};

/// `hub status`.
pub fn status(style: &Style, report: &HubReport) -> String {
    if !report.hub {
        return "This node is no hub. [hub] in config.toml makes it one, and 'carry' in its policy says for whom it keeps parcels.\n".into();
    }
    let missed = match report.circuits_missed {
        0 => String::new(),
        n => format!("; {} asked for to agencies that were away", comma(n)),
    };
    let mut out = format!(
        "Reservations  {} of {}\nCircuits      {} open{missed}\nParcels       {}\n",
        comma(report.reservations.used),
        comma(report.reservations.most),
        comma(report.circuits),
        parcels(report),
    );
    if !report.waiting.is_empty() {
        out.push('\n');
        let rows = report.waiting.iter().map(|one| {
            vec![
                cell(&one.peer, Tone::Plain),
                number(one.parcels),
                cell(size(one.bytes), Tone::Plain),
                cell(when(&one.oldest), Tone::Plain),
            ]
        });
        let heads = ["waits for", "parcels", "size", "oldest"];
        out.push_str(&grid(style, &heads, &[0, 1, 2, 3], rows.collect()));
        out.push('\n');
    }
    if report.circuits_refused > 0 {
        let times = plural(report.circuits_refused, "request", "requests");
        out.push_str(&format!(
            "{} {times} for a reservation or circuit refused: beyond a bound ([hub] reservations, circuits, circuits_per_agency)\n",
            style.paint(Tone::Warn, "!")
        ));
    }
    for refused in &report.refused {
        let times = plural(refused.count, "deposit", "deposits");
        let says = reason(&refused.reason);
        out.push_str(&format!(
            "{} {times} refused: {says}\n",
            style.paint(Tone::Warn, "!")
        ));
    }
    if report.aside > 0 {
        let files = plural(report.aside, "file", "files");
        out.push_str(&format!(
            "{} {files} set aside in mailbox/aside: no parcels, or damaged ones. Look after the disk\n",
            style.paint(Tone::Bad, "!")
        ));
    }
    out
}

/// One line for `status`.
pub fn parcels(report: &HubReport) -> String {
    let (used, most) = (size(report.mailbox.used), size(report.mailbox.most));
    let agencies = report.waiting.len() as u64;
    let parcels = plural(report.parcels, "parcel", "parcels");
    match agencies {
        0 => format!("none waits; room for {most}"),
        n => format!(
            "{parcels} for {}, {used} of {most}",
            plural(n, "agency", "agencies")
        ),
    }
}

/// Bytes as people say them.
fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    match bytes {
        0..KIB => format!("{bytes} B"),
        n if n < KIB * KIB => format!("{} KiB", n.div_ceil(KIB)),
        n if n < 10 * KIB * KIB * KIB => format!("{} MiB", n.div_ceil(KIB * KIB)),
        n => format!("{} GiB", n.div_ceil(KIB * KIB * KIB)),
    }
}

/// Why a deposit was refused, with what to do.
fn reason(code: &str) -> String {
    let says = match code {
        "depositor-full" => {
            "the depositor has as much here as one agency may ([hub] parcels_per_agency, mailbox_mb_per_agency)"
        }
        "addressee-full" => {
            "as much waits for the addressee as may for one ([hub] parcels_per_agency, mailbox_mb_per_agency)"
        }
        "disk" => {
            "the mailbox or the disk is full, or the disk fails ([hub] mailbox_mb; the log says more)"
        }
        "not-carried" => "the policy does not say 'carry' for the two, or one of them is no peer",
        "expiry" => "it had ended, or would wait for longer than a parcel may",
        other => return clean(other),
    };
    says.to_owned()
}

#[cfg(test)]
mod tests {
    use liaison_node::control::api::{HubUse, Tally, WaitingParcels};

    use super::*;

    #[test]
    fn a_hub_in_words() {
        let style = Style {
            width: Some(80),
            colour: false,
        };
        let no_hub = status(&style, &HubReport::default());
        assert!(no_hub.contains("no hub"), "{no_hub}");
        let report = HubReport {
            hub: true,
            reservations: HubUse { used: 3, most: 512 },
            circuits: 2,
            circuits_refused: 0,
            circuits_missed: 3,
            mailbox: HubUse {
                used: 1_310_720,
                most: 10 << 30,
            },
            parcels: 12,
            waiting: vec![WaitingParcels {
                peer: "qn-lantern".into(),
                agency: "X".into(),
                parcels: 12,
                bytes: 1_310_720,
                oldest: "2026-03-01T08:00:00Z".into(),
            }],
            refused: vec![Tally {
                reason: "not-carried".into(),
                count: 1,
            }],
            aside: 0,
        };
        let text = status(&style, &report);
        let words = [
            "3 of 512",
            "2 open; 3 asked for to agencies that were away",
            "12 parcels for 1 agency, 2 MiB of 10 GiB",
            "qn-lantern",
        ];
        for word in words {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert!(text.contains("1 deposit refused: the policy"), "{text}");
        assert!(!text.contains("reservation or circuit"), "{text}");
        let report = HubReport {
            circuits_refused: 3,
            ..report
        };
        let text = status(&style, &report);
        assert!(
            text.contains("3 requests for a reservation or circuit refused"),
            "{text}"
        );
    }
}
