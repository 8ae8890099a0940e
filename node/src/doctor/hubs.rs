//! What only a running node knows of hubs: those that it uses, the one that it is, and its
//! parcels. Made of what the local API answers, since a second program can't look at the store.

use std::collections::BTreeMap;

use liaison_protocol::clock::Millis;

use super::{Finding, Health, Report};
use crate::control::api::{HubReport, HubUse, ParcelsReport, PeerStatus, Status};
use crate::hub::HubsConfig;

/// Of each ten that a hub may have, those from which it is nearly full.
const FULL_TENTHS: u64 = 8;

/// How the hubs of a running node are, and what waits at them.
pub fn hubs(
    status: &Status,
    parcels: &ParcelsReport,
    config: &HubsConfig,
    now: Millis,
) -> Vec<Finding> {
    let mut report = Report(Vec::new());
    for name in &config.hubs {
        let mut peers = status.peers.iter();
        match peers.find(|p| p.peer == *name || p.agency == *name) {
            Some(peer) => used(peer, &mut report),
            None => report.note(
                "hubs",
                Health::Warning,
                format!("'{name}' under [hubs] in config.toml is no linked peer: 'liaison peer add FILE --as {name}' with its card, or take it out"),
            ),
        }
    }
    waiting(parcels, now, &mut report);
    if let Some(hub) = status.hub.as_ref().filter(|h| h.hub) {
        own(hub, &mut report);
    }
    report.0
}

/// A hub that the configuration names.
fn used(hub: &PeerStatus, report: &mut Report) {
    let name = &hub.peer;
    let last = match &hub.last_error {
        Some(error) => format!(" ({error})"),
        None => String::new(),
    };
    let (health, says) = match (hub.connected_since.is_some(), hub.carries_for_us) {
        (false, _) => (
            Health::Warning,
            format!(
                "{name} is not connected{last}: nobody reaches us through it, and what waits there for us stays there. 'liaison peer test {name}' says what is in the way"
            ),
        ),
        (true, Some(true)) => (
            Health::Good,
            format!("{name} is connected and carries for us"),
        ),
        (true, _) => (
            Health::Warning,
            format!(
                "{name} is connected and does not carry for us{last}: ask whoever runs it to look at 'liaison hub status' there, and whether [hub] stands in its config.toml"
            ),
        ),
    };
    report.note("hubs", health, says);
}

/// Parcels of ours that an agency should have by now.
fn waiting(parcels: &ParcelsReport, now: Millis, report: &mut Report) {
    // By addressee and by where they are: how many, and until when the first of them opens.
    let mut late: BTreeMap<(&str, Option<&str>), (u64, &str)> = BTreeMap::new();
    for parcel in &parcels.parcels {
        let (Some(made), Some(until)) = (millis(&parcel.made), millis(&parcel.until)) else {
            continue;
        };
        // Half of the time that it has.
        if now.0 < made.midpoint(until) {
            continue;
        }
        let place = parcel.hub.as_deref();
        let (count, first) = late
            .entry((&parcel.to, place))
            .or_insert((0, &parcel.until));
        *count += 1;
        *first = (*first).min(&parcel.until);
    }
    for ((to, hub), (count, until)) in late {
        let place = match hub {
            Some(hub) => format!("at {hub}"),
            None => "in a bundle".to_owned(),
        };
        let says = format!(
            "{count} for {to} {place} have waited for more than half of their time; the first ends at {until}, and is then sent anew. Telephone {to}. 'liaison bundle pack --to {to} FILE' is another way"
        );
        report.note("parcels", Health::Warning, says);
    }
    for one in &parcels.refused {
        let says = format!(
            "{}. 'liaison parcels' says when it is asked again",
            one.says
        );
        report.note("parcels", Health::Warning, says);
    }
    for fault in &parcels.faults {
        report.note(
            "parcels",
            Health::Warning,
            format!(
                "{}: {}. 'liaison parcels' lists what is under way",
                fault.peer, fault.says
            ),
        );
    }
}

/// This node as a hub.
fn own(hub: &HubReport, report: &mut Report) {
    let bounds = [
        (
            hub.mailbox,
            "the mailbox holds",
            "MiB",
            20,
            "mailbox_mb under [hub] in config.toml is the bound; 'liaison hub status' says for whom parcels wait: telephone who does not collect",
        ),
        (
            hub.reservations,
            "reservations are held:",
            "agencies",
            0,
            "reservations under [hub] in config.toml is the bound; beyond it nobody else can be reached through this hub",
        ),
    ];
    let mut full = false;
    for (HubUse { used, most }, what, unit, shift, next) in bounds {
        if most > 0 && used.saturating_mul(10) >= most.saturating_mul(FULL_TENTHS) {
            let says = format!(
                "{what} {} of {} {unit}: {next}",
                used >> shift,
                most >> shift
            );
            report.note("hub", Health::Warning, says);
            full = true;
        }
    }
    let refused: u64 = hub.refused.iter().map(|tally| tally.count).sum();
    if refused > 0 || hub.circuits_refused > 0 {
        let says = format!(
            "since its start it refused {refused} deposits and {} reservations or circuits: 'liaison hub status' says why",
            hub.circuits_refused
        );
        report.note("hub", Health::Warning, says);
        full = true;
    }
    if !full {
        report.note("hub", Health::Good, "it carries, with room to spare");
    }
}

fn millis(text: &str) -> Option<u64> {
    let at: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::api::{ParcelFaultView, ParcelView, Tally};

    fn parcel(to: &str, hub: Option<&str>, made: &str) -> ParcelView {
        ParcelView {
            to: to.into(),
            agency: String::new(),
            number: 1,
            id: String::new(),
            hub: hub.map(Into::into),
            reachable: true,
            state: "waits".into(),
            made: format!("2031-03-{made}T00:00:00Z"),
            until: "2031-03-21T00:00:00Z".into(),
            bytes: 4096,
            records: 1,
        }
    }

    fn says(report: Report) -> Vec<String> {
        let findings = report.0.into_iter();
        findings
            .map(|f| format!("{:?} {}", f.health, f.says))
            .collect()
    }

    #[test]
    fn parcels_that_wait_for_long_are_told_with_what_to_type() {
        let parcels = ParcelsReport {
            parcels: vec![
                parcel("lantern", Some("hub-sar"), "07"),
                parcel("lantern", Some("hub-sar"), "08"),
                // Not for long yet.
                parcel("lantern", Some("hub-sar"), "10"),
                parcel("migro", None, "01"),
            ],
            refused: vec![],
            faults: vec![ParcelFaultView {
                peer: "hub-sar".into(),
                at: String::new(),
                says: "it lost one".into(),
            }],
        };
        let mut report = Report(Vec::new());
        let now = millis("2031-03-15T00:00:00Z").expect("a time");
        waiting(&parcels, Millis(now), &mut report);
        let said = says(report);
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(
            said[0].starts_with("Warning 2 for lantern at hub-sar"),
            "{said:?}"
        );
        assert!(said[0].contains("bundle pack --to lantern"), "{said:?}");
        assert!(
            said[1].starts_with("Warning 1 for migro in a bundle"),
            "{said:?}"
        );
        assert!(said[2].contains("hub-sar: it lost one"), "{said:?}");
    }

    #[test]
    fn a_hub_that_is_nearly_full_or_refuses_is_told() {
        let used = |used, most| HubUse { used, most };
        let roomy = HubReport {
            hub: true,
            reservations: used(3, 512),
            mailbox: used(79 << 20, 100 << 20),
            ..HubReport::default()
        };
        let look = |hub: &HubReport| {
            let mut report = Report(Vec::new());
            own(hub, &mut report);
            says(report)
        };
        assert_eq!(look(&roomy), ["Good it carries, with room to spare"]);
        let full = HubReport {
            mailbox: used(80 << 20, 100 << 20),
            refused: vec![Tally {
                reason: "quota".into(),
                count: 7,
            }],
            ..roomy
        };
        let said = look(&full);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said[0].starts_with("Warning the mailbox holds 80 of 100 MiB"),
            "{said:?}"
        );
        assert!(said[1].contains("refused 7 deposits"), "{said:?}");
    }
}
