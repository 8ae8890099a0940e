//! The handling gate is the tables of `SPEC.md` and nothing else.

use std::collections::BTreeMap;

use liaison_protocol::record::codes::{Plane, Tlp};
use liaison_protocol::record::handling::{Holder, OnwardMode, Receiver, Terms, Verdict};

use crate::spec;

const PLANES: [Plane; 3] = [Plane::Strategic, Plane::Personal, Plane::Control];

/// Every receiver: all subsets of the four roles.
fn receivers() -> Vec<Receiver> {
    (0..16u8)
        .map(|bits| Receiver {
            author: bits & 1 != 0,
            addressed: bits & 2 != 0,
            named: bits & 4 != 0,
            permitted: bits & 8 != 0,
        })
        .collect()
}

fn all_terms() -> Vec<Terms> {
    let mut all = Vec::new();
    for plane in PLANES {
        for tlp in Tlp::ALL {
            for h2 in [false, true] {
                for onward in OnwardMode::ALL {
                    all.push(Terms {
                        plane,
                        tlp: *tlp,
                        h2,
                        onward,
                    });
                }
            }
        }
    }
    all
}

/// Whether a cell of the table takes this value: `any`, or one of a list.
fn takes(cell: &str, value: &str) -> bool {
    cell == "any" || cell.split(", ").any(|one| one == value)
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

struct Tables {
    effective: Vec<Vec<String>>,
    author: Vec<Vec<String>>,
    others: Vec<Vec<String>>,
}

impl Tables {
    fn read() -> Self {
        Self {
            effective: spec::table("effective-onward"),
            author: spec::table("release-author"),
            others: spec::table("release-others"),
        }
    }

    /// The one row of the first table that fits; its columns are the stated modes.
    fn effective(&self, terms: &Terms) -> Option<OnwardMode> {
        let rows: Vec<&Vec<String>> = self
            .effective
            .iter()
            .filter(|row| {
                takes(&row[0], terms.plane.as_str())
                    && takes(&row[1], terms.tlp.as_str())
                    && takes(&row[2], yes_no(terms.h2))
            })
            .collect();
        assert_eq!(rows.len(), 1, "rows for {terms:?}");
        let column = 3 + OnwardMode::ALL
            .iter()
            .position(|m| *m == terms.onward)
            .expect("mode");
        let text = rows[0][column].as_str();
        (text != "-").then(|| {
            *OnwardMode::ALL
                .iter()
                .find(|m| m.as_str() == text)
                .unwrap_or_else(|| panic!("no mode {text}"))
        })
    }

    /// The first row that fits decides.
    fn release(&self, terms: &Terms, holder: Holder, receiver: Receiver) -> String {
        let effective = self.effective(terms).map_or("-", OnwardMode::as_str);
        let role = |cell: &str| match cell {
            "any" => true,
            "author" => receiver.author,
            "addressed" => receiver.addressed,
            "named" => receiver.named,
            "permitted" => receiver.permitted,
            other => panic!("no role {other}"),
        };
        let row = match holder {
            Holder::Author => self.author.iter().find(|row| {
                takes(&row[0], terms.plane.as_str())
                    && takes(&row[1], terms.tlp.as_str())
                    && role(&row[2])
            }),
            Holder::Named | Holder::Other => {
                let who = if holder == Holder::Named {
                    "named"
                } else {
                    "other"
                };
                self.others.iter().find(|row| {
                    takes(&row[0], terms.plane.as_str())
                        && takes(&row[1], effective)
                        && takes(&row[2], who)
                        && role(&row[3])
                })
            }
        };
        row.unwrap_or_else(|| panic!("no row for {terms:?} {holder:?} {receiver:?}"))
            .last()
            .expect("verdict")
            .clone()
    }
}

#[test]
fn the_gate_is_the_tables_of_the_spec() {
    let tables = Tables::read();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut count = 0;
    for terms in all_terms() {
        if let Some(effective) = tables.effective(&terms) {
            assert_eq!(terms.effective_onward(), effective, "{terms:?}");
        }
        for holder in Holder::ALL {
            for receiver in receivers() {
                let verdict = terms.release(holder, receiver);
                let due = tables.release(&terms, holder, receiver);
                assert_eq!(verdict.as_str(), due, "{terms:?} {holder:?} {receiver:?}");
                *seen.entry(verdict.as_str()).or_default() += 1;
                count += 1;
            }
        }
    }
    assert_eq!(count, 3 * 5 * 2 * 4 * 3 * 16);
    // Every row of the tables and every rule is of use.
    for row in tables.author.iter().chain(&tables.others) {
        let verdict = row.last().expect("verdict").as_str();
        assert!(seen.contains_key(verdict), "{verdict} is never given");
    }
    assert_eq!(seen.len(), VERDICTS.len(), "{seen:?}");
}

/// All rules, in the order of the spec's list.
pub const VERDICTS: [Verdict; 13] = [
    Verdict::AuthorReleases,
    Verdict::BackToAuthor,
    Verdict::Permitted,
    Verdict::OnwardTo,
    Verdict::OnwardCommunity,
    Verdict::RedNotAddressed,
    Verdict::PersonalNotAddressed,
    Verdict::PersonalNotAuthor,
    Verdict::OnwardNone,
    Verdict::OnwardAsk,
    Verdict::OnwardToOthers,
    Verdict::NamedMayNotPass,
    Verdict::Control,
];

/// More roles never close the gate; narrower terms never open it.
#[test]
fn the_gate_is_monotonic() {
    let subset = |a: Receiver, b: Receiver| {
        a.author <= b.author
            && a.addressed <= b.addressed
            && a.named <= b.named
            && a.permitted <= b.permitted
    };
    for terms in all_terms() {
        for holder in Holder::ALL {
            for fewer in receivers() {
                let open = terms.release(holder, fewer).allows();
                for more in receivers().into_iter().filter(|more| subset(fewer, *more)) {
                    assert!(
                        !open || terms.release(holder, more).allows(),
                        "{terms:?} {holder:?}: {more:?} closes what {fewer:?} opens"
                    );
                }
                for narrower in all_terms().into_iter().filter(|n| is_narrower(n, &terms)) {
                    assert!(
                        open || !narrower.release(holder, fewer).allows(),
                        "{narrower:?} opens to {fewer:?} what {terms:?} keeps closed ({holder:?})"
                    );
                }
            }
        }
    }
}

/// Stated `onward` narrower or equal, TLP as closed or more, H2 kept, and personal rather
/// than strategic.
fn is_narrower(a: &Terms, b: &Terms) -> bool {
    let plane = a.plane == b.plane || (a.plane, b.plane) == (Plane::Personal, Plane::Strategic);
    plane && a.onward <= b.onward && a.tlp >= b.tlp && a.h2 >= b.h2
}

/// No terms let more through than the author's ceiling says, whoever holds the record.
#[test]
fn nothing_lifts_none_and_only_a_permit_lifts_ask() {
    for terms in all_terms() {
        for receiver in receivers() {
            let verdict = terms.release(Holder::Other, receiver);
            let onward = terms.effective_onward();
            if verdict.allows() && !receiver.author {
                assert!(onward > OnwardMode::None, "{terms:?} {receiver:?}");
                assert!(
                    onward > OnwardMode::Ask || receiver.permitted,
                    "{terms:?} {receiver:?}"
                );
            }
            if terms.plane == Plane::Personal {
                assert!(!verdict.allows());
            }
        }
    }
}
