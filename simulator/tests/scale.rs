//! Small federations: nothing is lost, nothing comes twice where it can't, and a hub stays as fast
//! as it grows.

#![expect(clippy::expect_used, reason = "a test that panics fails")]

use liaison_simulator::conditions::Conditions;
use liaison_simulator::scale::{Figures, Scenario};
use liaison_simulator::table;
use liaison_simulator::topology::Topology;

/// The page whose table the program writes.
const PAGE: &str = include_str!("../../docs/federation-at-size.md");

fn scenario(topology: Topology, conditions: Conditions, nodes: usize) -> Scenario {
    Scenario {
        topology,
        conditions,
        nodes,
        records: 60,
        size: 1_000,
        within_ms: 30 * 60_000,
        seed: 7,
    }
}

/// What came of it, nothing lost.
fn run(scenario: Scenario) -> Figures {
    let figures = scenario.run().expect("comes to rest");
    assert_eq!((figures.astray, figures.faults), (0, 0), "{scenario:?}");
    let readers = scenario.nodes - scenario.topology.carriers() - 1;
    let copies = (scenario.records * readers) as u64;
    assert_eq!(figures.delivered, copies, "{scenario:?}");
    figures
}

#[test]
fn nothing_comes_twice_where_there_is_one_way() {
    for topology in [Topology::Hub, Topology::Chain] {
        for nodes in [2, 10, 40] {
            let figures = run(scenario(topology, Conditions::Calm, nodes));
            assert_eq!(figures.twice, 0.0, "{topology}, {nodes} nodes");
            // What does not belong to the record is less than half of it.
            assert!(figures.bytes < 1_500.0, "{topology}: {figures:?}");
        }
    }
}

#[test]
fn a_hub_of_forty_is_as_fast_as_one_of_ten() {
    for topology in [Topology::Hub, Topology::TwoHubs] {
        let [ten, forty] = [10, 40].map(|n| run(scenario(topology, Conditions::Calm, n)));
        assert!(forty.most_ms * 4 <= ten.most_ms * 5, "{ten:?} {forty:?}");
        // Two hops of three ways of 40 ms, and three steps of work of 20 ms each.
        assert!(forty.last_ms <= 2 * (3 * 40 + 3 * 20), "{forty:?}");
    }
}

/// What one peer was asked for is not asked of another as well: two copies come only where lines
/// break or a second is over.
#[test]
fn where_there_are_many_ways_one_copy_comes() {
    for topology in [Topology::TwoHubs, Topology::Mesh] {
        let figures = run(scenario(topology, Conditions::Calm, 25));
        assert!(figures.twice < 0.01, "{topology}: {figures:?}");
    }
}

/// A hub that cannot read takes some parcels side by side from each agency: a record for twice as
/// many takes twice as long at most.
#[test]
fn a_mailbox_takes_a_parcel_an_addressee() {
    for topology in [Topology::Mailbox, Topology::TwoMailboxes] {
        let [ten, twenty] = [10, 20].map(|n| run(scenario(topology, Conditions::Calm, n)));
        assert_eq!((ten.twice, twenty.twice), (0.0, 0.0), "{topology}");
        assert!(twenty.most_ms * 2 <= ten.most_ms * 5, "{ten:?} {twenty:?}");
    }
}

#[test]
fn a_chain_takes_a_hop_a_node() {
    let figures = run(scenario(Topology::Chain, Conditions::Calm, 40));
    assert!(figures.last_ms <= 39 * (3 * 40 + 3 * 20), "{figures:?}");
}

#[test]
fn nothing_is_lost_in_bad_conditions() {
    for topology in Topology::ALL {
        let figures = run(scenario(topology, Conditions::Rough, 12));
        // Somebody was away, and it came all the same.
        assert!(figures.last_ms > 60_000, "{topology}: {figures:?}");
    }
}

#[test]
fn one_seed_gives_one_run() {
    let one = scenario(Topology::TwoHubs, Conditions::Rough, 12);
    assert_eq!(one.run(), one.run());
    assert_ne!(one.run(), Scenario { seed: 8, ..one }.run());
}

/// The small rows of the committed table, as the sessions are now.
#[test]
fn the_page_shows_what_is_simulated() {
    for topology in [Topology::Hub, Topology::Chain] {
        for conditions in Conditions::ALL {
            let scenario = Scenario {
                records: 200,
                within_ms: 60 * 60_000,
                seed: 1,
                ..scenario(topology, conditions, 10)
            };
            let row = table::cells(&(scenario, run(scenario)));
            let is_row = |line: &str| {
                let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
                cells == row
            };
            assert!(
                PAGE.lines().any(is_row),
                "docs/federation-at-size.md does not have {row:?}: renew it by the command in it"
            );
        }
    }
}
