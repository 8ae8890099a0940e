//! The stores against the model, once everything came to rest.

use std::collections::{BTreeMap, BTreeSet};

use liaison_node::store::{Flags, Header};
use liaison_node::swarm::Direction;
use liaison_protocol::id::RecordId;

use super::judge::{self, Held, Violation, is_in_force, name};
use super::model::{Gate, Known, Model, Recalled, What};
use super::wire::Wire;
use crate::tap::Frame;

/// A node holds nothing that was not released to it, and nothing that had to be erased.
pub fn judge_store(model: &Model, us: usize, held: &Held, wire: &Wire) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (id, header) in held {
        let author = model.node(&header.author);
        let unanswered = |(of, peer, version): &(RecordId, usize, usize)| {
            let gates = &model.versions[us][*version..];
            let permitted = model.permits_of(id, us).next().is_some();
            of == id
                && model
                    .records
                    .get(id)
                    .is_some_and(|known| model.accept(us, *peer, known, gates, permitted).is_ok())
        };
        let came = wire.accepted.contains(id) || wire.received.iter().any(unanswered);
        if author != Some(us) && !came {
            let says = format!("n{us} holds {}", name(model, id));
            violations.push(Violation {
                gate: Gate::NeverReleased,
                says,
            });
        }
        let withdrawn = model.withdrawn.get(id).filter(|_| author == Some(us));
        let knows = withdrawn.is_some_and(|(moment, _)| !model.is_lost(us, *moment));
        if knows && is_in_force(header) {
            let says = format!("n{us} holds {} of its own, withdrawn", name(model, id));
            violations.push(Violation {
                gate: Gate::NotErased,
                says,
            });
        }
    }
    violations
}

/// All nodes that run, as they are now.
pub struct Rest<'a> {
    /// The rules, and what happened.
    pub model: &'a Model<'a>,
    /// What each running node holds.
    pub held: &'a BTreeMap<usize, Held>,
    /// What each was given, if copies were called back.
    pub given: &'a BTreeMap<usize, Vec<Given>>,
    /// Those that came back from a backup and sign nothing yet: what they would call back waits.
    pub unsigned: BTreeSet<usize>,
}

/// Bytes that came: when, from whom.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    moment: u64,
    from: usize,
    of: RecordId,
}

/// All bytes that a node was given.
pub fn given(model: &Model, frames: &[Frame]) -> Vec<Given> {
    let came = frames.iter().filter(|f| f.direction == Direction::In);
    let mut given = Vec::new();
    for frame in came {
        let Some(from) = model.node(&frame.peer) else {
            continue;
        };
        let records = frame.records().into_iter();
        let ids = records.filter_map(judge::parse);
        given.extend(ids.map(|signed| Given {
            moment: frame.moment,
            from,
            of: signed.id(),
        }));
    }
    given
}

impl Rest<'_> {
    /// What had to come to a node from another one and has not, or had to go there: one hop, by
    /// what both hold now. Over all pairs, that is all that the gates in force make reachable.
    pub fn unmet(&self, from: usize, to: usize) -> Vec<Violation> {
        let mut violations = Vec::new();
        let (Some(there), Some(here)) = (self.held.get(&from), self.held.get(&to)) else {
            return violations;
        };
        let model = self.model;
        for (id, header) in there {
            let Some(known) = model.records.get(id) else {
                continue;
            };
            let what = || name(model, id);
            match &known.what {
                What::Retract(of) => {
                    let copy = here.get(of).filter(|h| !h.flags.contains(Flags::ERASED));
                    if copy.is_some() && self.passed(from, to, of) {
                        let of = name(model, of);
                        let says = format!("n{to} still has {of}, and n{from} has its retraction");
                        violations.push(not_erased(says));
                    }
                }
                What::Permit { of, .. } if is_in_force(header) && !here.contains_key(id) => {
                    let copy = here.get(of).filter(|h| !h.flags.contains(Flags::ERASED));
                    if copy.is_some() && self.passed(from, to, of) && !buried(model, here, id) {
                        violations.push(starved(what(), from, to));
                    }
                }
                // One that was withdrawn there before it came is not taken in.
                What::Drawn(..)
                    if is_in_force(header)
                        && !here.contains_key(id)
                        && self.goes((from, there), (to, here), id, known)
                        && !buried(model, here, id) =>
                {
                    violations.push(starved(what(), from, to));
                }
                _ => {}
            }
        }
        violations.extend(self.still_there(from, to, there, here));
        violations
    }

    /// Whether the gates of both let a record go from one to the other.
    fn goes(
        &self,
        (from, there): (usize, &Held),
        (to, here): (usize, &Held),
        id: &RecordId,
        known: &Known,
    ) -> bool {
        let model = self.model;
        let lost = model.undecided.contains(id) || model.closed.contains(id);
        if known.author == from && lost {
            return false;
        }
        let permitted = model.permits_of(id, to).any(|permit| {
            there.get(&permit).is_some_and(is_in_force) && !buried(model, here, &permit)
        });
        model
            .release(from, to, known, model.now(from), permitted)
            .is_ok()
            && model
                .accept(to, from, known, model.now(to), permitted)
                .is_ok()
    }

    /// Whether one of two nodes had a record from the other first.
    fn passed(&self, from: usize, to: usize, of: &RecordId) -> bool {
        let courier = |at: usize| {
            let header: Option<&Header> = self.held.get(&at).and_then(|held| held.get(of));
            header.and_then(|h| h.courier)
        };
        let agencies = &self.model.agencies;
        courier(to) == Some(agencies[from]) || courier(from) == Some(agencies[to])
    }

    /// Copies that one node called back from another, which still has them.
    fn still_there(&self, from: usize, to: usize, there: &Held, here: &Held) -> Vec<Violation> {
        let model = self.model;
        let own = model.recalled.iter().copied();
        let own = own.filter(|r| (r.by, r.from) == (from, to));
        let own = own.filter(|r| !model.is_lost(r.by, r.moment) && self.stays_closed(r));
        own.chain(self.passed_on(from, to, there))
            .filter(|r| here.get(&r.of).is_some_and(is_in_force) && self.binds(r))
            .map(|r| {
                let what = name(model, &r.of);
                not_erased(format!("n{to} still has {what}, which n{from} called back"))
            })
            .collect()
    }

    /// Whether a node has to erase what is called back from it: it did not write it, nobody else
    /// gave it the record, unless the author calls it back, and nobody gave it anew.
    fn binds(&self, r: &Recalled) -> bool {
        let model = self.model;
        let Some(known) = model.records.get(&r.of) else {
            return false;
        };
        if known.author == r.from {
            return false;
        }
        let given = self.given.get(&r.from).map_or(&[][..], Vec::as_slice);
        let mut copies = given.iter().filter(|g| g.of == r.of);
        !copies.any(|g| g.moment > r.moment || (g.from != r.by && known.author != r.by))
    }

    /// Whether the peer may not have the record since: else a recall may have come too late, and
    /// is not told.
    fn stays_closed(&self, r: &Recalled) -> bool {
        let model = self.model;
        let Some(known) = model.records.get(&r.of) else {
            return false;
        };
        let since = model.version_at(r.by, None, r.moment);
        let permitted = model.permits_of(&r.of, r.from).next().is_some();
        model.versions[r.by][since..].iter().all(|v| {
            let now = std::slice::from_ref(v);
            model.release(r.by, r.from, known, now, permitted).is_err()
        })
    }

    /// What was called back from a node, and what it therefore calls back from another one.
    fn passed_on(&self, from: usize, to: usize, there: &Held) -> Vec<Recalled> {
        if self.unsigned.contains(&from) {
            return Vec::new();
        }
        let model = self.model;
        let erased = |of: &RecordId| {
            let header = there.get(of)?;
            let author = model.node(&header.author);
            let courier = header.courier.and_then(|c| model.node(&c));
            let before = author == Some(to) || courier == Some(to);
            let recalled =
                header.flags.contains(Flags::ERASED) && !model.withdrawn.contains_key(of);
            (recalled && !before).then_some(())
        };
        let empty = Vec::new();
        let got = self.given.get(&from).unwrap_or(&empty);
        let gave = self.given.get(&to).unwrap_or(&empty);
        let mut found = Vec::new();
        for id in there.keys() {
            let Some(What::Recall { of, .. }) = model.records.get(id).map(|k| &k.what) else {
                continue;
            };
            let came = got
                .iter()
                .filter(|g| g.of == *id)
                .map(|g| (g.moment, g.from));
            let Some((moment, by)) = came.max() else {
                continue;
            };
            let passed = gave.iter().any(|g| g.of == *of && g.from == from);
            if passed && by != to && erased(of).is_some() {
                found.push(Recalled {
                    moment,
                    by: from,
                    from: to,
                    of: *of,
                });
            }
        }
        found
    }
}

/// Whether a node has the retraction of a record.
fn buried(model: &Model, here: &Held, id: &RecordId) -> bool {
    here.keys().any(|other| {
        let other = model.records.get(other);
        other.is_some_and(|o| matches!(&o.what, What::Retract(of) if of == id))
    })
}

fn not_erased(says: String) -> Violation {
    Violation {
        gate: Gate::NotErased,
        says,
    }
}

fn starved(what: String, from: usize, to: usize) -> Violation {
    Violation {
        gate: Gate::Starved,
        says: format!("{what} did not come from n{from} to n{to}"),
    }
}
