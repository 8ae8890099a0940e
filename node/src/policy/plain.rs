//! Who gets what, as a table that a lawyer can read.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::attributes::Attributes;
use super::decision::Action;
use super::directory::PeerAttributes;
use super::engine::Engine;
use super::of_parcel::attributes_of_parcel;
use super::{limits, schema};

/// Peer by kind by TLP, for records whose author is this agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlainTable {
    /// Which action.
    pub action: Action,
    /// By peer, then by kind.
    pub rows: Vec<PlainRow>,
}

/// What one peer gets of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlainRow {
    /// The peer's alias.
    pub peer: String,
    /// The kind.
    pub kind: String,
    /// One a TLP, from clear to red.
    pub cells: Vec<PlainCell>,
    /// The sentences of the statements that decided, sorted.
    pub says: Vec<String>,
}

/// Whose parcels are kept for one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlainCarried {
    /// The alias of the peer that collects them.
    pub peer: String,
    /// The aliases of those who may deposit them.
    pub of: BTreeSet<String>,
    /// The sentences of the statements that let it be.
    pub says: BTreeSet<String>,
}

/// One kind at one TLP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlainCell {
    /// The TLP.
    pub tlp: String,
    /// What happens.
    pub answer: PlainAnswer,
}

/// Found by putting representative records to the policy: each value that a statement names,
/// and one that none names, in combination as far as [`limits::PLAIN_VARIANTS`] go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlainAnswer {
    /// All of them go.
    Yes,
    /// Some go: it depends on tags, purpose or the like; `says` tells on what.
    Some,
    /// None goes.
    No,
}

impl PlainAnswer {
    /// As a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Some => "some",
            Self::No => "no",
        }
    }
}

impl Engine {
    /// The table for one action on records; slow (seconds, for many peers), for `policy show
    /// --plain`. What is carried is no record: [`Self::carried`].
    pub fn plain(&self, action: Action) -> PlainTable {
        self.plain_rows(action, |_| true)
    }

    /// The rows of one peer, by its alias.
    pub fn plain_of(&self, action: Action, alias: &str) -> PlainTable {
        self.plain_rows(action, |peer| peer.alias == alias)
    }

    fn plain_rows(&self, action: Action, wanted: impl Fn(&PeerAttributes) -> bool) -> PlainTable {
        let mut rows = Vec::new();
        for peer in self.directory().peers().iter().filter(|p| wanted(p)) {
            // Policies may name the personal kinds, but no record of these exists yet.
            for kind in STRATEGIC {
                let mut says = BTreeSet::new();
                let mut cells = Vec::new();
                for tlp in schema::codes("Tlp") {
                    let variants = self.variants(kind, tlp);
                    let mut allowed = 0;
                    for (record, addressed) in &variants {
                        if action == Action::Share
                            && let Some(ceiling) = self.ceiling(&peer.agency, record)
                        {
                            says.insert(ceiling.says.clone());
                            continue;
                        }
                        let decision = self.decide(action, &peer.agency, record, *addressed);
                        allowed += usize::from(decision.allow);
                        says.extend(decision.statements.into_iter().map(|s| s.says));
                        says.extend(decision.errors);
                    }
                    let answer = match allowed {
                        0 => PlainAnswer::No,
                        n if n == variants.len() => PlainAnswer::Yes,
                        _ => PlainAnswer::Some,
                    };
                    cells.push(PlainCell {
                        tlp: tlp.to_owned(),
                        answer,
                    });
                }
                rows.push(PlainRow {
                    peer: peer.alias.clone(),
                    kind: kind.to_owned(),
                    cells,
                    says: says.into_iter().collect(),
                });
            }
        }
        rows.sort_by(|a, b| a.peer.cmp(&b.peer));
        PlainTable { action, rows }
    }

    /// For whom parcels are kept, and whose; slow, for many peers. Peers for whom none is kept are
    /// left out.
    pub fn carried(&self) -> Vec<PlainCarried> {
        let peers = self.directory().peers();
        let mut rows = Vec::new();
        for peer in peers {
            let mut says = BTreeSet::new();
            let mut of = BTreeSet::new();
            for depositor in peers.iter().filter(|d| d.agency != peer.agency) {
                let parcel = attributes_of_parcel(depositor.agency, &depositor.country);
                let decision = self.decide(Action::Carry, &peer.agency, &parcel, true);
                if decision.allow {
                    of.insert(depositor.alias.clone());
                    says.extend(decision.statements.into_iter().map(|s| s.says));
                }
            }
            if !of.is_empty() {
                rows.push(PlainCarried {
                    peer: peer.alias.clone(),
                    of,
                    says,
                });
            }
        }
        rows.sort_by(|a, b| a.peer.cmp(&b.peer));
        rows
    }

    /// Records of one kind and TLP that differ in what the statements look at.
    pub(super) fn variants(&self, kind: &str, tlp: &str) -> Vec<(Attributes, bool)> {
        let own = self.directory().own();
        let strategic = STRATEGIC.contains(&kind);
        let base = Attributes {
            kind: kind.to_owned(),
            plane: if strategic { "strategic" } else { "personal" }.to_owned(),
            tlp: tlp.to_owned(),
            handling: BTreeSet::new(),
            onward: if strategic { "community" } else { "none" }.to_owned(),
            purpose: if strategic {
                "prevention"
            } else {
                "protection"
            }
            .to_owned(),
            author: own.agency,
            author_country: own.country.clone(),
            class: "none".to_owned(),
            tags: BTreeSet::new(),
            marked: false,
            exercise: false,
        };
        let mut variants = vec![(base, false)];
        let tags = &self.set().tags;
        let mut sets: Vec<BTreeSet<String>> =
            tags.iter().map(|t| BTreeSet::from([t.clone()])).collect();
        if tags.len() > 1 {
            sets.push(tags.clone());
        }
        widen(&mut variants, &sets, |(record, _), set| {
            record.tags.clone_from(set)
        });
        let purposes = self.named("Purpose");
        widen(&mut variants, &purposes, |(record, _), code| {
            record.purpose.clone_from(code)
        });
        let classes = self.named("CrimeClass");
        widen(&mut variants, &classes, |(record, _), code| {
            record.class.clone_from(code)
        });
        let modes = self.named("OnwardMode");
        widen(&mut variants, &modes, |(record, _), code| {
            record.onward.clone_from(code)
        });
        let codes = self.named("HandlingCode");
        widen(&mut variants, &codes, |(record, _), code| {
            record.handling.insert(code.clone());
        });
        if self.speaks_of("addressed") {
            widen(&mut variants, &[true], |(_, addressed), value| {
                *addressed = *value
            });
        }
        if self.speaks_of("exercise") {
            widen(&mut variants, &[true], |(record, _), value| {
                record.exercise = *value
            });
        }
        variants
    }

    fn named(&self, list: &str) -> Vec<String> {
        let literals = self.set().literals.iter();
        literals
            .filter(|(kind, _)| kind == list)
            .map(|(_, id)| id.clone())
            .collect()
    }

    fn speaks_of(&self, word: &str) -> bool {
        self.set()
            .text()
            .files()
            .iter()
            .any(|(_, text)| text.contains(word))
    }
}

/// The kinds that every peer they are released to can read.
const STRATEGIC: [&str; 6] = [
    "trend",
    "modus-operandi",
    "route",
    "document-alert",
    "service",
    "contact",
];

/// Adds, to each variant, one with each value; beyond the limit only to the first.
fn widen<V, T: Clone>(variants: &mut Vec<T>, values: &[V], set: impl Fn(&mut T, &V)) {
    let product = variants.len().saturating_mul(values.len() + 1);
    let bases = if product > limits::PLAIN_VARIANTS {
        1
    } else {
        variants.len()
    };
    let bases: Vec<T> = variants.iter().take(bases).cloned().collect();
    for value in values {
        for base in &bases {
            let mut variant = base.clone();
            set(&mut variant, value);
            variants.push(variant);
        }
    }
}

impl fmt::Display for PlainTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |rows: &[PlainRow], answer: PlainAnswer| -> Vec<String> {
            rows.iter()
                .filter_map(|row| {
                    let cells = row.cells.iter().filter(|c| c.answer == answer);
                    let tlps: Vec<&str> = cells.map(|c| c.tlp.as_str()).collect();
                    (!tlps.is_empty()).then(|| format!("{} ({})", row.kind, tlps.join(", ")))
                })
                .collect()
        };
        let verb = match self.action {
            Action::Share => "gets",
            Action::Accept => "may send us",
            Action::Carry => "is kept",
            Action::Match => "gets answers from",
        };
        for rows in self.rows.chunk_by(|a, b| a.peer == b.peer) {
            let Some(peer) = rows.first().map(|row| &row.peer) else {
                continue;
            };
            let (yes, some) = (of(rows, PlainAnswer::Yes), of(rows, PlainAnswer::Some));
            if yes.is_empty() && some.is_empty() {
                writeln!(f, "{peer} {verb} nothing.")?;
                continue;
            }
            if !yes.is_empty() {
                writeln!(f, "{peer} {verb}: {}.", yes.join("; "))?;
            }
            if !some.is_empty() {
                writeln!(f, "{peer} {verb} some of: {}.", some.join("; "))?;
            }
            let says: BTreeSet<&str> = rows
                .iter()
                .filter(|row| row.cells.iter().any(|c| c.answer != PlainAnswer::No))
                .flat_map(|row| row.says.iter().map(String::as_str))
                .collect();
            for sentence in says {
                writeln!(f, "    because: {sentence}")?;
            }
        }
        Ok(())
    }
}
