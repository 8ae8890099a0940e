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

/// Whether a step knew of another: names it, or one that did.
pub fn knew(graph: &Graph, step: &RecordId, of: &RecordId) -> bool {
    let mut looked: BTreeSet<&RecordId> = BTreeSet::new();
    let mut open: Vec<&RecordId> = graph
        .get(step)
        .map_or_else(Vec::new, |n| n.seen.iter().collect());
    while let Some(id) = open.pop() {
        if id == of {
            return true;
        }
        if looked.insert(id) {
            open.extend(graph.get(id).iter().flat_map(|node| &node.seen));
        }
    }
    false
}

#[cfg(test)]
mod tests {
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
        assert!(knew(&graph, &id(4), &id(1)) && !knew(&graph, &id(2), &id(3)));
    }

    #[test]
    fn what_names_a_step_that_is_not_here_waits_and_is_no_head() {
        let order = order(&graph(&[(1, 0, &[]), (2, 0, &[7]), (3, 0, &[2])]));
        assert_eq!(order.placed, [id(1)]);
        assert_eq!(order.waiting, BTreeSet::from([id(2), id(3)]));
        assert_eq!(order.heads, BTreeSet::from([id(1)]));
    }
}
