//! The figures of each peer.

use std::collections::BTreeMap;

use liaison_protocol::clock::Millis;
use liaison_protocol::fault::{Answer, Blame};
use liaison_protocol::id::AgencyId;

use super::figure::Figure;
use super::walk::Found;
use crate::limits;
use crate::node::Node;
use crate::swarm::{LinkState, Path};

/// Puts the figures of every linked peer on the page.
pub(super) fn figures(node: &Node, found: &Found, page: &mut Vec<Figure>) {
    let now = node.clock.now();
    let links: BTreeMap<AgencyId, LinkState> = {
        let links = node.swarm.links();
        let links = links.borrow();
        links.iter().map(|l| (l.agency, l.clone())).collect()
    };
    for peer in node.registry.peers().into_keys() {
        link(node, peer, links.get(&peer), now, page);
        sessions(node, peer, page);
        stand(peer, found, now, page);
    }
}

fn link(
    node: &Node,
    peer: AgencyId,
    link: Option<&LinkState>,
    now: Millis,
    page: &mut Vec<Figure>,
) {
    let up = link.is_some_and(LinkState::is_up);
    let circuit = link.is_some_and(|l| matches!(l.path, Some(Path::Circuit(_))));
    page.push(Figure::holds("liaison_link_up", "Whether the peer is connected.", up).of(peer));
    page.push(
        Figure::holds(
            "liaison_link_circuit",
            "Whether the connection goes through a hub.",
            up && circuit,
        )
        .of(peer),
    );
    let attempts = link.map_or(0, |l| u64::from(l.attempts));
    page.push(
        Figure::now(
            "liaison_link_attempts",
            "Attempts to reach the peer that failed since it was last connected.",
            attempts,
        )
        .of(peer),
    );
    if let Some(micros) = link.and_then(|l| l.round_trip_us) {
        page.push(
            Figure::measured(
                "liaison_link_round_trip_seconds",
                "The last round trip to the peer.",
                micros as f64 / 1e6,
            )
            .of(peer),
        );
    }
    let seen = node.sync.peers().of(&peer).last_seen();
    let away = match (up, seen) {
        (true, _) => Some(0.0),
        (false, Some(seen)) => Some(seconds(seen, now)),
        (false, None) => None,
    };
    if let Some(away) = away {
        page.push(
            Figure::measured(
                "liaison_peer_away_seconds",
                "Time since the peer was last connected; 0 while it is.",
                away,
            )
            .of(peer),
        );
    }
    let keys = node.registry.agency(&peer);
    if let Some(until) = keys.and_then(|k| k.statement_body().map(|keys| keys.until)) {
        let left = until.0 as f64 - now.0 as f64;
        page.push(
            Figure::measured(
                "liaison_peer_keys_seconds",
                "Time until the peer's keys statement runs out; below 0: it has.",
                left / 1e3,
            )
            .of(peer),
        );
    }
    let traffic = node.swarm.traffic(&peer);
    for (way, bytes) in [("in", traffic.bytes_in), ("out", traffic.bytes_out)] {
        let help = "Bytes of frames from and to the peer.";
        page.push(
            Figure::since("liaison_peer_bytes", help, bytes)
                .of(peer)
                .is("way", way),
        );
    }
}

fn sessions(node: &Node, peer: AgencyId, page: &mut Vec<Figure>) {
    let sync = node.sync.peers().of(&peer);
    let queues = [
        (
            "liaison_peer_lacking_records",
            "Records that a repair found the peer to lack and that were not offered yet.",
            sync.lacking(),
        ),
        (
            "liaison_peer_sessions",
            "Sessions that the peer opened and that are open.",
            sync.open_sessions(),
        ),
    ];
    for (name, help, count) in queues {
        page.push(Figure::now(name, help, count as u64).of(peer));
    }
    for (blame, count) in sync.tally.faults() {
        let help = "Sessions with the peer that ended because of a fault, by who is at fault.";
        let blame = match blame {
            Blame::Author => "author",
            Blame::Courier => "courier",
            Blame::Local => "local",
        };
        page.push(
            Figure::since("liaison_faults", help, count)
                .of(peer)
                .is("blame", blame),
        );
    }
    for (way, answers) in [("given", sync.tally.given()), ("got", sync.tally.gotten())] {
        for (answer, count) in answers {
            let (word, reason) = match answer {
                Answer::Stored => ("stored", "none"),
                Answer::Refused(refused) => ("refused", refused.as_str()),
                Answer::Later(later) => ("later", later.as_str()),
            };
            let help = "Answers to records: those that we gave the peer, and those that we got.";
            page.push(
                Figure::since("liaison_answers", help, count)
                    .of(peer)
                    .is("way", way)
                    .is("answer", word)
                    .is("reason", reason),
            );
        }
    }
}

fn stand(peer: AgencyId, found: &Found, now: Millis, page: &mut Vec<Figure>) {
    let Some(behind) = found.peers.get(&peer) else {
        return;
    };
    let age = |since: Option<Millis>| since.map_or(0.0, |since| seconds(since, now));
    let counts = [
        (
            "liaison_peer_behind_records",
            "Records that the peer may have and has not answered.",
            behind.standing.behind,
        ),
        (
            "liaison_peer_later_records",
            "Records that the peer asked to be offered again, counted up to 10,000.",
            behind.later,
        ),
        (
            "liaison_peer_owed_records",
            "Control records that the peer is owed and has not taken or answered.",
            behind.owed,
        ),
        (
            "liaison_peer_owed_withdrawals",
            "Of these, retractions and recalls.",
            behind.withdrawals,
        ),
    ];
    for (name, help, count) in counts {
        page.push(Figure::now(name, help, count).of(peer));
    }
    let ages = [
        (
            "liaison_peer_behind_seconds",
            "How long the oldest record is here that the peer may have and has not answered.",
            behind.standing.oldest,
        ),
        (
            "liaison_peer_owed_withdrawals_seconds",
            "How long the oldest retraction or recall is here that the peer has not answered.",
            behind.since,
        ),
    ];
    for (name, help, since) in ages {
        page.push(Figure::measured(name, help, age(since)).of(peer));
    }
    for (gate, count) in behind.standing.withheld_by() {
        let help = "Records that the peer does not get, by the gate that withholds them.";
        page.push(
            Figure::now("liaison_peer_withheld_records", help, count)
                .of(peer)
                .is("gate", gate.as_str()),
        );
    }
}

/// Seconds from one time to a later one.
pub(super) fn seconds(from: Millis, to: Millis) -> f64 {
    to.0.saturating_sub(from.0) as f64 / 1e3
}

const _: () = assert!(limits::STORE_ROWS == 10_000, "the help text says so");
