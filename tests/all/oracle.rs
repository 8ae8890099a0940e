//! Random federations against the model of the rules: nothing leaks, and nothing is kept back.
//!
//! `LIAISON_ORACLE_CASES=2000 cargo test -p liaison-tests --test all oracle_draws -- --nocapture`
//! draws more; `LIAISON_ORACLE_SEED=N LIAISON_ORACLE_CASES=1` replays one, and with
//! `LIAISON_ORACLE_TRACE=r3,r7` (or `all`) prints what was done and every frame about these
//! records, if node and model differ.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use liaison_tests::oracle::model::Gate;
use liaison_tests::oracle::{Outcome, Plan, Sabotage, run};
use tokio::task::JoinSet;

/// Federations that every run of the tests draws.
const CASES: u64 = 24;
/// How many run beside each other: most of their time is spent waiting.
const JOBS: u64 = 6;
/// How long nodes may take to come to rest; a machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// A long run says how far it has come after each so many.
const TOLD_EVERY: u64 = 25;
/// A long run ends after so many federations that failed.
const FAULTS: usize = 10;
/// Within how many federations a broken gate must be seen.
const SEEN_WITHIN: u64 = 50;

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}

/// One federation, in a task of its own: what a node of it panics with is told with its seed.
async fn one(seed: u64, sabotage: Option<Sabotage>, patience: Duration) -> Result<Outcome, String> {
    let plan = Plan::draw(seed);
    let ran = tokio::spawn(async move { run(&plan, sabotage, patience).await }).await;
    ran.map_err(|e| {
        let says = e.into_panic();
        let text = says.downcast_ref::<String>().cloned();
        text.or_else(|| says.downcast_ref::<&str>().map(|s| (*s).to_owned()))
            .unwrap_or_default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn oracle_draws_federations_and_none_leaks() {
    let first = setting("LIAISON_ORACLE_SEED", 1);
    let cases = setting("LIAISON_ORACLE_CASES", CASES);
    let jobs = setting("LIAISON_ORACLE_JOBS", JOBS);
    let began = Instant::now();
    let mut next = first..first.saturating_add(cases);
    let mut tasks = JoinSet::new();
    let start = |tasks: &mut JoinSet<_>, seed: u64| {
        tasks.spawn(async move { (seed, one(seed, None, PATIENCE).await) });
    };
    for seed in next.by_ref().take(usize::try_from(jobs).expect("small")) {
        start(&mut tasks, seed);
    }
    let (mut nodes, mut frames, mut copies, mut done_so_far) = (0, 0, 0, 0);
    let mut slowest = (Duration::ZERO, 0, String::new());
    let mut faults: BTreeMap<u64, String> = BTreeMap::new();
    while let Some(done) = tasks.join_next().await {
        let (seed, outcome) = done.expect("a federation");
        if let Some(seed) = next.next() {
            start(&mut tasks, seed);
        }
        done_so_far += 1;
        match outcome {
            Ok(outcome) => {
                nodes += outcome.nodes;
                frames += outcome.frames;
                copies += outcome.copies;
                let last = outcome.last.map(|v| format!(", waiting for: {v}"));
                slowest = slowest.max((outcome.rest, seed, last.unwrap_or_default()));
                if !outcome.violations.is_empty() {
                    let all = outcome.violations.iter().map(|v| format!("  {v}\n"));
                    faults.insert(seed, all.take(20).collect());
                }
            }
            Err(panicked) => {
                faults.insert(seed, format!("  {panicked}\n"));
            }
        }
        if let Some(says) = faults.get(&seed) {
            println!("seed {seed}:\n{says}");
        }
        if done_so_far % TOLD_EVERY == 0 {
            let failed = faults.len();
            println!(
                "{done_so_far} of {cases}, {failed} failed, {:.0?}",
                began.elapsed()
            );
        }
        if faults.len() >= FAULTS {
            break;
        }
    }
    let took = began.elapsed();
    println!(
        "{done_so_far} federations, {nodes} nodes, {frames} frames, {copies} copies in {took:.1?}; \
         slowest to rest: seed {}, {:.1?}{}",
        slowest.1, slowest.0, slowest.2
    );
    let told: String = faults
        .iter()
        .map(|(seed, says)| {
            format!(
                "seed {seed}; replay: LIAISON_ORACLE_SEED={seed} LIAISON_ORACLE_CASES=1 \
                 cargo test -p liaison-tests --test all oracle_draws\n{says}"
            )
        })
        .collect();
    assert!(faults.is_empty(), "\n{told}");
}

/// A test of the test: a node whose gate is broken is found out.
#[tokio::test(flavor = "multi_thread")]
async fn oracle_sees_each_broken_gate_within_fifty_federations() {
    let mut hunts = JoinSet::new();
    for (sabotage, gates) in Sabotage::ALL {
        hunts.spawn(async move { (sabotage, gates, seen(sabotage, gates).await) });
    }
    let mut unseen = Vec::new();
    while let Some(hunt) = hunts.join_next().await {
        let (sabotage, gates, seed) = hunt.expect("a hunt");
        println!("{sabotage:?}, told by {gates:?}: {seed:?}");
        if seed.is_none() {
            unseen.push((sabotage, gates));
        }
    }
    assert!(unseen.is_empty(), "nobody saw {unseen:?}");
}

/// The first seed whose federation shows that a gate is broken.
async fn seen(sabotage: Sabotage, gates: &[Gate]) -> Option<u64> {
    // What is still missing in the end matters only where too little is shared or called back.
    let lacks = matches!(sabotage, Sabotage::Starve | Sabotage::Recall);
    let patience = Duration::from_millis(if lacks { 10_000 } else { 100 });
    for seed in 1..=SEEN_WITHIN {
        let outcome = match one(seed, Some(sabotage), patience).await {
            Ok(outcome) => outcome,
            // One that this machine kept from starting shows nothing; the next may.
            Err(says) if says.contains("does not start") && says.contains("in use") => continue,
            // One that goes by another policy than the plan's may refuse what the plan writes.
            Err(says) if says.contains("and the ceiling '") => continue,
            Err(says) => panic!("{sabotage:?}, seed {seed}: {says}"),
        };
        if outcome.violations.iter().any(|v| v.is_of(gates)) {
            return Some(seed);
        }
    }
    None
}
