//! Small federations in virtual time: all comes, once, whatever breaks.

use super::*;

const ALL_KINDS: [u8; 5] = [1, 2, 3, CONTROL, FIRST_HOP];

fn sim(seed: u64, nodes: usize, links: &[(usize, usize)], breaks_per_mille: u64) -> Sim {
    let mut lines = Lines::new((5, 60));
    lines.breaks_per_mille = breaks_per_mille;
    Sim::new(Config {
        seed,
        nodes,
        links: links.to_vec(),
        lines,
    })
}

type Links = Vec<(usize, usize)>;

fn topologies() -> Vec<(&'static str, usize, Links)> {
    let mesh = (0..5)
        .flat_map(|a| (a + 1..5).map(move |b| (a, b)))
        .collect();
    vec![
        ("pair", 2, vec![(0, 1)]),
        ("chain", 5, vec![(0, 1), (1, 2), (2, 3), (3, 4)]),
        ("ring", 3, vec![(0, 1), (1, 2), (2, 0)]),
        ("star", 6, (1..6).map(|n| (0, n)).collect()),
        ("mesh", 5, mesh),
    ]
}

fn create(node: usize, class: u8, count: usize) -> Action {
    Action::Create {
        node,
        class,
        count,
        size: 600,
    }
}

fn settle(sim: &mut Sim) {
    sim.run(2_000_000).expect("comes to rest");
    assert_eq!(sim.faults, []);
    assert_eq!(
        sim.astray(),
        Vec::<usize>::new(),
        "nodes that hold too little or too much"
    );
}

/// Closes and opens all streams: nothing but greetings may be said.
fn is_quiet(sim: &mut Sim) {
    sim.config.lines.breaks_per_mille = 0;
    sim.figures.messages.clear();
    sim.after(0, Action::ReopenAll);
    settle(sim);
    let said: Vec<&str> = sim.figures.messages.keys().copied().collect();
    assert_eq!(said, ["credit", "hello"], "a converged federation is quiet");
}

#[test]
fn every_topology_converges_to_what_its_policies_allow() {
    for (name, nodes, links) in topologies() {
        for seed in 0..60 {
            let loss = [0, 5, 40][seed as usize % 3];
            let mut sim = sim(seed, nodes, &links, loss);
            let mut rng = Rng::new(seed ^ 0xABCD);
            for (a, b) in &links {
                for (from, to) in [(*a, *b), (*b, *a)] {
                    let mask = rng.next_u64() | 1 << CONTROL;
                    sim.nodes[from].set_share(to, mask);
                    sim.nodes[to].set_accept(from, rng.next_u64() | rng.next_u64());
                }
            }
            for node in 0..nodes {
                for class in ALL_KINDS {
                    let count = rng.below(30) as usize;
                    sim.after(rng.below(2_000), create(node, class, count));
                }
            }
            sim.after(
                rng.below(1_500),
                Action::Restart(rng.below(nodes as u64) as usize),
            );
            let (a, b) = links[rng.below(links.len() as u64) as usize];
            sim.after(rng.below(500), Action::Partition(a, b, 3_000));
            sim.run(2_000_000)
                .unwrap_or_else(|e| panic!("{name} seed {seed}: {e}"));
            assert_eq!(sim.faults, [], "{name} seed {seed}");
            assert_eq!(sim.astray(), Vec::<usize>::new(), "{name} seed {seed}");
            is_quiet(&mut sim);
        }
    }
}

#[test]
fn a_cycle_comes_to_rest_and_says_nothing_twice() {
    let mut sim = sim(7, 3, &[(0, 1), (1, 2), (2, 0)], 0);
    for node in 0..3 {
        sim.after(10, create(node, 1, 1_000));
    }
    settle(&mut sim);
    assert_eq!(sim.figures.delivered, 6_000);
    is_quiet(&mut sim);
}

#[test]
fn nothing_is_offered_to_whom_it_came_from() {
    let mut sim = sim(4, 4, &[(0, 1), (1, 2), (2, 3)], 0);
    sim.after(0, create(0, 1, 900));
    sim.after(0, create(3, 1, 900));
    settle(&mut sim);
    assert_eq!(sim.figures.delivered, 2 * 3 * 900);
    assert_eq!(sim.figures.offered, sim.figures.delivered);
    assert_eq!(sim.figures.duplicates, 0);
}

#[test]
fn records_of_one_moment_are_all_delivered() {
    // Everything is created within one millisecond, in many pieces, while streams break.
    for seed in 0..40 {
        let mut sim = sim(seed, 2, &[(0, 1)], 60);
        for piece in 0..30 {
            sim.after(piece % 3, create(0, 1, 41));
        }
        settle(&mut sim);
        assert_eq!(sim.node(1).expect("node").held().len(), 30 * 41);
    }
}

#[test]
fn repair_refills_a_restored_node_and_then_announces_nothing() {
    for seed in 0..40 {
        let mut sim = sim(seed, 3, &[(0, 1), (1, 2), (2, 0)], (seed % 3) * 10);
        sim.after(10, create(0, 1, 150));
        sim.after(20, create(1, 2, 50));
        sim.after(2_000, Action::Backup(1));
        sim.after(2_500, create(0, 1, 150));
        sim.after(2_500, create(2, FIRST_HOP, 20));
        settle(&mut sim);
        sim.after(0, Action::Restore(1));
        sim.run(1_000_000).expect("rest");
        assert_eq!(
            sim.astray(),
            [1],
            "the scan alone does not refill a restored node"
        );
        sim.after(0, Action::Repair(1, 0));
        sim.after(3_000, Action::Repair(2, 1));
        settle(&mut sim);
        // What 1 had created is with the others; what it was sent is offered again.
        let found: usize = sim.figures.repairs.iter().map(|(a, b)| a + b).sum();
        assert!(found >= 170, "{found}");
        sim.figures.repairs.clear();
        for (a, b) in [(0, 1), (1, 0), (1, 2), (2, 0)] {
            sim.after(0, Action::Repair(a, b));
        }
        settle(&mut sim);
        assert_eq!(
            sim.figures.repairs,
            [(0, 0); 4],
            "nothing is left to announce"
        );
    }
}

#[test]
fn a_widened_policy_reaches_back_by_repair() {
    let mut sim = sim(3, 3, &[(0, 1), (1, 2)], 0);
    sim.nodes[0].set_share(1, 1 << 1);
    sim.after(0, create(0, 1, 30));
    sim.after(0, create(0, 2, 500));
    settle(&mut sim);
    assert_eq!(sim.node(2).expect("node").held().len(), 30);
    sim.after(0, Action::Share(0, 1, 1 << 1 | 1 << 2));
    sim.after(1_000, Action::Repair(1, 0));
    settle(&mut sim);
    assert_eq!(sim.node(2).expect("node").held().len(), 530);
    is_quiet(&mut sim);
}

#[test]
fn a_policy_narrowed_under_way_keeps_back_what_was_offered() {
    let mut sim = sim(5, 2, &[(0, 1)], 0);
    sim.after(100, create(0, 1, 2_000));
    while !sim.figures.messages.contains_key("want") {
        sim.run(1).expect_err("still under way");
    }
    assert!(!sim.figures.messages.contains_key("records"));
    // No stream is cut, so that offers already made meet the new decision.
    sim.nodes[0].set_share(1, 0);
    let before = sim.node(1).expect("node").held().len();
    sim.run(1_000_000).expect("rest");
    assert_eq!(sim.faults, []);
    assert_eq!(
        sim.node(1).expect("node").held().len(),
        before,
        "a want is decided anew"
    );
}

#[test]
fn what_is_owed_overtakes_a_long_scan() {
    let mut sim = sim(11, 2, &[(0, 1)], 0);
    sim.after(100, create(0, 1, 20_000));
    sim.after(300, create(0, CONTROL, 3));
    settle(&mut sim);
    let log = sim.node(1).expect("node").log();
    let is_owed = |id: &RecordId| sim.records[id].class == CONTROL;
    let last = log.iter().rposition(is_owed).expect("delivered");
    assert!(last < 8_000, "owed traffic came as number {last}");
}

#[test]
fn versions_that_meet_interoperate_and_others_end_clearly() {
    let mut sim = sim(1, 3, &[(0, 1), (1, 2)], 0);
    sim.speaks(0, Speaks { min: 1, max: 2 });
    sim.speaks(2, Speaks { min: 2, max: 3 });
    sim.after(0, create(0, 1, 10));
    sim.run(100_000).expect("rest");
    assert_eq!(
        sim.node(1).expect("node").held().len(),
        10,
        "1 and 1-2 speak 1"
    );
    assert_eq!(sim.node(2).expect("node").held().len(), 0);
    assert_eq!(
        sim.faults.len(),
        2,
        "one for each stream between 1 and 2: {:?}",
        sim.faults
    );
    for (key, fault) in &sim.faults {
        assert!(key.touches(2));
        assert!(matches!(fault, WireFault::Incompatible { .. }) && fault.blame().is_none());
    }
}

#[test]
fn figures_of_a_cold_sync_stay_within_bounds() {
    let mut sim = sim(42, 2, &[(0, 1)], 0);
    sim.after(0, create(0, 1, 20_000));
    settle(&mut sim);
    let Figures {
        messages,
        bytes,
        delivered,
        duplicates,
        mut delays_ms,
        most_open,
        ..
    } = sim.figures.clone();
    delays_ms.sort_unstable();
    let overhead = bytes as f64 / delivered as f64 - 600.0;
    let total: u64 = messages.values().sum();
    println!(
        "cold sync: {delivered} records, {total} messages, {overhead:.1} bytes beside each record, \
         last after {} ms, {messages:?}",
        sim.now()
    );
    assert_eq!((delivered, duplicates), (20_000, 0));
    assert!(overhead < 60.0, "{overhead}");
    assert!(total <= 4 * 100 + 6, "{total}");
    assert!(most_open <= liaison_protocol::limits::BATCHES_IN_FLIGHT);
    // 100 batches, 8 at a time, each about 4 ways of 5 to 60 ms and 3 steps of work.
    assert!(sim.now() < 100 / 8 * 400 + 1_000, "{} ms", sim.now());
}

#[test]
fn figures_of_a_single_record_through_a_chain() {
    let mut sim = sim(42, 5, &[(0, 1), (1, 2), (2, 3), (3, 4)], 0);
    sim.after(1_000, create(0, 1, 1));
    settle(&mut sim);
    let worst = sim.figures.delays_ms.iter().max().expect("delivered");
    println!("one record over four hops: {worst} ms");
    assert!(*worst < 4 * (3 * 60 + 40), "{worst} ms");
}

#[test]
fn what_is_answered_later_is_offered_again() {
    for seed in 0..20 {
        let mut sim = sim(seed, 3, &[(0, 1), (1, 2)], (seed % 2) * 20);
        sim.after(0, Action::DiskFull(1, 12_000));
        sim.after(100, create(0, 1, 700));
        sim.after(9_000, create(0, CONTROL, 5));
        settle(&mut sim);
        assert!(sim.now() > 12_000);
        is_quiet(&mut sim);
    }
}

#[test]
fn figures_of_a_full_mesh() {
    let links: Vec<_> = (0..5)
        .flat_map(|a| (a + 1..5).map(move |b| (a, b)))
        .collect();
    let mut sim = sim(42, 5, &links, 0);
    for node in 0..5 {
        for second in 0..20 {
            sim.after(second * 1_000 + 37 * node as u64, create(node, 1, 10));
        }
    }
    settle(&mut sim);
    let Figures {
        bytes,
        delivered,
        duplicates,
        mut delays_ms,
        ..
    } = sim.figures.clone();
    delays_ms.sort_unstable();
    let median = delays_ms[delays_ms.len() / 2];
    println!(
        "mesh of 5: {delivered} delivered, {duplicates} came twice, {} bytes each, median {median} ms",
        bytes / delivered
    );
    assert_eq!(delivered, 5 * 20 * 10 * 4);
    // A hop is three ways of 5 to 60 ms and three steps of work: nobody waits for a second.
    assert!(median < 3 * 60 + 60, "{median}");
    // Neighbours pass on what the author sends at the same time, but never more than each.
    assert!(duplicates <= 3 * delivered, "{duplicates}");
}

#[test]
fn the_largest_records_pass_within_the_credit_of_bytes() {
    let mut sim = sim(8, 2, &[(0, 1)], 5);
    let size = liaison_protocol::limits::RECORD_FRAME_BYTES as u32;
    sim.after(
        0,
        Action::Create {
            node: 0,
            class: 1,
            count: 150,
            size,
        },
    );
    sim.after(10, create(0, 1, 300));
    settle(&mut sim);
    let held: usize = sim.figures.delivered as usize;
    assert_eq!(held, 450);
    assert!(sim.figures.messages["records"] > sim.figures.messages["want"]);
    is_quiet(&mut sim);
}
