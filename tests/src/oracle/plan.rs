//! What is done to a federation: drawn whole from a seed, before anything runs.

use std::collections::{BTreeMap, BTreeSet};

use super::policy::{CIRCLES, Policy};
use super::record::{Drawn, Onward};
use super::rng::Rng;
use super::step::Step;

/// Sectors of the nodes, in turn.
pub const SECTORS: [&str; 3] = ["border", "police", "ngo"];
/// Countries of the nodes, in turn.
pub const COUNTRIES: [&str; 2] = ["QN", "QM"];

/// A federation and what happens to it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it was drawn from.
    pub seed: u64,
    /// How many nodes.
    pub nodes: usize,
    /// The records, by number.
    pub records: Vec<Drawn>,
    /// How many permits.
    pub permits: usize,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// The federation as it would be, while it is drawn.
pub(super) struct Draw {
    pub(super) rng: Rng,
    /// What is drawn beside the rest, so that the rest stays what it was before.
    aside: Rng,
    pub(super) plan: Plan,
    pub(super) peers: Vec<BTreeSet<usize>>,
    pub(super) runs: Vec<bool>,
    pub(super) cut: BTreeSet<(usize, usize)>,
    /// Peers that were put into circles. These are not removed: one that comes back while it
    /// is still owed something keeps its circles, one that comes back later does not.
    in_circles: BTreeSet<(usize, usize)>,
    /// Records in force, with their authors.
    pub(super) live: BTreeMap<usize, usize>,
    /// Sealed ones in force, with their authors.
    sealed: BTreeMap<usize, usize>,
    /// Permits in force, with their authors.
    permits: BTreeMap<usize, usize>,
    /// What each node had when it was backed up last.
    backups: BTreeMap<usize, Backup>,
}

/// A node's peers, and its own records and permits.
#[derive(Clone)]
struct Backup {
    peers: BTreeSet<usize>,
    live: BTreeSet<usize>,
    sealed: BTreeSet<usize>,
    permits: BTreeSet<usize>,
}

impl Plan {
    /// Draws one.
    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let nodes = rng.pick(&[2, 3, 3, 3, 4, 4, 4, 5, 5, 6, 7, 8]);
        let mut draw = Draw {
            rng,
            aside: Rng::new(!seed),
            plan: Self {
                seed,
                nodes,
                records: Vec::new(),
                permits: 0,
                steps: Vec::new(),
            },
            peers: vec![BTreeSet::new(); nodes],
            runs: vec![true; nodes],
            cut: BTreeSet::new(),
            in_circles: BTreeSet::new(),
            live: BTreeMap::new(),
            sealed: BTreeMap::new(),
            permits: BTreeMap::new(),
            backups: BTreeMap::new(),
        };
        draw.found();
        let count = 12 + draw.rng.below(16);
        for _ in 0..count {
            draw.step();
            draw.beside();
        }
        draw.end();
        draw.plan
    }
}

impl Draw {
    /// Who is linked with whom to begin with, and the first policies.
    fn found(&mut self) {
        let nodes = self.plan.nodes;
        for b in 1..nodes {
            for a in 0..b {
                // A tree, and some more.
                let tree = a == self.rng.below(b);
                if tree || self.rng.chance(35) {
                    self.add(a, b);
                    self.add(b, a);
                } else if self.rng.chance(40) {
                    // Knows who it is, and has no link.
                    let (one, other) = if self.rng.chance(50) { (a, b) } else { (b, a) };
                    self.add(one, other);
                }
            }
        }
        for node in 0..nodes {
            self.apply(node);
        }
    }

    fn step(&mut self) {
        let running: Vec<usize> = (0..self.plan.nodes).filter(|n| self.runs[*n]).collect();
        let Some(node) = self.rng.maybe(&running) else {
            return;
        };
        match self.rng.below(123) {
            0..=39 => self.push(node),
            40..=47 => self.amend(),
            48..=55 => self.retract(),
            56..=68 => self.apply(node),
            69..=72 => self.remove(node),
            73..=77 => {
                let strangers: Vec<usize> = (0..self.plan.nodes)
                    .filter(|n| *n != node && !self.peers[node].contains(n))
                    .collect();
                if let Some(peer) = self.rng.maybe(&strangers) {
                    self.add(node, peer);
                    if self.runs[peer] && !self.peers[peer].contains(&node) && self.rng.chance(70) {
                        self.add(peer, node);
                    }
                }
            }
            78..=81 => self.cut(node),
            82..=84 => self.mend(),
            85..=88 => {
                if running.len() > 1 {
                    self.runs[node] = false;
                    self.plan.steps.push(Step::Stop(node));
                }
            }
            89..=91 => self.start(100),
            92..=94 => self.stale(node),
            95..=98 => self.plan.steps.push(Step::Settle),
            99..=104 => self.permit(),
            105 | 106 => self.forbid(),
            107 | 108 => self.revoke(node),
            109..=111 => {
                self.apply(node);
                self.plan.steps.push(Step::Recall { node });
            }
            112..=115 => self.leave(node),
            116..=119 => self.taken_back(node),
            120 => self.backup(node),
            121 => self.restore(node),
            _ => self.comes_back(node),
        }
    }

    /// Records are sealed, and taken back.
    fn beside(&mut self) {
        let running: Vec<usize> = (0..self.plan.nodes).filter(|n| self.runs[*n]).collect();
        match self.aside.below(100) {
            0..=14 => {
                let Some(node) = self.aside.maybe(&running) else {
                    return;
                };
                let peers: Vec<usize> = self.peers[node].iter().copied().collect();
                let to: BTreeSet<usize> = self.aside.some(&peers, 60).into_iter().collect();
                if to.is_empty() {
                    return;
                }
                let record = self.plan.records.len();
                self.plan.records.push(Drawn::sealed(record));
                self.sealed.insert(record, node);
                self.plan.steps.push(Step::Seal { node, record, to });
            }
            15..=18 => {
                let own = self.sealed.iter().filter(|(_, node)| self.runs[**node]);
                let own: Vec<(usize, usize)> = own.map(|(r, n)| (*r, *n)).collect();
                if let Some((of, node)) = self.aside.maybe(&own) {
                    self.sealed.remove(&of);
                    self.plan.steps.push(Step::Retract { node, of });
                }
            }
            _ => {}
        }
    }

    /// Most of what is broken is mended in the end.
    fn end(&mut self) {
        for node in 0..self.plan.nodes {
            if !self.runs[node] && self.rng.chance(70) {
                self.runs[node] = true;
                self.plan.steps.push(Step::Start(node));
            }
        }
        for _ in 0..self.cut.len() {
            if self.rng.chance(60) {
                self.mend();
            }
        }
    }

    pub(super) fn add(&mut self, node: usize, peer: usize) {
        let all: Vec<usize> = (0..CIRCLES).collect();
        let circles: BTreeSet<usize> = self.rng.some(&all, 15).into_iter().collect();
        if !circles.is_empty() {
            self.in_circles.insert((node, peer));
        }
        self.peers[node].insert(peer);
        self.plan.steps.push(Step::Add {
            node,
            peer,
            circles,
        });
    }

    fn remove(&mut self, node: usize) {
        let peers: Vec<usize> = self.peers[node]
            .iter()
            .filter(|peer| !self.in_circles.contains(&(node, **peer)))
            .copied()
            .collect();
        if let Some(peer) = self.rng.maybe(&peers) {
            self.peers[node].remove(&peer);
            let recall = self.rng.chance(30);
            self.plan.steps.push(Step::Remove { node, peer, recall });
        }
    }

    pub(super) fn backup(&mut self, node: usize) {
        let own = |all: &BTreeMap<usize, usize>| {
            let own = all.iter().filter(|(_, author)| **author == node);
            own.map(|(number, _)| *number).collect()
        };
        let backup = Backup {
            peers: self.peers[node].clone(),
            live: own(&self.live),
            sealed: own(&self.sealed),
            permits: own(&self.permits),
        };
        self.backups.insert(node, backup);
        self.plan.steps.push(Step::Backup(node));
    }

    pub(super) fn restore(&mut self, node: usize) {
        let Some(backup) = self.backups.get(&node).cloned() else {
            return;
        };
        self.peers[node] = backup.peers;
        self.live
            .retain(|record, author| *author != node || backup.live.contains(record));
        self.sealed
            .retain(|record, author| *author != node || backup.sealed.contains(record));
        self.permits
            .retain(|permit, author| *author != node || backup.permits.contains(permit));
        self.plan.steps.push(Step::Restore(node));
    }

    fn revoke(&mut self, node: usize) {
        let peers: Vec<usize> = self.peers[node].iter().copied().collect();
        let Some(peer) = self.rng.maybe(&peers) else {
            return;
        };
        self.peers[node].remove(&peer);
        self.in_circles.remove(&(node, peer));
        self.plan.steps.push(Step::Revoke { node, peer });
        if self.rng.chance(50) {
            self.plan.steps.push(Step::Settle);
        }
    }

    fn apply(&mut self, node: usize) {
        let peers: Vec<usize> = self.peers[node].iter().copied().collect();
        let policy = if self.rng.chance(12) {
            Policy::open()
        } else {
            Policy::draw(&mut self.rng, &peers)
        };
        self.plan.steps.push(Step::Apply { node, policy });
    }

    fn list(&mut self, node: usize) -> Option<BTreeSet<usize>> {
        let peers: Vec<usize> = self.peers[node].iter().copied().collect();
        let listed = self.rng.chance(35);
        listed.then(|| self.rng.some(&peers, 60).into_iter().collect())
    }

    pub(super) fn record(&mut self, of_kind: Option<&'static str>) -> usize {
        let number = self.plan.records.len();
        let record = Drawn::draw(&mut self.rng, self.plan.nodes, number, of_kind);
        self.plan.records.push(record);
        number
    }

    fn push(&mut self, node: usize) {
        let record = self.record(None);
        let to = self.list(node);
        self.live.insert(record, node);
        self.plan.steps.push(Step::Push { node, record, to });
    }

    /// A record in force whose author runs.
    fn own(&mut self) -> Option<(usize, usize)> {
        let own: Vec<(usize, usize)> = self
            .live
            .iter()
            .filter(|(_, node)| self.runs[**node])
            .map(|(record, node)| (*record, *node))
            .collect();
        self.rng.maybe(&own)
    }

    fn amend(&mut self) {
        let Some((of, node)) = self.own() else { return };
        let kind = self.plan.records[of].traits.kind;
        let record = self.record(Some(kind));
        let to = self.list(node);
        self.live.remove(&of);
        self.live.insert(record, node);
        self.plan.steps.push(Step::Amend {
            node,
            of,
            record,
            to,
        });
    }

    fn retract(&mut self) {
        let Some((of, node)) = self.own() else { return };
        self.live.remove(&of);
        self.plan.steps.push(Step::Retract { node, of });
    }

    fn cut(&mut self, node: usize) {
        let linked: Vec<usize> = (0..self.plan.nodes)
            .filter(|n| self.is_linked(node, *n) && !self.cut.contains(&pair(node, *n)))
            .collect();
        if let Some(peer) = self.rng.maybe(&linked) {
            self.cut.insert(pair(node, peer));
            self.plan.steps.push(Step::Cut(node, peer));
        }
    }

    fn mend(&mut self) {
        let cut: Vec<(usize, usize)> = self
            .cut
            .iter()
            .filter(|(a, b)| self.is_linked(*a, *b))
            .copied()
            .collect();
        if let Some((a, b)) = self.rng.maybe(&cut) {
            self.cut.remove(&(a, b));
            self.plan.steps.push(Step::Mend(a, b));
        }
    }

    fn permit(&mut self) {
        let Some((of, node)) = self.own() else { return };
        if self.plan.records[of].traits.onward == Onward::None {
            return;
        }
        let others: Vec<usize> = (0..self.plan.nodes).filter(|n| *n != node).collect();
        let to = self.rng.some(&others, 40);
        if !to.is_empty() {
            self.give_leave(node, of, to);
        }
    }

    pub(super) fn give_leave(&mut self, node: usize, of: usize, to: Vec<usize>) {
        let permit = self.plan.permits;
        self.plan.permits += 1;
        self.permits.insert(permit, node);
        self.plan.steps.push(Step::Permit {
            node,
            of,
            to: to.into_iter().collect(),
            permit,
        });
    }

    fn forbid(&mut self) {
        let own: Vec<(usize, usize)> = self
            .permits
            .iter()
            .filter(|(_, node)| self.runs[**node])
            .map(|(permit, node)| (*permit, *node))
            .collect();
        if let Some((permit, node)) = self.rng.maybe(&own) {
            self.permits.remove(&permit);
            self.plan.steps.push(Step::Forbid { node, permit });
        }
    }

    fn start(&mut self, per_cent: usize) {
        let stopped: Vec<usize> = (0..self.plan.nodes).filter(|n| !self.runs[*n]).collect();
        if let Some(node) = self.rng.maybe(&stopped)
            && self.rng.chance(per_cent)
        {
            self.runs[node] = true;
            self.plan.steps.push(Step::Start(node));
        }
    }

    fn is_linked(&self, a: usize, b: usize) -> bool {
        self.runs[a] && self.runs[b] && self.peers[a].contains(&b) && self.peers[b].contains(&a)
    }
}

/// Two nodes, the lower number first.
pub fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}
