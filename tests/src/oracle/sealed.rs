//! What is sealed: who opens it, and where its words stand.

use std::collections::BTreeSet;
use std::path::Path;

use super::judge::{Violation, name};
use super::model::{Gate, Model, What};
use crate::TestNode;
use crate::sealed::{files_with, has_bytes};

/// A node opens nothing but what it sealed itself or is named in, and nothing that was erased.
pub fn judge(model: &Model, us: usize, node: &TestNode) -> Vec<Violation> {
    let mut violations = Vec::new();
    let nobody = BTreeSet::new();
    for (id, known) in model.records.iter().filter(|(_, k)| model.is_sealed(k)) {
        let (vault, what) = (&node.node().vault, name(model, id));
        let opens = vault.gist(id).is_some() || vault.keyring().holds(id);
        let names = match &known.what {
            What::Drawn(_, Some(list)) => list,
            _ => &nobody,
        };
        if opens && known.author != us && !names.contains(&us) {
            let says = format!("n{us} can open {what}");
            violations.push(Violation {
                gate: Gate::Seal,
                says,
            });
        }
        // A key without a place for its record is what a stop leaves behind: it opens nothing.
        let placed = node
            .node()
            .store
            .arrival_of(id)
            .expect("the store")
            .is_some();
        if opens && placed && !has_bytes(node, id) {
            let says = format!("n{us} has no bytes of {what} any more, and its key still");
            violations.push(Violation {
                gate: Gate::NotErased,
                says,
            });
        }
    }
    violations
}

/// No file has a word of what is sealed.
pub fn judge_disk(model: &Model, dir: &Path) -> Vec<Violation> {
    let records = model.plan.records.iter().filter(|r| r.traits.sealed);
    let markers: Vec<&str> = records.map(|r| r.marker.as_str()).collect();
    if markers.is_empty() {
        return Vec::new();
    }
    let files = files_with(dir, &markers).into_iter();
    let found = files.map(|file| Violation {
        gate: Gate::Stray,
        says: format!("words of what is sealed stand in {file}"),
    });
    found.collect()
}
