//! Does every node hold exactly what the plan says? Asks the stores only, never the code that
//! decided.

use std::collections::{BTreeMap, BTreeSet};

use liaison_node::kind;
use liaison_node::store::Flags;
use liaison_protocol::id::RecordId;
use liaison_protocol::record::codes::{Kind, Plane};

use super::plan::{Fate, GROUPS, peers_of};
use super::report::{Checked, Written};
use crate::stage::{Member, Stage, Trouble};

/// One copy that has to be there.
struct Expected {
    words: &'static str,
    /// From whom; none: it wrote it.
    from: Option<&'static str>,
    fate: Fate,
}

/// Compares every node's store with the plan; the faults in words.
pub fn check(members: &Stage, written: &[Written]) -> Result<(Checked, Vec<String>), Trouble> {
    let mut checked = Checked {
        records: written
            .iter()
            .map(|w| w.ids.len() + usize::from(w.amendment.is_some()))
            .sum(),
        ..Checked::default()
    };
    let mut faults = Vec::new();
    for (group, written) in GROUPS.iter().zip(written) {
        let planned = match group.fate {
            Fate::Unsigned => 0,
            _ => group.count,
        };
        let refused = written.findings.iter().any(|f| f.code == "TRD-02");
        if written.ids.len() != planned || refused != (group.fate == Fate::Unsigned) {
            faults.push(format!(
                "{}: {} were signed",
                group.words,
                written.ids.len()
            ));
        }
    }
    for member in members.iter() {
        let expected = expected(&member.name, written);
        checked.nodes += 1;
        checked.copies += expected.len();
        of_one(members, member, expected, &mut faults)?;
    }
    Ok((checked, faults))
}

/// What one agency has to hold.
fn expected(name: &str, written: &[Written]) -> BTreeMap<RecordId, Expected> {
    let mut all = BTreeMap::new();
    for (group, written) in GROUPS.iter().zip(written) {
        let from = match group.must.iter().find(|(holder, _)| *holder == name) {
            Some((_, from)) => Some(*from),
            None if group.by == name => None,
            None => continue,
        };
        let mut expect = |id: &RecordId, fate| {
            let words = group.words;
            all.insert(*id, Expected { words, from, fate });
        };
        for id in &written.ids {
            expect(id, group.fate);
        }
        if let Some(id) = &written.amendment {
            expect(id, Fate::Stays);
        }
    }
    all
}

fn of_one(
    members: &Stage,
    member: &Member,
    mut expected: BTreeMap<RecordId, Expected>,
    faults: &mut Vec<String>,
) -> Result<(), Trouble> {
    let name = member.name.as_str();
    let known: BTreeSet<&str> = peers_of(name).into_iter().chain([name]).collect();
    let mut cards = BTreeSet::new();
    let mut retracts = 0_usize;
    let retracted = expected
        .values()
        .filter(|e| e.fate == Fate::Retracted)
        .count();
    for (arrival, header) in member.headers()? {
        let author = members.name_of(&header.author).unwrap_or("a stranger");
        let is = |kind: Kind| header.kind == kind::number(kind);
        if is(Kind::Contact) || is(Kind::Keys) {
            if !known.contains(author) {
                faults.push(format!("{name} holds a card of {author}"));
            } else if is(Kind::Contact) && !cards.insert(author) {
                faults.push(format!("{name} holds two cards of {author}"));
            }
            continue;
        }
        if is(Kind::Retract) {
            retracts += 1;
            continue;
        }
        // Receipts and the like: owed, not planned.
        if Kind::ALL
            .iter()
            .any(|k| k.plane() == Plane::Control && is(*k))
        {
            continue;
        }
        let Some(Expected { words, from, fate }) = expected.remove(&header.id) else {
            faults.push(format!(
                "{name} holds {} of {author}, which it must not",
                header.id.short()
            ));
            continue;
        };
        let courier = header.courier.and_then(|c| members.name_of(&c));
        if courier != from {
            faults.push(format!(
                "{name} has '{words}' from {}, not from {}",
                courier.unwrap_or(name),
                from.unwrap_or(name)
            ));
        }
        let bytes = member.store(|n| n.store.record(arrival))?;
        let there = bytes.is_some_and(|b| b.len() as u64 == u64::from(header.size));
        let gone = fate == Fate::Retracted;
        if there == gone || header.flags.contains(Flags::ERASED) != gone {
            let state = if there { "still there" } else { "gone" };
            faults.push(format!("{name}: '{words}' is {state}"));
        }
        if header.flags.contains(Flags::SUPERSEDED) != (fate == Fate::Amended) {
            faults.push(format!(
                "{name}: '{words}' is wrongly marked or not marked as amended"
            ));
        }
    }
    for missing in expected.values() {
        faults.push(format!("{name} lacks one of '{}'", missing.words));
    }
    if retracts != retracted {
        faults.push(format!(
            "{name} holds {retracts} retractions, not {retracted}"
        ));
    }
    if cards != known {
        faults.push(format!("{name} does not hold the cards of all its peers"));
    }
    Ok(())
}
