//! A plan, carried out by real nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use liaison_node::node::POLICY_ACTIVE;
use liaison_node::policy::{PolicySet, PolicyText};
use liaison_node::store::{Flags, Op};
use liaison_protocol::id::RecordId;
use liaison_protocol::record::codes::RecallReason;
use serde_json::Value;
use tokio::sync::Notify;

use super::judge::{self, Held, Violation};
use super::model::{Gate, Known, Model, Recalled, Version, What};
use super::plan::{Plan, Step, pair};
use super::policy::{Cond, Facts, Policy, Statement, country_of, sector_of};
use super::record::{Onward, day_ahead};
use super::rest::{self, Given, Rest};
use super::sabotage::Sabotage;
use super::wire;
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
    let (mut violations, rest, last) = world.come_to_rest(patience).await;
    let (frames, copies) = world.judge(&mut violations);
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

    async fn run(&self, node: usize, args: &[&str]) -> Ran {
        let ran = self.federation[&name(node)].cli(args).await;
        ran.expect_code(0)
    }

    async fn retract(&mut self, node: usize, id: RecordId) {
        if self.sabotage != Some(Sabotage::Retraction) {
            let args = ["retract", &id.full(), "--reason", "error"];
            self.run(node, &args).await;
        }
        self.model.withdrawn.insert(id, (moment(), Instant::now()));
    }

    async fn remove(&mut self, node: usize, peer: usize, recall: bool) {
        let begin = moment();
        let alias = name(peer);
        let mut args = vec!["peer", "remove", &alias, "--yes"];
        if recall {
            args.push("--recall");
            self.model.recalled_all.insert((node, peer));
        }
        if self.sabotage != Some(Sabotage::Link) {
            self.run(node, &args).await;
        }
        self.changed(node, begin, |v| {
            v.peers.remove(&peer);
        });
    }

    async fn permit(&mut self, node: usize, of: usize, to: &BTreeSet<usize>, permit: usize) {
        let Some(of) = self.model.ids[of] else {
            return;
        };
        let agencies = &self.model.agencies;
        let named: Vec<String> = match self.sabotage {
            Some(Sabotage::Permit) => agencies.iter().map(|a| a.full()).collect(),
            _ => to.iter().map(|n| agencies[*n].full()).collect(),
        };
        let (full, named, until) = (of.full(), named.join(","), day_ahead());
        let args = ["permit", &full, "--to", &named, "--until", &until, "--json"];
        let ran = self.run(node, &args).await;
        let id: RecordId = ran.json()["id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .expect("an id");
        self.model.permits[permit] = Some(id);
        let what = What::Permit { of, to: to.clone() };
        self.model.records.insert(
            id,
            Known {
                author: node,
                what,
                supersedes: None,
            },
        );
    }

    /// Calls back what the gates do not let peers have. Not by 'policy apply --recall', which
    /// would hold the policy to the invariants.
    async fn recall(&mut self, node: usize) {
        let at = self.federation[&name(node)].node();
        let held = judge::held(&self.federation[&name(node)]);
        let peers: Vec<usize> = self.model.now(node)[0].peers.keys().copied().collect();
        for peer in peers {
            let agency = self.model.agencies[peer];
            let mut out = Vec::new();
            for (id, header) in &held {
                let Some(known) = self.model.records.get(id) else {
                    continue;
                };
                let drawn = matches!(known.what, What::Drawn(..));
                let permitted = self.model.permits_of(id, peer).next().is_some();
                let now = self.model.now(node);
                let closed = self.model.release(node, peer, known, now, permitted);
                let arrival = at.store.arrival_of(id).expect("the store");
                let is_out = arrival.is_some_and(|arrival| {
                    let out = at.is_out(arrival, header, &agency);
                    out.expect("the store")
                });
                if drawn && closed.is_err() && is_out && !header.flags.contains(Flags::ERASED) {
                    out.push(*id);
                }
            }
            let moment = moment();
            if self.sabotage != Some(Sabotage::Recall) {
                let made = at.recall(&out, &agency, RecallReason::Policy).await;
                assert_eq!(
                    made.expect("recalls").len(),
                    out.len(),
                    "recalls of {out:?}"
                );
            }
            let recalled = out.into_iter().map(|of| Recalled {
                moment,
                by: node,
                from: peer,
                of,
            });
            self.model.recalled.extend(recalled);
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

    /// Those whom a node's ceilings keep a record of its own from.
    fn withheld(&self, node: usize, record: usize) -> BTreeSet<usize> {
        let Version { policy, peers, .. } = &self.model.now(node)[0];
        let withheld = |peer: &usize| {
            policy.withholds(&Facts {
                traits: &self.model.plan.records[record].traits,
                author: node,
                us: node,
                peer: *peer,
                peers,
                addressed: true,
            })
        };
        peers.keys().copied().filter(withheld).collect()
    }

    /// A list without those whom a ceiling keeps the record from: with them it is not taken.
    /// None: its `onward` names one.
    fn under_ceilings(
        &self,
        node: usize,
        record: usize,
        to: Option<&BTreeSet<usize>>,
    ) -> Option<Option<BTreeSet<usize>>> {
        let withheld = self.withheld(node, record);
        let onward = &self.model.plan.records[record].traits.onward;
        if matches!(onward, Onward::To(names) if !names.is_disjoint(&withheld)) {
            return None;
        }
        Some(to.map(|to| to.difference(&withheld).copied().collect()))
    }

    async fn push(&mut self, node: usize, record: usize, to: Option<&BTreeSet<usize>>) {
        let draft = self.draft(record);
        let Some(to) = self.under_ceilings(node, record, to) else {
            return;
        };
        let list = to.as_ref().map(names);
        let options: Vec<&str> = match &list {
            Some(list) if self.sabotage != Some(Sabotage::Audience) => vec!["--to", list],
            _ => Vec::new(),
        };
        let id = self.federation[&name(node)].push(&draft, &options).await;
        self.made(node, record, id, to, None);
    }

    async fn amend(&mut self, node: usize, of: usize, record: usize, to: Option<&BTreeSet<usize>>) {
        let Some(old) = self.model.ids[of] else {
            return;
        };
        let draft = self.draft(record);
        let Some(to) = self.under_ceilings(node, record, to) else {
            return;
        };
        let list = to.as_ref().map(names);
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
        let list = to.or(kept);
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
        let given = self.policy_of(policy);
        if first || self.sabotage != Some(Sabotage::Epoch) {
            // Not by 'policy apply', which would hold each drawn policy to the invariants: that
            // takes longer than all the rest.
            let node = self.federation[&name(node)].node();
            let text = PolicyText::from_names(given.files()).expect("a policy");
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
    fn policy_of(&self, policy: &Policy) -> Policy {
        let mut given = policy.clone();
        let open = match self.sabotage {
            Some(Sabotage::Policy) => true,
            Some(Sabotage::Accept) => false,
            Some(Sabotage::Ceiling) => {
                given.ceilings.clear();
                return given;
            }
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
            v.revoked.remove(&peer);
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
            revoked: BTreeSet::new(),
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

    fn running(&self) -> Vec<usize> {
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
