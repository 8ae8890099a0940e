//! Parcels and bundles: what is under way, what was packed, what was unpacked.

use liaison_node::control::api::{BundlePackReport, ParcelRefusalView, ParcelView, ParcelsReport};
use serde::Serialize;

use super::{Style, Tone, cell, clean, comma, grid, number, plural, when};

/// Parcels that are shown under a withdrawal; `--json` has all.
const LEFT_SHOWN: usize = 20;

/// `parcels`.
pub fn report(style: &Style, report: &ParcelsReport) -> String {
    let mut out = if report.parcels.is_empty() {
        "No parcel is under way.\n".to_owned()
    } else {
        table(style, &report.parcels)
    };
    for one in &report.refused {
        out.push_str(&style.paint(Tone::Warn, &refused(one)));
    }
    for fault in &report.faults {
        let says = format!(
            "{} ({}): {}\n",
            clean(&fault.peer),
            when(&fault.at),
            clean(&fault.says)
        );
        out.push_str(&style.paint(Tone::Warn, &says));
    }
    out
}

fn table(style: &Style, parcels: &[ParcelView]) -> String {
    let rows = parcels
        .iter()
        .map(|one| {
            let tone = match one.state.as_str() {
                "unwanted" => Tone::Warn,
                _ => Tone::Plain,
            };
            vec![
                cell(&one.to, Tone::Strong),
                number(one.number),
                cell(place(one), Tone::Plain),
                cell(&one.state, tone),
                number(one.records),
                cell(format!("{} KiB", comma(one.bytes / 1024)), Tone::Plain),
                cell(when(&one.until), Tone::Plain),
            ]
        })
        .collect();
    let heads = ["TO", "NUMBER", "WHERE", "STATE", "RECORDS", "SIZE", "UNTIL"];
    format!("{}\n", grid(style, &heads, &[0, 1, 3], rows))
}

fn place(one: &ParcelView) -> String {
    match (&one.hub, one.reachable) {
        (None, _) => "bundle".into(),
        (Some(hub), true) => clean(hub),
        (Some(hub), false) => format!("{}, not reachable", clean(hub)),
    }
}

/// One parcel in a few words.
pub fn words(one: &ParcelView) -> String {
    let until = when(&one.until);
    match &one.hub {
        None => format!("in a bundle, until {until}"),
        Some(hub) if one.state == "gone" => format!(
            "collected at {} or lost, as {} will say",
            clean(hub),
            clean(&one.to)
        ),
        Some(hub) => format!("in a parcel at {}, until {until}", clean(hub)),
    }
}

/// That a hub does not keep parcels for a peer, and when it is asked again.
pub fn refused(one: &ParcelRefusalView) -> String {
    let next = match &one.next {
        Some(next) => format!("at {}", when(next)),
        None => "with the next parcel".into(),
    };
    format!(
        "{}. Asked {} since {}; asked again {next}, or sooner if something says that this may have changed.\n",
        clean(&one.says),
        plural(one.asked, "time", "times"),
        when(&one.since),
    )
}

/// Parcels that a withdrawal did not reach.
pub fn left(parcels: &[ParcelView]) -> String {
    if parcels.is_empty() {
        return String::new();
    }
    let count = plural(parcels.len() as u64, "parcel", "parcels");
    let mut out = format!("{count} could not be taken back and may still be opened:\n");
    for one in parcels.iter().take(LEFT_SHOWN) {
        let why = match &one.hub {
            None => "ask whoever has the file to destroy it",
            Some(_) => "it is taken back when the hub is connected again",
        };
        out.push_str(&format!(
            "  number {} for {}, {}: {why}\n",
            one.number,
            clean(&one.to),
            words(one)
        ));
    }
    let rest = parcels.len().saturating_sub(LEFT_SHOWN);
    if rest > 0 {
        out.push_str(&format!(
            "  and {}\n",
            plural(rest as u64, "other", "others")
        ));
    }
    out
}

/// `bundle pack`.
pub fn packed(report: &BundlePackReport, file: &str) -> String {
    let to = clean(&report.to);
    let Some(until) = &report.until else {
        return format!("There is nothing to pack for '{to}': no file was written.\n");
    };
    let carries = match report.records {
        0 => "answers alone".into(),
        records => plural(records, "record", "records"),
    };
    format!(
        "{} for '{to}' with {carries} in {file}. It can be opened until {}.\nWhat arrives, its next bundle for you says: until then `liaison parcels` lists these.\n",
        plural(report.parcels, "parcel", "parcels"),
        when(until)
    )
}

/// What became of a bundle.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Unpacked {
    /// Parcels that were opened now.
    pub opened: u64,
    /// Parcels that were opened before.
    pub again: u64,
    /// Records that are held now.
    pub stored: u64,
    /// Records that were refused for good.
    pub refused: u64,
    /// Records that can't be taken yet.
    pub later: u64,
    /// Records of ours of which it tells what became of them.
    pub answers: u64,
    /// Whose parcels they are.
    pub from: Vec<String>,
    /// Whether the file was read to its end.
    pub whole: bool,
    /// What went wrong, one sentence each.
    pub faults: Vec<String>,
}

/// `bundle unpack`.
pub fn unpacked(style: &Style, unpacked: &Unpacked) -> String {
    let mut out = String::new();
    if unpacked.opened > 0 {
        let names: Vec<String> = unpacked.from.iter().map(|name| clean(name)).collect();
        out.push_str(&format!(
            "Opened {} from {}: {} taken in",
            plural(unpacked.opened, "parcel", "parcels"),
            names.join(", "),
            plural(unpacked.stored, "record", "records"),
        ));
        for (count, says) in [
            (unpacked.refused, "refused"),
            (unpacked.later, "to come again"),
        ] {
            if count > 0 {
                out.push_str(&format!(", {} {says}", comma(count)));
            }
        }
        out.push_str(".\n");
    }
    if unpacked.answers > 0 {
        out.push_str(&format!(
            "It says what became of {} of yours.\n",
            plural(unpacked.answers, "record", "records")
        ));
    }
    if unpacked.again > 0 {
        out.push_str(&format!(
            "{} had been opened before; nothing was done with that.\n",
            plural(unpacked.again, "parcel", "parcels")
        ));
    }
    if out.is_empty() && unpacked.faults.is_empty() {
        out.push_str("There is nothing in it.\n");
    }
    for fault in &unpacked.faults {
        out.push_str(&style.paint(Tone::Bad, &format!("{}\n", clean(fault))));
    }
    if unpacked.opened > 0 {
        out.push_str("`liaison bundle pack --to PEER FILE` packs the answer for the way back.\n");
    }
    out
}
