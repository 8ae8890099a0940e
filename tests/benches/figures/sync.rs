//! Two nodes on loopback: cold sync, no-change sync, pushes, queries over what arrived.

use std::time::{Duration, Instant};

use liaison_node::Node;
use liaison_node::import::synthetic::Synthetic;
use liaison_node::search::{Context, Field, Options, Query};

use crate::federation::{
    NOTHING, SHARE, connected, holds, home, import, indexed, link, policy, start, today,
};
use crate::policy::{PREVIEW_S, previewed};
use crate::table::{Table, Work, quantile};
use crate::{Fallible, Sizes};

/// Times that each query is asked.
const QUERIES: usize = 15;

/// Measures all that needs two nodes.
pub async fn measure(sizes: &Sizes, table: &mut Table) -> Fallible<()> {
    let dir = tempfile::tempdir_in(&sizes.dir)?;
    let (home_a, home_b) = (home(dir.path(), "a")?, home(dir.path(), "b")?);
    let (a, b) = (start(&home_a).await?, start(&home_b).await?);
    let mut trends = Synthetic::trends(11, today());
    let work = Work::begin();
    import(&a, &mut trends, sizes.cold).await?;
    table.rate(
        "sign and store own records, one import",
        sizes.cold,
        work,
        None,
    );
    indexed(&a).await?;

    link(&a, &b).await?;
    // What is owed in any case (the other's card) has come before.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = b.store.last().0;
    let work = Work::begin();
    policy(&b, SHARE)?;
    policy(&a, SHARE)?;
    holds(&b, before + sizes.cold as u64).await?;
    table.rate("cold sync", sizes.cold, work, Some(0.4));

    let more = sizes.held.saturating_sub(sizes.cold);
    import(&a, &mut trends, more).await?;
    holds(&b, before + (sizes.cold + more) as u64).await?;
    idle(&a, &b).await?;
    indexed(&a).await?;
    indexed(&b).await?;
    no_change(&a, &b, table).await?;
    pushes(&a, &b, &mut trends, sizes.pushes, table).await?;
    indexed(&b).await?;
    queries(&b, table).await?;
    let (seconds, _, held) = previewed(&a, NOTHING).await?;
    let what = format!("preview, {held} records that a peer holds");
    table.below(&what, seconds, "s", Some(PREVIEW_S));
    a.stop().await;
    b.stop().await;
    Ok(())
}

/// Waits until neither has anything left to offer the other.
async fn idle(a: &Node, b: &Node) -> Fallible<()> {
    for (one, other) in [(a, b), (b, a)] {
        let mut idle = one.sync.peers().of(&other.registry.own()).settled();
        let wait = idle.wait_for(Option::is_some);
        tokio::time::timeout(Duration::from_secs(60), wait).await??;
    }
    Ok(())
}

/// The link breaks and comes back; both look through everything and find nothing new.
async fn no_change(a: &Node, b: &Node, table: &mut Table) -> Fallible<()> {
    let (of_a, of_b) = (a.registry.own(), b.registry.own());
    // Another repair must not be running: the one that the end of the sync began.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let bytes = || {
        let traffic = b.swarm.traffic(&of_a);
        traffic.bytes_in + traffic.bytes_out
    };
    b.swarm.set_peers(Vec::new()).await?;
    let mut links = a.swarm.links();
    let down = links.wait_for(|l| l.iter().all(|l| !l.is_up()));
    tokio::time::timeout(Duration::from_secs(60), down).await??;
    let (before, last) = (bytes(), b.store.last());
    let work = Work::begin();
    b.swarm.set_peers(b.registry.linked()).await?;
    b.swarm.dial_now(of_a).await?;
    let began = b.clock.now();
    connected(a, &of_b).await?;
    connected(b, &of_a).await?;
    let linked = Instant::now();
    let (side, other) = if of_a < of_b { (a, of_b) } else { (b, of_a) };
    let peer = side.sync.peers().of(&other);
    while peer.repaired().is_none_or(|at| at < began) {
        if linked.elapsed() > Duration::from_secs(60) {
            return Err(format!("no repair within a minute: {:?}", peer.last_error()).into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    idle(a, b).await?;
    let session = linked.elapsed().as_secs_f64();
    let (wall, cpu) = work.end();
    assert_eq!(last, b.store.last(), "nothing new came");
    // The counters of a peer begin anew when it is linked anew.
    let after = bytes();
    let moved = if after >= before {
        after - before
    } else {
        after
    };
    let held = last.0 as f64;
    table.row("records held by both", format!("{held:.0}"), "", "");
    table.below("no-change sync, time", wall, "s", Some(2.0));
    table.below("  of which after the link was up", session, "s", None);
    table.below("  processor", cpu, "s", None);
    table.below(
        "no-change sync, both ways",
        moved as f64,
        "bytes",
        Some(100_000.0),
    );
    Ok(())
}

/// One record at a time, until it is in the peer's store, where queries see it.
async fn pushes(
    a: &Node,
    b: &Node,
    trends: &mut Synthetic,
    count: usize,
    table: &mut Table,
) -> Fallible<()> {
    idle(a, b).await?;
    let mut times = Vec::with_capacity(count);
    for record in trends.take(count) {
        let mut arrivals = b.store.watch();
        let began = Instant::now();
        let ids = a.ingest.own(vec![record.into()], Vec::new()).await?;
        let (id, _) = ids.first().ok_or("it was not stored")?;
        while b.store.arrival_of(id)?.is_none() {
            tokio::time::timeout(Duration::from_secs(10), arrivals.changed()).await??;
        }
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    table.below(
        "push to visible, median",
        quantile(&mut times, 0.5),
        "ms",
        Some(20.0),
    );
    table.below(
        "push to visible, p99",
        quantile(&mut times, 0.99),
        "ms",
        None,
    );
    // Visible in a query as well, at once.
    let newest = b.store.last().0;
    let found = ask(b, "kind:trend", &Options::default())?;
    assert_eq!(found.0, Some(newest), "a query sees what is in the store");
    Ok(())
}

async fn queries(node: &Node, table: &mut Table) -> Fallible<()> {
    let counted = Options {
        limit: 0,
        ..Options::default()
    };
    let summed = Options {
        limit: 0,
        sum: true,
        by: Some(Field::parse("dim.nationality")?),
        ..Options::default()
    };
    let kinds = [
        ("query: count", "kind:trend", counted.clone()),
        ("query: sum by nationality", "measure:detections", summed),
        (
            "query: free text, newest 50",
            "fictional corridor",
            Options::default(),
        ),
        (
            "query: route and period, count",
            "area:QN period:2020..2040",
            counted,
        ),
    ];
    for (what, words, options) in kinds {
        let mut times = Vec::with_capacity(QUERIES);
        let mut count = 0;
        for _ in 0..QUERIES {
            let began = Instant::now();
            let node = node.clone();
            let options = options.clone();
            let found = tokio::task::spawn_blocking(move || ask(&node, words, &options)).await??;
            count = found.1;
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        let what = format!("{what} ({count} found)");
        table.below(&what, quantile(&mut times, 0.5), "ms", None);
    }
    Ok(())
}

/// The newest arrival that matches, and how many do.
fn ask(node: &Node, words: &str, options: &Options) -> Fallible<(Option<u64>, u64)> {
    let author = |_: &str| None;
    let now = node.clock.now();
    let context = Context {
        now,
        author: &author,
    };
    let outcome = node
        .search
        .query(&Query::parse(words, &context)?, options)?;
    Ok((outcome.arrivals.first().copied(), outcome.count))
}
