//! The figures of the node as a whole.

use std::collections::BTreeMap;

use liaison_protocol::audit::SignedHead;

use super::figure::Figure;
use super::walk::Found;
use super::{carried, health, peers};
use crate::control::{alerts, in_force};
use crate::node::Node;
use crate::store::{Path, StoreError};

/// All figures of a node, but those that its parts add.
///
/// # Errors
/// The store can't be read.
pub(super) fn figures(node: &Node, found: &Found) -> Result<Vec<Figure>, StoreError> {
    let mut page = vec![
        Figure::now("liaison_build_info", "1; the label says the version.", 1)
            .is("version", env!("CARGO_PKG_VERSION")),
        Figure::measured(
            "liaison_uptime_seconds",
            "Time since the node started.",
            peers::seconds(node.started, node.clock.now()),
        ),
        Figure::now(
            "liaison_alerts",
            "Things that a person has to look at: 'liaison status' says which.",
            alerts(node, &[]).len() as u64,
        ),
    ];
    store(node, found, &mut page)?;
    queues(node, &mut page);
    watchful(node, &mut page);
    referrals(node, &mut page);
    peers::figures(node, found, &mut page);
    carried::figures(node, &mut page);
    if let Some(bytes) = memory() {
        let help = "Memory of the process that is in RAM.";
        page.push(Figure::now("liaison_memory_bytes", help, bytes));
    }
    node.metrics.of_parts(&mut page);
    Ok(page)
}

fn store(node: &Node, found: &Found, page: &mut Vec<Figure>) -> Result<(), StoreError> {
    let counts = node.store.counts()?;
    let help = "Records by state: held, and of all that came: erased, retracted, superseded, marked by a check.";
    let states = [
        ("held", counts.arrivals.saturating_sub(counts.erased)),
        ("erased", counts.erased),
        ("retracted", counts.retracted),
        ("superseded", counts.superseded),
        ("marked", counts.marked),
    ];
    for (state, count) in states {
        page.push(Figure::now("liaison_records", help, count).is("state", state));
    }
    // A store whose clock of records stands still is a node that gets nothing.
    if let Some(last) = counts.last_received {
        page.push(Figure::measured(
            "liaison_record_last_seconds",
            "Time since the last record came.",
            peers::seconds(last, node.clock.now()),
        ));
    }
    let mut planes: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (plane, count) in &found.planes {
        let plane = plane.map_or("unknown", |p| p.as_str());
        *planes.entry(plane).or_default() += count;
    }
    for (plane, count) in planes {
        let help = "Records that ever came, by plane: strategic, personal (sealed), control.";
        page.push(Figure::now("liaison_records_came", help, count).is("plane", plane));
    }
    let figures = [
        (
            "liaison_quarantined_records",
            "Malformed records that were set aside.",
            counts.quarantined,
        ),
        (
            "liaison_store_bytes",
            "Size of the store's file.",
            node.store.disk_bytes()?,
        ),
        (
            "liaison_disk_free_bytes",
            "Room on the store's disk; below 64 MiB the node takes nothing in.",
            node.store.free_bytes()?,
        ),
        (
            "liaison_keyring_damaged_files",
            "Files of the keyring that did not open at the start.",
            node.keyring.damaged().len() as u64,
        ),
    ];
    for (name, help, value) in figures {
        page.push(Figure::now(name, help, value));
    }
    if let Some(at) = found.at {
        page.push(Figure::measured(
            "liaison_figures_age_seconds",
            "How old the figures are that take a look through the store: those of what a peer is behind, owed and withheld, and records by plane.",
            peers::seconds(at, node.clock.now()),
        ));
    }
    Ok(())
}

fn queues(node: &Node, page: &mut Vec<Figure>) {
    let waiting = node.catch_up.waiting().map_or(0, |w| w.agencies.len());
    let figures = [
        (
            "liaison_store_waiting_writes",
            "Writes that wait for the store.",
            node.store.waiting() as u64,
        ),
        (
            "liaison_unindexed_records",
            "Records that the search index does not have yet.",
            node.search.unindexed(),
        ),
        (
            "liaison_catch_up_agencies",
            "Agencies that have to be heard before the node signs again, after a restore or a set-back.",
            waiting as u64,
        ),
    ];
    for (name, help, value) in figures {
        page.push(Figure::now(name, help, value));
    }
    for (path, count) in node.share.releases() {
        let help = "Records released to peers, by the way that they went.";
        let path = match path {
            Path::Direct => "direct",
            Path::Circuit => "circuit",
            Path::Mailbox => "mailbox",
            Path::Bundle => "bundle",
        };
        page.push(Figure::since("liaison_releases", help, count).is("path", path));
    }
    page.push(Figure::since(
        "liaison_strangers",
        "Callers that were turned away because they are on no linked peer's card.",
        node.swarm.refusals().total,
    ));
}

fn watchful(node: &Node, page: &mut Vec<Figure>) {
    let trusted = node.time.trusted().is_ok();
    page.push(Figure::holds(
        "liaison_clock_trusted",
        "Whether the clock is believed: while it is not, nothing expires and no key is renewed.",
        trusted,
    ));
    if let Some(off) = node.time.off_peers() {
        page.push(Figure::measured(
            "liaison_clock_off_peers_seconds",
            "How far the clock is ahead of the median of the peers' clocks; below 0: behind.",
            off as f64 / 1e3,
        ));
    }
    let policy = in_force(node).unwrap_or_default();
    page.push(Figure::holds(
        "liaison_policy_applied",
        "Whether a policy was applied: without one nothing is shared or taken in.",
        policy.applied,
    ));
    page.push(Figure::holds(
        "liaison_policy_proven",
        "Whether the policy in force was proven.",
        policy.proven,
    ));
    let statements = node.policies.current().set().statements().count();
    page.push(Figure::now(
        "liaison_policy_statements",
        "Statements of the policy in force.",
        statements as u64,
    ));
    let audit = node.audit.state().borrow().clone();
    page.push(Figure::holds(
        "liaison_audit_works",
        "Whether the audit log can be written, and was whole at the start.",
        audit.fault.is_none() && audit.damage.is_none(),
    ));
    page.push(Figure::now(
        "liaison_audit_lines",
        "Lines of the audit log's chain.",
        audit.lines,
    ));
    let head = audit.head.and_then(|bytes| SignedHead::parse(bytes).ok());
    if let Some(head) = head {
        page.push(Figure::measured(
            "liaison_audit_head_seconds",
            "Time since the audit log's head was last signed.",
            peers::seconds(head.unverified().at, node.clock.now()),
        ));
    }
    let health = health::ready(node);
    page.push(Figure::holds(
        "liaison_ready",
        "Whether /readyz says yes.",
        health.reasons.is_empty(),
    ));
}

fn referrals(node: &Node, page: &mut Vec<Figure>) {
    let count = node.referrals.count(node.clock.now());
    let help = "Referrals that are not over: all, and of these those with something due from us, with a deadline of ours that passed, that nobody has acknowledged, and that are not with the other agency's node.";
    let figures = [
        ("live", count.live),
        ("due", count.due),
        ("overdue", count.overdue),
        ("new", count.new),
        ("undelivered", count.undelivered),
    ];
    for (state, count) in figures {
        page.push(Figure::now("liaison_referrals", help, count).is("state", state));
    }
    let help = "Own records whose review date has come.";
    let reviews = node.sweeper.due().reviews;
    page.push(Figure::now("liaison_reviews_due", help, reviews));
}

/// Resident memory, in bytes; none where the kernel does not say.
fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
