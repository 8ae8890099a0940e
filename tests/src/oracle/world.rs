//! A plan, carried out by real nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use liaison_node::node::POLICY_ACTIVE;
use liaison_node::policy::{PolicySet, PolicyText};
use liaison_node::store::Op;
use liaison_protocol::id::RecordId;
use serde_json::Value;
use tokio::sync::Notify;

use super::judge::{self, Held, Violation};
use super::model::{Gate, Known, Model, Version, What};
use super::plan::{Plan, Step, pair};
use super::policy::{Cond, Policy, Statement, country_of, sector_of};
use super::sabotage::Sabotage;
use crate::Federation;
use crate::tap::moment;

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
    /// How long all of it took.
    pub took: Duration,
}

/// Small stores: there are many.
const CONFIG: &str = "cache_mb = 8\n";

struct World<'a> {
    federation: Federation,
    model: Model<'a>,
    sabotage: Option<Sabotage>,
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
        node.listening_on(&own_address());
        node.start().await;
        agencies.push(node.agency);
    }
    let mut world = World {
        federation,
        model: Model::new(plan, agencies),
        sabotage,
    };
    for n in 0..plan.nodes {
        world.changed(n, 0, |_| {});
    }
    for step in &plan.steps {
        world.step(step).await;
    }
    let (mut violations, rest) = world.come_to_rest(patience).await;
    let (frames, copies) = world.judge(&mut violations);
    world.federation.stop().await;
    Outcome {
        violations,
        nodes: plan.nodes,
        frames,
        copies,
        rest,
        took: began.elapsed(),
    }
}

impl World<'_> {
    async fn step(&mut self, step: &Step) {
        match step {
            Step::Push { node, record, to } => self.push(*node, *record, to.as_ref()).await,
            Step::Amend {
                node,
                of,
                record,
                to,
            } => self.amend(*node, *of, *record, to.as_ref()).await,
            Step::Retract { node, of } => {
                let Some(id) = self.model.ids[*of] else {
                    return;
                };
                if self.sabotage != Some(Sabotage::Retraction) {
                    let args = ["retract", &id.full(), "--reason", "error"];
                    self.federation[&name(*node)]
                        .cli(&args)
                        .await
                        .expect_code(0);
                }
                self.model.withdrawn.insert(id, (moment(), Instant::now()));
            }
            Step::Apply { node, policy } => self.apply(*node, policy).await,
            Step::Add {
                node,
                peer,
                circles,
            } => self.add(*node, *peer, circles).await,
            Step::Remove { node, peer } => {
                let begin = moment();
                if self.sabotage != Some(Sabotage::Link) {
                    let args = ["peer", "remove", &name(*peer), "--yes"];
                    self.federation[&name(*node)]
                        .cli(&args)
                        .await
                        .expect_code(0);
                }
                self.changed(*node, begin, |v| {
                    v.peers.remove(peer);
                });
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

    async fn forget_tombstones(&self) {
        let gone = || self.model.withdrawn.keys();
        let lift: Vec<Op> = gone().map(|id| Op::LiftTombstone { id: *id }).collect();
        for node in self.running() {
            let store = &self.federation[&name(node)].node().store;
            store.write(lift.clone()).await.expect("the store");
        }
    }

    async fn push(&mut self, node: usize, record: usize, to: Option<&BTreeSet<usize>>) {
        let draft = self.draft(record);
        let list = to.map(names);
        let options: Vec<&str> = match &list {
            Some(list) if self.sabotage != Some(Sabotage::Audience) => vec!["--to", list],
            _ => Vec::new(),
        };
        let id = self.federation[&name(node)].push(&draft, &options).await;
        self.made(node, record, id, to.cloned(), None);
    }

    async fn amend(&mut self, node: usize, of: usize, record: usize, to: Option<&BTreeSet<usize>>) {
        let Some(old) = self.model.ids[of] else {
            return;
        };
        let draft = self.draft(record);
        let list = to.map(names);
        let full = old.full();
        let mut args = vec!["amend", &full, "-", "--json"];
        if self.sabotage == Some(Sabotage::Amendment) {
            args = vec!["push", "-", "--json"];
        }
        if let Some(list) = &list
            && self.sabotage != Some(Sabotage::Audience)
        {
            args.extend(["--to", list]);
        }
        let ran = self.federation[&name(node)]
            .cli_in(&args, &draft.to_string())
            .await
            .expect_code(0);
        let id = ran.json()["id"].as_str().expect("an id").parse();
        let before = self.model.records.get(&old).map(|k| k.what.clone());
        let kept = match before {
            Some(What::Drawn(_, list)) => list,
            _ => None,
        };
        let list = to.cloned().or(kept);
        self.made(node, record, id.expect("an id"), list, Some(old));
        self.model.withdrawn.insert(old, (moment(), Instant::now()));
    }

    fn made(
        &mut self,
        author: usize,
        record: usize,
        id: RecordId,
        list: Option<BTreeSet<usize>>,
        supersedes: Option<RecordId>,
    ) {
        self.model.ids[record] = Some(id);
        let what = What::Drawn(record, list);
        self.model.records.insert(
            id,
            Known {
                author,
                what,
                supersedes,
            },
        );
    }

    async fn apply(&mut self, node: usize, policy: &Policy) {
        let begin = moment();
        let first = self.model.versions[node]
            .iter()
            .all(|v| v.policy == Policy::default());
        let given = self.given(policy);
        if first || self.sabotage != Some(Sabotage::Epoch) {
            // Not by 'policy apply', which would hold each drawn policy to the invariants: that
            // takes longer than all the rest.
            let node = self.federation[&name(node)].node();
            let files = vec![("drawn.cedar".to_owned(), given.cedar())];
            let text = PolicyText::new(files, Some(given.entities())).expect("a policy");
            let name = POLICY_ACTIVE.to_owned();
            let bytes = text.to_bytes().into();
            let set = PolicySet::from_text(text).expect("a policy");
            let kept = node.store.write(vec![Op::PutMeta { name, bytes }]).await;
            kept.expect("the store");
            node.reengage(Some(Arc::new(set))).await.expect("in force");
        }
        self.changed(node, begin, |v| v.policy = policy.clone());
    }

    /// The policy that the node really gets.
    fn given(&self, policy: &Policy) -> Policy {
        let mut given = policy.clone();
        let open = match self.sabotage {
            Some(Sabotage::Policy) => true,
            Some(Sabotage::Accept) => false,
            Some(Sabotage::Starve) => {
                given.statements.retain(|s| !s.share);
                return given;
            }
            _ => return given,
        };
        given.statements.retain(|s| s.share != open);
        given.statements.push(Statement {
            permit: true,
            share: open,
            when: Cond::Any,
        });
        given
    }

    async fn add(&mut self, node: usize, peer: usize, circles: &BTreeSet<usize>) {
        let begin = moment();
        // Not by 'peer add', which would hold the policy to the invariants.
        let card = self.federation[&name(peer)].card();
        let given = circles.iter().map(|c| format!("c{c}")).collect();
        let at = self.federation[&name(node)].node();
        let linked = at
            .registry
            .link(&at.store, &card, name(peer), given, true, at.clock.now())
            .await;
        linked.expect("a peer");
        at.reengage(None).await.expect("in force");
        self.changed(node, begin, |v| {
            v.peers.insert(peer, circles.clone());
        });
    }

    /// A node's gates changed.
    fn changed(&mut self, node: usize, begin: u64, change: impl FnOnce(&mut Version)) {
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
        });
        change(&mut next);
        next.begin = begin;
        next.done = Instant::now();
        next.epoch = epoch;
        of.push(next);
    }

    fn draft(&self, record: usize) -> Value {
        let agencies: Vec<String> = self.model.agencies.iter().map(|a| a.full()).collect();
        let drawn = &self.model.plan.records[record];
        if self.sabotage == Some(Sabotage::Handling) {
            drawn.wide_open().draft(&agencies)
        } else {
            drawn.draft(&agencies)
        }
    }

    /// Waits until every node holds what the gates in force let it have, and nothing that had
    /// to be erased. What is missing when patience ends, and how long it took.
    async fn come_to_rest(&mut self, patience: Duration) -> (Vec<Violation>, Duration) {
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
        let missing = loop {
            for n in &running {
                judge::learn(&mut self.model, &self.federation[&name(*n)].node().store);
            }
            let held = self.held(&running);
            let missing: Vec<Violation> = pairs
                .iter()
                .flat_map(|(a, b)| judge::unmet(&self.model, *a, *b, &held[a], &held[b]))
                .collect();
            if missing.is_empty() {
                break missing;
            }
            let more = tokio::time::timeout_at(end, arrived.notified()).await;
            if more.is_err() {
                break missing;
            }
        };
        for watcher in watchers {
            watcher.abort();
        }
        let took = began.elapsed();
        if missing.is_empty() {
            self.federation.settled().await;
        }
        (missing, took)
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
        let (mut frames, mut copies) = (0, 0);
        for (n, said) in said.iter().enumerate() {
            let wire = judge::read_wire(&self.model, n, said);
            frames += wire.frames;
            if let Some(held) = held.get(&n) {
                copies += held.len();
                violations.extend(judge::judge_store(&self.model, n, held, &wire));
            }
            violations.extend(wire.violations);
        }
        (frames, copies)
    }

    fn running(&self) -> Vec<usize> {
        (0..self.model.plan.nodes)
            .filter(|n| self.federation[&name(*n)].runs())
            .collect()
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

/// An address that no other node of this machine has, in all likelihood.
fn own_address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // All of 127.0.0.0/8 is this machine; 127.0.0.x is left to others.
    const ADDRESSES: u32 = 1 << 23;
    let n = std::process::id()
        .wrapping_mul(4099)
        .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))
        % ADDRESSES;
    let [_, a, b, c] = (n + (1 << 16)).to_be_bytes();
    format!("127.{a}.{b}.{c}:0")
}

fn name(node: usize) -> String {
    format!("n{node}")
}

fn names(nodes: &BTreeSet<usize>) -> String {
    let all: Vec<String> = nodes.iter().map(|n| name(*n)).collect();
    all.join(",")
}
