//! A plan, carried out by real nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use liaison_protocol::id::RecordId;
use tokio::sync::Notify;

use super::judge::{self, Held, Violation};
use super::model::{Gate, Model, Version};
use super::plan::{Plan, pair};
use super::policy::{Policy, country_of, sector_of};
use super::rest::{self, Given, Rest};
use super::sabotage::Sabotage;
use super::step::Step;
use super::{sealed, trace, wire};
use crate::address::own_ip;
use crate::tap::moment;
use crate::{Federation, Ran};

/// What came of one federation.
#[derive(Debug)]
pub struct Outcome {
    /// Where node and model differ.
    pub violations: Vec<Violation>,
    /// Nodes.
    pub nodes: usize,
    /// Frames that were judged.
    pub frames: usize,
    /// Copies that were held and judged.
    pub copies: usize,
    /// How long the nodes took to come to what the gates let them have, at the end.
    pub rest: Duration,
    /// What they waited for until then.
    pub last: Option<Violation>,
    /// How long all of it took.
    pub took: Duration,
}

/// How long to wait for what tells of itself before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Names the records whose traffic is printed where node and model differ.
const TRACE: &str = "LIAISON_ORACLE_TRACE";

/// Small stores: there are many.
const CONFIG: &str = "cache_mb = 8\n";

/// A federation as it runs, and what is to be said of it.
pub(super) struct World<'a> {
    pub(super) federation: Federation,
    pub(super) model: Model<'a>,
    pub(super) sabotage: Option<Sabotage>,
    pub(super) backups: BTreeMap<usize, Backup>,
}

/// A backup of a node: when it was made, and the gates in it.
pub(super) struct Backup {
    pub(super) moment: u64,
    pub(super) gates: Version,
    pub(super) held: BTreeSet<RecordId>,
}

/// Runs a plan and judges what the nodes did. With a sabotage, the nodes do otherwise than
/// the model is told.
pub async fn run(plan: &Plan, sabotage: Option<Sabotage>, patience: Duration) -> Outcome {
    let began = Instant::now();
    let mut federation = Federation::new();
    let mut agencies = Vec::new();
    for n in 0..plan.nodes {
        let node = federation.prepare(&name(n), sector_of(n), country_of(n));
        std::fs::write(node.home.config_path(), CONFIG).expect("configuration");
        node.listening_on(&format!("{}:0", own_ip()));
        node.start().await;
        agencies.push(node.agency);
    }
    let mut world = World {
        federation,
        model: Model::new(plan, agencies),
        sabotage,
        backups: BTreeMap::new(),
    };
    for n in 0..plan.nodes {
        world.changed(n, 0, |_| {});
    }
    let mut steps = Vec::new();
    for step in &plan.steps {
        steps.push((moment(), step));
        world.step(step).await;
    }
    let (mut violations, rest, last) = world.come_to_rest(patience).await;
    let (frames, copies) = world.judge(&mut violations);
    if let Ok(records) = std::env::var(TRACE)
        && !violations.is_empty()
    {
        let said: Vec<_> = (0..plan.nodes)
            .map(|n| world.federation[&name(n)].tap.frames())
            .collect();
        println!("{}", trace::trace(&world.model, &records, &steps, &said));
    }
    world.federation.stop().await;
    Outcome {
        violations,
        nodes: plan.nodes,
        frames,
        copies,
        rest,
        last,
        took: began.elapsed(),
    }
}

impl World<'_> {
    async fn step(&mut self, step: &Step) {
        match step {
            Step::Push { node, record, to } => self.push(*node, *record, to.as_ref()).await,
            Step::Seal { node, record, to } => self.seal(*node, *record, to).await,
            Step::Amend {
                node,
                of,
                record,
                to,
            } => self.amend(*node, *of, *record, to.as_ref()).await,
            Step::Retract { node, of } => {
                if let Some(id) = self.model.ids[*of] {
                    self.retract(*node, id).await;
                }
            }
            Step::Apply { node, policy } => self.apply(*node, policy).await,
            Step::Add {
                node,
                peer,
                circles,
            } => self.add(*node, *peer, circles).await,
            Step::Remove { node, peer, recall } => self.remove(*node, *peer, *recall).await,
            Step::Revoke { node, peer } => {
                let begin = moment();
                if self.sabotage != Some(Sabotage::Revocation) {
                    let args = ["peer", "revoke", &name(*peer), "--reason", "drawn", "--yes"];
                    self.run(*node, &args).await;
                }
                self.changed(*node, begin, |v| {
                    v.peers.remove(peer);
                    v.revoked.insert(*peer);
                });
            }
            Step::Recall { node } => self.recall(*node).await,
            Step::Permit {
                node,
                of,
                to,
                permit,
            } => self.permit(*node, *of, to, *permit).await,
            Step::Forbid { node, permit } => {
                if let Some(id) = self.model.permits[*permit] {
                    self.retract(*node, id).await;
                }
            }
            Step::Cut(a, b) => {
                self.model.cut.insert(pair(*a, *b));
                self.federation.cut(&name(*a), &name(*b)).await;
            }
            Step::Mend(a, b) => {
                if self.sabotage == Some(Sabotage::Tombstone) {
                    self.forget_tombstones().await;
                }
                self.federation.mend(&name(*a), &name(*b)).await;
                self.model.cut.remove(&pair(*a, *b));
            }
            Step::Backup(node) => self.backup(*node).await,
            Step::Restore(node) => self.restore(*node).await,
            Step::Stop(node) => {
                let store = self.federation[&name(*node)].node().store.clone();
                self.federation.node(&name(*node)).stop().await;
                // Only now: it may make a receipt, and offer it, until it has stopped.
                judge::learn(&mut self.model, &store);
            }
            Step::Start(node) => self.federation.node(&name(*node)).start().await,
            Step::Settle => {
                self.federation.settled().await;
                self.model.rests.push(moment());
            }
        }
    }

    pub(super) async fn run(&self, node: usize, args: &[&str]) -> Ran {
        let ran = self.federation[&name(node)].cli(args).await;
        ran.expect_code(0)
    }

    /// A node's gates changed.
    pub(super) fn changed(&mut self, node: usize, begin: u64, change: impl FnOnce(&mut Version)) {
        let epoch = self.federation[&name(node)]
            .node()
            .policies
            .current()
            .epoch();
        let of = &mut self.model.versions[node];
        let mut next = of.last().cloned().unwrap_or(Version {
            begin,
            done: Instant::now(),
            epoch,
            policy: Policy::default(),
            peers: BTreeMap::new(),
            named: BTreeSet::new(),
            revoked: BTreeSet::new(),
            restored: false,
        });
        next.restored = false;
        change(&mut next);
        next.begin = begin;
        next.done = Instant::now();
        next.epoch = epoch;
        of.push(next);
    }

    /// Waits until every node holds what the gates in force let it have, and nothing that had
    /// to be erased. What is missing when patience ends, how long it took, and what was missing
    /// last.
    async fn come_to_rest(
        &mut self,
        patience: Duration,
    ) -> (Vec<Violation>, Duration, Option<Violation>) {
        let began = Instant::now();
        let running = self.running();
        let pairs: Vec<(usize, usize)> = running
            .iter()
            .flat_map(|a| running.iter().map(move |b| (*a, *b)))
            .filter(|(a, b)| self.model.is_linked(*a, *b))
            .collect();
        for (a, b) in &pairs {
            let node = self.federation[&name(*a)].node();
            let _up = node.swarm.dial_now(self.model.agencies[*b]).await;
        }
        for (a, b) in pairs.iter().filter(|(a, b)| a < b) {
            // A removal may still be on its way when the sabotage keeps the other side linked.
            if self.sabotage.is_none() {
                self.federation.connected(&name(*a), &name(*b)).await;
            }
        }
        let arrived = Arc::new(Notify::new());
        let watchers: Vec<_> = running
            .iter()
            .map(|n| {
                let mut arrivals = self.federation[&name(*n)].node().store.watch();
                let arrived = arrived.clone();
                tokio::spawn(async move {
                    while arrivals.changed().await.is_ok() {
                        arrived.notify_one();
                    }
                })
            })
            .collect();
        let end = tokio::time::Instant::now() + patience;
        let mut last = None;
        let missing = loop {
            for n in &running {
                judge::learn(&mut self.model, &self.federation[&name(*n)].node().store);
            }
            let held = self.held(&running);
            let given = self.given(&running);
            let rest = Rest {
                model: &self.model,
                held: &held,
                given: &given,
                unsigned: self.unsigned(&running),
            };
            let unmet = pairs.iter().flat_map(|(a, b)| rest.unmet(*a, *b));
            let missing: Vec<Violation> = unmet.collect();
            if missing.is_empty() || tokio::time::Instant::now() >= end {
                break missing;
            }
            last = missing.into_iter().next();
            // What is erased, or comes back under its old number, is no arrival.
            let again = end.min(tokio::time::Instant::now() + LOOK_AGAIN);
            let _more = tokio::time::timeout_at(again, arrived.notified()).await;
        };
        for watcher in watchers {
            watcher.abort();
        }
        let took = began.elapsed();
        if missing.is_empty() {
            self.federation.settled().await;
        }
        (missing, took, last)
    }

    fn judge(&mut self, violations: &mut Vec<Violation>) -> (usize, usize) {
        let running = self.running();
        let held = self.held(&running);
        // The nodes still run, and may make a receipt meanwhile: what was said first, then
        // all that could be spoken of.
        let said: Vec<_> = (0..self.model.plan.nodes)
            .map(|n| self.federation[&name(n)].tap.frames())
            .collect();
        for n in &running {
            judge::learn(&mut self.model, &self.federation[&name(*n)].node().store);
        }
        for n in 0..self.model.plan.nodes {
            judge::learn_frames(&mut self.model, &self.federation[&name(n)]);
        }
        for n in &running {
            violations.extend(sealed::judge(&self.model, *n, &self.federation[&name(*n)]));
        }
        violations.extend(sealed::judge_disk(&self.model, self.federation.dir()));
        let (mut frames, mut copies) = (0, 0);
        for (n, said) in said.iter().enumerate() {
            let wire = wire::read_wire(&self.model, n, said);
            frames += wire.frames;
            if let Some(held) = held.get(&n) {
                copies += held.len();
                violations.extend(rest::judge_store(&self.model, n, held, &wire));
            }
            violations.extend(wire.violations);
        }
        (frames, copies)
    }

    pub(super) fn running(&self) -> Vec<usize> {
        (0..self.model.plan.nodes)
            .filter(|n| self.federation[&name(*n)].runs())
            .collect()
    }

    /// What each was given, if anything was called back.
    fn given(&self, running: &[usize]) -> BTreeMap<usize, Vec<Given>> {
        if self.model.recalled.is_empty() {
            return BTreeMap::new();
        }
        let of = |n: &usize| rest::given(&self.model, &self.federation[&name(*n)].tap.frames());
        running.iter().map(|n| (*n, of(n))).collect()
    }

    fn unsigned(&self, running: &[usize]) -> BTreeSet<usize> {
        let waits = |n: &usize| self.federation[&name(*n)].node().catch_up.waiting();
        let all = running.iter().copied();
        all.filter(|n| waits(n).is_some()).collect()
    }

    fn held(&self, running: &[usize]) -> BTreeMap<usize, Held> {
        running
            .iter()
            .map(|n| (*n, judge::held(&self.federation[&name(*n)])))
            .collect()
    }
}

impl Violation {
    /// Whether it is one of a gate.
    pub fn is_of(&self, gates: &[Gate]) -> bool {
        gates.contains(&self.gate)
    }
}

pub(super) fn name(node: usize) -> String {
    format!("n{node}")
}

pub(super) fn names(nodes: &BTreeSet<usize>) -> String {
    let all: Vec<String> = nodes.iter().map(|n| name(*n)).collect();
    all.join(",")
}
