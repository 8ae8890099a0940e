//! What would hardly ever be drawn step by step: steps of three nodes that belong together.

use super::plan::{Draw, pair};
use super::policy::Policy;
use super::step::Step;

impl Draw {
    /// A peer that was cut off still has what its author withdrew meanwhile, and comes back by
    /// way of a third one, with which it never spoke of it.
    pub(super) fn stale(&mut self, author: usize) {
        let Some((there, stale)) = self.two_others(author) else {
            return;
        };
        let lines = [(author, there), (author, stale), (there, stale)];
        if !self.open_lines(&lines) {
            return;
        }
        let record = self.wide_record(author);
        self.plan.steps.extend([
            Step::Cut(there, stale),
            Step::Push {
                node: author,
                record,
                to: None,
            },
            Step::Settle,
            Step::Cut(author, stale),
            Step::Retract {
                node: author,
                of: record,
            },
            Step::Settle,
            Step::Mend(there, stale),
            Step::Settle,
        ]);
        self.live.remove(&record);
        self.cut.insert(pair(author, stale));
    }

    /// A record that a holder may pass on only after its author's leave, which it gets.
    pub(super) fn leave(&mut self, author: usize) {
        let Some((holder, there)) = self.two_others(author) else {
            return;
        };
        if !self.open_lines(&[(author, holder), (holder, there)]) {
            return;
        }
        if !self.peers[there].contains(&author) {
            self.add(there, author);
        }
        let record = self.record(None);
        self.plan.records[record] = self.plan.records[record].asking();
        self.live.insert(record, author);
        self.plan.steps.extend([
            Step::Push {
                node: author,
                record,
                to: Some([holder].into()),
            },
            Step::Settle,
        ]);
        self.give_leave(author, record, vec![there]);
        self.plan.steps.push(Step::Settle);
    }

    /// A copy is called back from a peer that has passed it on.
    pub(super) fn taken_back(&mut self, author: usize) {
        let Some((holder, there)) = self.two_others(author) else {
            return;
        };
        if !self.open_lines(&[(author, holder), (holder, there)]) {
            return;
        }
        if !self.peers[there].contains(&author) {
            self.add(there, author);
        }
        let record = self.wide_record(author);
        self.plan.steps.extend([
            Step::Push {
                node: author,
                record,
                to: Some([holder].into()),
            },
            Step::Settle,
        ]);
        let policy = Policy::default();
        self.plan.steps.extend([
            Step::Apply {
                node: author,
                policy,
            },
            Step::Recall { node: author },
        ]);
        if self.rng.chance(70) {
            self.plan.steps.push(Step::Settle);
        }
        // Who closed the gate opens it again, and the record comes back.
        if self.rng.chance(40) {
            let policy = Policy::open();
            let node = author;
            self.plan.steps.push(Step::Apply { node, policy });
        }
    }

    /// A holder comes back from a backup that does not know what was withdrawn since, and its
    /// author is not there to tell.
    pub(super) fn comes_back(&mut self, author: usize) {
        let Some((holder, there)) = self.two_others(author) else {
            return;
        };
        if !self.open_lines(&[(author, holder), (holder, there)]) {
            return;
        }
        if !self.peers[there].contains(&author) {
            self.add(there, author);
        }
        let record = self.wide_record(author);
        self.plan.steps.extend([
            Step::Cut(holder, there),
            Step::Push {
                node: author,
                record,
                to: Some([holder].into()),
            },
            Step::Settle,
        ]);
        self.backup(holder);
        self.plan.steps.extend([
            Step::Retract {
                node: author,
                of: record,
            },
            Step::Settle,
            Step::Cut(author, holder),
        ]);
        self.live.remove(&record);
        self.restore(holder);
        self.plan
            .steps
            .extend([Step::Mend(holder, there), Step::Settle]);
        self.cut.insert(pair(author, holder));
    }

    fn two_others(&mut self, node: usize) -> Option<(usize, usize)> {
        let others: Vec<usize> = (0..self.plan.nodes)
            .filter(|n| *n != node && self.runs[*n])
            .collect();
        let one = self.rng.maybe(&others)?;
        let rest: Vec<usize> = others.into_iter().filter(|n| *n != one).collect();
        Some((one, self.rng.maybe(&rest)?))
    }

    /// Links the nodes at both ends of these lines, each with an open policy; false if one of
    /// the lines is cut.
    fn open_lines(&mut self, lines: &[(usize, usize)]) -> bool {
        if lines.iter().any(|(a, b)| self.cut.contains(&pair(*a, *b))) {
            return false;
        }
        let mut nodes = Vec::new();
        for (a, b) in lines {
            for (one, other) in [(*a, *b), (*b, *a)] {
                if !self.peers[one].contains(&other) {
                    self.add(one, other);
                }
                if !nodes.contains(&one) {
                    nodes.push(one);
                }
            }
        }
        for node in nodes {
            let policy = Policy::open();
            self.plan.steps.push(Step::Apply { node, policy });
        }
        true
    }

    /// A record that anybody may have and pass on.
    fn wide_record(&mut self, author: usize) -> usize {
        let record = self.record(None);
        self.plan.records[record] = self.plan.records[record].wide_open();
        self.live.insert(record, author);
        record
    }
}
