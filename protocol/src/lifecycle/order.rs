//! Steps that name those that came before them, in an order that does not depend on how they
//! arrived.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::id::RecordId;

/// The steps that each step names as seen.
pub type Graph = BTreeMap<RecordId, Node>;

/// A step, as far as its place in the order goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The steps that it names.
    pub seen: BTreeSet<RecordId>,
    /// Of two that did not know of each other, the lower comes first; then the lower id.
    pub rank: u8,
}

/// The order of a graph's steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Every step whose ancestors are all here, each after what it names.
    pub placed: Vec<RecordId>,
    /// Steps that name, directly or not, one that is not here.
    pub waiting: BTreeSet<RecordId>,
    /// Placed steps that no placed step names: what the next step has to name.
    pub heads: BTreeSet<RecordId>,
}

/// Puts the steps in order: each after what it names, otherwise by rank and id.
pub fn order(graph: &Graph) -> Order {
    let mut left: BTreeMap<RecordId, usize> = BTreeMap::new();
    let mut named_by: BTreeMap<RecordId, Vec<RecordId>> = BTreeMap::new();
    let mut ready = BinaryHeap::new();
    for (id, node) in graph {
        left.insert(*id, node.seen.len());
        for seen in &node.seen {
            named_by.entry(*seen).or_default().push(*id);
        }
        if node.seen.is_empty() {
            ready.push(Reverse((node.rank, *id)));
        }
    }
    let mut order = Order::default();
    while let Some(Reverse((_, id))) = ready.pop() {
        order.placed.push(id);
        order.heads.insert(id);
        left.remove(&id);
        for seen in graph.get(&id).iter().flat_map(|node| &node.seen) {
            order.heads.remove(seen);
        }
        for next in named_by.get(&id).into_iter().flatten() {
            let Some(count) = left.get_mut(next) else {
                continue;
            };
            *count = count.saturating_sub(1);
            if let (0, Some(node)) = (*count, graph.get(next)) {
                ready.push(Reverse((node.rank, *next)));
            }
        }
    }
    order.waiting = left.into_keys().collect();
    order
}

/// What each step of an order knew of: what it names, and what that knew of. Steps are named by
/// their places in [`Order::placed`]; a full thread takes half a megabyte.
pub struct Known {
    /// Numbers of 64 bits in a row; a row is a step, a bit a step that it knew of.
    row: usize,
    bits: Vec<u64>,
}

impl Known {
    /// Looks through the placed steps once.
    pub fn of(graph: &Graph, placed: &[RecordId]) -> Self {
        let at: BTreeMap<&RecordId, usize> = placed.iter().zip(0..).collect();
        let row = placed.len().div_ceil(64);
        let mut bits = Vec::with_capacity(row.saturating_mul(placed.len()));
        for id in placed {
            let mut own = vec![0u64; row];
            let seen = graph.get(id).into_iter().flat_map(|node| &node.seen);
            // Whatever it names is placed before it.
            for seen in seen.filter_map(|seen| at.get(seen)) {
                let before = bits.chunks_exact(row).nth(*seen);
                for (word, theirs) in own.iter_mut().zip(before.into_iter().flatten()) {
                    *word |= theirs;
                }
                if let Some(word) = own.get_mut(seen / 64) {
                    *word |= 1 << (seen % 64);
                }
            }
            bits.append(&mut own);
        }
        Self { row, bits }
    }

    /// Whether a step knew of another: names it, or one that did.
    pub fn knew(&self, step: usize, of: usize) -> bool {
        is_in(self.row(step), of)
    }

    /// Those that no other of them knew of.
    pub fn newest(&self, steps: &[usize]) -> Vec<usize> {
        let mut older = vec![0u64; self.row];
        for step in steps {
            for (word, theirs) in older.iter_mut().zip(self.row(*step)) {
                *word |= theirs;
            }
        }
        let newest = steps.iter().filter(|step| !is_in(&older, **step));
        newest.copied().collect()
    }

    fn row(&self, step: usize) -> &[u64] {
        let from = step.saturating_mul(self.row);
        let to = from.saturating_add(self.row);
        self.bits.get(from..to).unwrap_or_default()
    }
}

fn is_in(row: &[u64], step: usize) -> bool {
    row.get(step / 64)
        .is_some_and(|word| word & (1 << (step % 64)) != 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(n: u8) -> RecordId {
        RecordId::from_bytes([n; 32])
    }

    fn graph(steps: &[(u8, u8, &[u8])]) -> Graph {
        let node = |(n, rank, seen): &(u8, u8, &[u8])| {
            let seen = seen.iter().copied().map(id).collect();
            (id(*n), Node { seen, rank: *rank })
        };
        steps.iter().map(node).collect()
    }

    #[test]
    fn a_step_comes_after_what_it_names_and_then_by_rank() {
        // 1 <- 2, 1 <- 3; 3 has the lower rank; 4 knows both.
        let graph = graph(&[(4, 0, &[2, 3]), (2, 5, &[1]), (3, 4, &[1]), (1, 9, &[])]);
        let order = order(&graph);
        assert_eq!(order.placed, [id(1), id(3), id(2), id(4)]);
        assert_eq!(order.heads, BTreeSet::from([id(4)]));
        let known = Known::of(&graph, &order.placed);
        assert!(known.knew(3, 0) && !known.knew(2, 1));
        assert_eq!(known.newest(&[0, 1, 2]), [1, 2]);
    }

    /// The same by walking back from a step, one name after another.
    fn knew(graph: &Graph, step: &RecordId, of: &RecordId) -> bool {
        let seen = graph.get(step).into_iter().flat_map(|node| &node.seen);
        seen.clone().any(|seen| seen == of || knew(graph, seen, of))
    }

    proptest! {
        #[test]
        fn what_a_step_knew_of_is_what_walking_back_finds(
            names in prop::collection::vec(prop::collection::btree_set(0u8..90, 0..3), 1..90),
        ) {
            let steps = names.into_iter().zip(0u8..);
            let graph: Graph = steps
                .map(|(seen, n)| {
                    // Some name what is not here; nothing names what comes after it.
                    let seen = seen.into_iter().filter(|s| *s < n || *s > 87).map(id).collect();
                    (id(n), Node { seen, rank: n % 3 })
                })
                .collect();
            let placed = order(&graph).placed;
            let known = Known::of(&graph, &placed);
            for (step, at) in placed.iter().zip(0..) {
                for (of, before) in placed.iter().zip(0..) {
                    prop_assert_eq!(known.knew(at, before), knew(&graph, step, of));
                }
            }
            let all: Vec<usize> = (0..placed.len()).collect();
            let newest = known.newest(&all).into_iter();
            let heads: BTreeSet<RecordId> = newest.map(|at| placed[at]).collect();
            prop_assert_eq!(heads, order(&graph).heads);
        }
    }

    #[test]
    fn what_names_a_step_that_is_not_here_waits_and_is_no_head() {
        let order = order(&graph(&[(1, 0, &[]), (2, 0, &[7]), (3, 0, &[2])]));
        assert_eq!(order.placed, [id(1)]);
        assert_eq!(order.waiting, BTreeSet::from([id(2), id(3)]));
        assert_eq!(order.heads, BTreeSet::from([id(1)]));
    }
}
