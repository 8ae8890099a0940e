//! The figures of parcels and circuits: of those that a hub carries, and of our own under way.

use std::collections::{BTreeMap, BTreeSet};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::wire::mailbox::Refusal;

use super::figure::Figure;
use super::peers::seconds;
use crate::hub::Hub;
use crate::hub::mailbox::Usage;
use crate::node::Node;
use crate::parcels::Way;

/// Puts them on the page.
pub(super) fn figures(node: &Node, page: &mut Vec<Figure>) {
    if let Some(hub) = &node.hub {
        carried(node, hub, page);
    }
    for link in node.swarm.links().borrow().iter() {
        if let Some(reserved) = link.reserved {
            let help = "Whether we can be reached through the hub.";
            page.push(Figure::holds("liaison_hub_reserved", help, reserved).of(link.agency));
        }
    }
    outbox(node, page);
    let mut wrong: BTreeSet<AgencyId> = node.parcels.faults().into_keys().collect();
    wrong.extend(node.parcels.refusals().into_iter().map(|(_, to, _)| to));
    page.push(Figure::now(
        "liaison_parcel_faults",
        "Agencies and hubs with whose parcels something went wrong: 'liaison status' says what.",
        wrong.len() as u64,
    ));
}

fn carried(node: &Node, hub: &Hub, page: &mut Vec<Figure>) {
    let mailbox = hub.mailbox();
    let usage = mailbox.usage();
    let relayed = node.swarm.relayed().borrow().clone();
    let circuits: usize = relayed.circuits.iter().map(|(_, _, count)| count).sum();
    let figures = [
        (
            "liaison_hub_parcels",
            "Parcels that this hub keeps.",
            usage.parcels,
        ),
        (
            "liaison_hub_parcel_bytes",
            "Bytes of parcels that this hub keeps.",
            usage.bytes,
        ),
        (
            "liaison_hub_room_bytes",
            "Bytes of parcels that this hub may keep.",
            mailbox.room().total,
        ),
        (
            "liaison_hub_aside_files",
            "Files in the mailbox that were no parcels, or damaged ones.",
            mailbox.aside(),
        ),
        (
            "liaison_hub_reservations",
            "Agencies that can be reached through this hub.",
            relayed.reservations.len() as u64,
        ),
        (
            "liaison_hub_circuits",
            "Circuits that are open through this hub.",
            circuits as u64,
        ),
    ];
    for (name, help, value) in figures {
        page.push(Figure::now(name, help, value));
    }
    let refused = hub.refused();
    for reason in Refusal::ALL {
        let mut all = refused.iter();
        let count = all.find(|(r, _)| r.as_str() == reason.as_str());
        let count = count.map_or(0, |(_, count)| *count);
        let help = "Deposits that this hub refused, by reason.";
        page.push(Figure::since("liaison_hub_refused", help, count).is("reason", reason.as_str()));
    }
    page.push(Figure::since(
        "liaison_hub_circuits_refused",
        "Requests for a circuit or a reservation that this hub refused, as beyond a bound.",
        relayed.refused,
    ));
    page.push(Figure::since(
        "liaison_hub_circuits_missed",
        "Circuits that were asked for to agencies that were not there.",
        relayed.absent,
    ));
    let now = node.clock.now();
    let peers = node.registry.peers().into_keys();
    let mut waiting: BTreeMap<AgencyId, (Usage, Millis)> =
        peers.map(|peer| (peer, (Usage::default(), now))).collect();
    for one in mailbox.waiting() {
        waiting.insert(one.to, (one.usage, one.oldest));
    }
    for (peer, (usage, oldest)) in waiting {
        let counts = [
            (
                "liaison_hub_waiting_parcels",
                "Parcels that wait here for the agency.",
                usage.parcels,
            ),
            ("liaison_hub_waiting_bytes", "Bytes of these.", usage.bytes),
        ];
        for (name, help, value) in counts {
            page.push(Figure::now(name, help, value).of(peer));
        }
        let help = "How long the oldest of them waits.";
        let waits = seconds(oldest, now);
        page.push(Figure::measured("liaison_hub_waiting_seconds", help, waits).of(peer));
    }
}

fn outbox(node: &Node, page: &mut Vec<Figure>) {
    let now = node.clock.now();
    let peers = node.registry.peers().into_keys();
    // At hubs, in files, and when the oldest was made.
    let mut under_way: BTreeMap<AgencyId, (u64, u64, Millis)> =
        peers.map(|peer| (peer, (0, 0, now))).collect();
    for row in node.parcels.outbox().rows(|row| row.is_under_way()) {
        // Of an agency that is no peer any more, nothing is under way for long.
        let Some((hubs, files, oldest)) = under_way.get_mut(&row.to) else {
            continue;
        };
        match row.way {
            Way::Hub(_) => *hubs += 1,
            Way::Bundle => *files += 1,
        }
        *oldest = (*oldest).min(row.made);
    }
    for (peer, (hubs, files, oldest)) in under_way {
        for (way, count) in [("mailbox", hubs), ("bundle", files)] {
            let help = "Parcels of ours that are under way to the peer.";
            page.push(
                Figure::now("liaison_parcels", help, count)
                    .of(peer)
                    .is("path", way),
            );
        }
        let help = "How long ago the oldest of them was made.";
        let age = seconds(oldest, now);
        page.push(Figure::measured("liaison_parcels_seconds", help, age).of(peer));
    }
}
