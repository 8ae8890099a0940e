//! The demo as plain tables: who takes part, who is linked, what is written, and who must
//! hold it at the end. The last column is written by hand and asks none of the code that it
//! judges.

use liaison_node::import::synthetic::Synthetic;
use liaison_protocol::record::codes::{Kind, Tlp};
use liaison_protocol::record::date::Date;
use liaison_protocol::record::draft::{Draft, DraftOnward};
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::handling::Onward;
use liaison_protocol::record::kinds::Content;
use serde_json::{Value, json};

/// One agency.
#[derive(Debug)]
pub struct Agency {
    /// What the others call it.
    pub name: &'static str,
    /// What its card says.
    pub title: &'static str,
    /// Its country.
    pub country: &'static str,
    /// Its sector.
    pub sector: &'static str,
    /// Its data-protection law.
    pub regime: &'static str,
    /// Its policy: file names and texts.
    pub policy: [(&'static str, &'static str); 2],
}

macro_rules! policy {
    ($name:literal) => {
        [
            (
                "share.cedar",
                include_str!(concat!(
                    "../../../../examples/policies/demo/",
                    $name,
                    "/share.cedar"
                )),
            ),
            (
                "accept.cedar",
                include_str!(concat!(
                    "../../../../examples/policies/demo/",
                    $name,
                    "/accept.cedar"
                )),
            ),
        ]
    };
}

/// Who takes part.
pub const AGENCIES: [Agency; 5] = [
    Agency {
        name: "border",
        title: "Narova Border Police (fictional)",
        country: "QN",
        sector: "border",
        regime: "led",
        policy: policy!("border"),
    },
    Agency {
        name: "prosecutor",
        title: "Ostenia Prosecutors (fictional)",
        country: "QO",
        sector: "prosecution",
        regime: "led",
        policy: policy!("prosecutor"),
    },
    Agency {
        name: "shelter",
        title: "Lantern House, shelter (fictional)",
        country: "QN",
        sector: "ngo",
        regime: "gdpr",
        policy: policy!("shelter"),
    },
    Agency {
        name: "fiu",
        title: "Ostenia Financial Intelligence Unit (fictional)",
        country: "QO",
        sector: "fiu",
        regime: "led",
        policy: policy!("fiu"),
    },
    Agency {
        name: "rental",
        title: "Veloren Car Rental (fictional)",
        country: "QO",
        sector: "private",
        regime: "gdpr",
        policy: policy!("rental"),
    },
];

/// Who is linked with whom. Nothing travels but along these.
pub const LINKS: [(&str, &str); 6] = [
    ("border", "prosecutor"),
    ("border", "shelter"),
    ("border", "fiu"),
    ("border", "rental"),
    ("prosecutor", "shelter"),
    ("prosecutor", "fiu"),
];

/// The same as a picture.
pub const PICTURE: [&str; 4] = [
    "  rental -------- border -------- shelter     A line: linked. Each holds the",
    "                 /      \\          /          other's card, and confirmed its",
    "                /        \\        /           30 digits by telephone.",
    "             fiu -------- prosecutor",
];

/// Who is linked with an agency.
pub fn peers_of(name: &str) -> Vec<&'static str> {
    AGENCIES
        .iter()
        .map(|a| a.name)
        .filter(|other| {
            LINKS
                .iter()
                .any(|(a, b)| (*a == name && b == other) || (*b == name && a == other))
        })
        .collect()
}

/// What becomes of a group of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays as it was written.
    Stays,
    /// Its author amends it.
    Amended,
    /// Its author retracts it.
    Retracted,
    /// Its author's own node refuses to sign it.
    Unsigned,
}

/// What is written in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Synthetic records of this kind.
    Any(Kind),
    /// Synthetic methods about transport.
    Transport,
    /// Presumed victims, with one cell so small that it could point to persons.
    SmallCell,
}

/// A group of records: who writes it, and who must hold it at the end.
#[derive(Debug)]
pub struct Group {
    /// Its author.
    pub by: &'static str,
    /// How many records.
    pub count: usize,
    /// In words, after the count.
    pub words: &'static str,
    /// What they say.
    pub what: What,
    /// Their marking.
    pub tlp: Tlp,
    /// Whether receivers may not pass them on at all.
    pub onward_none: bool,
    /// Distribution list.
    pub to: Option<&'static [&'static str]>,
    /// What becomes of them.
    pub fate: Fate,
    /// Who must hold them at the end, and from whom: the author holds them as well, and
    /// nobody else may.
    pub must: &'static [(&'static str, &'static str)],
}

const fn group(
    by: &'static str,
    count: usize,
    words: &'static str,
    what: What,
    tlp: Tlp,
    must: &'static [(&'static str, &'static str)],
) -> Group {
    Group {
        by,
        count,
        words,
        what,
        tlp,
        onward_none: false,
        to: None,
        fate: Fate::Stays,
        must,
    }
}

/// What is written, and who must hold it at the end, `(holder, from whom)`.
pub const GROUPS: [Group; 13] = [
    group(
        "border",
        60,
        "trends, green",
        What::Any(Kind::Trend),
        Tlp::Green,
        &[
            ("prosecutor", "border"),
            ("shelter", "border"),
            ("fiu", "prosecutor"),
        ],
    ),
    group(
        "border",
        6,
        "transport methods, green",
        What::Transport,
        Tlp::Green,
        &[
            ("prosecutor", "border"),
            ("shelter", "border"),
            ("fiu", "prosecutor"),
            ("rental", "border"),
        ],
    ),
    group(
        "border",
        8,
        "routes, amber",
        What::Any(Kind::Route),
        Tlp::Amber,
        &[("prosecutor", "border")],
    ),
    group(
        "border",
        4,
        "document alerts, amber",
        What::Any(Kind::DocumentAlert),
        Tlp::Amber,
        &[("prosecutor", "border")],
    ),
    Group {
        onward_none: true,
        ..group(
            "border",
            1,
            "trend, green, onward none",
            What::Any(Kind::Trend),
            Tlp::Green,
            &[("prosecutor", "border"), ("shelter", "border")],
        )
    },
    Group {
        to: Some(&["prosecutor"]),
        ..group(
            "border",
            1,
            "route, red, to prosecutor",
            What::Any(Kind::Route),
            Tlp::Red,
            &[("prosecutor", "border")],
        )
    },
    Group {
        fate: Fate::Retracted,
        ..group(
            "border",
            1,
            "trend, green, retracted",
            What::Any(Kind::Trend),
            Tlp::Green,
            &[
                ("prosecutor", "border"),
                ("shelter", "border"),
                ("fiu", "prosecutor"),
            ],
        )
    },
    Group {
        fate: Fate::Unsigned,
        ..group(
            "border",
            1,
            "trend, 3 victims, drafted",
            What::SmallCell,
            Tlp::Green,
            &[],
        )
    },
    group(
        "prosecutor",
        6,
        "methods, amber",
        What::Any(Kind::ModusOperandi),
        Tlp::Amber,
        &[
            ("border", "prosecutor"),
            ("shelter", "prosecutor"),
            ("fiu", "prosecutor"),
        ],
    ),
    Group {
        fate: Fate::Amended,
        ..group(
            "prosecutor",
            1,
            "method, amber, amended",
            What::Any(Kind::ModusOperandi),
            Tlp::Amber,
            &[
                ("border", "prosecutor"),
                ("shelter", "prosecutor"),
                ("fiu", "prosecutor"),
            ],
        )
    },
    group(
        "shelter",
        9,
        "services, green",
        What::Any(Kind::Service),
        Tlp::Green,
        &[("border", "shelter"), ("prosecutor", "shelter")],
    ),
    group(
        "shelter",
        2,
        "trends, amber",
        What::Any(Kind::Trend),
        Tlp::Amber,
        &[],
    ),
    group(
        "fiu",
        4,
        "trends, amber",
        What::Any(Kind::Trend),
        Tlp::Amber,
        &[("border", "fiu"), ("prosecutor", "fiu")],
    ),
];

/// Name of the exercise that all nodes and records of the demo belong to: a node that is in
/// earnest would not take them.
pub const EXERCISE: &str = "DEMO";

impl Group {
    /// Its records, as their author is about to sign them on this day. The number keeps the
    /// groups apart.
    pub fn statements(&self, number: u64, today: Date) -> Vec<(Fields, Content)> {
        let kind = match self.what {
            What::Any(kind) => kind,
            What::Transport => Kind::ModusOperandi,
            What::SmallCell => return Vec::new(),
        };
        let wanted = |content: &Content| match (self.what, content) {
            (What::Transport, Content::ModusOperandi(method)) => {
                method.sectors.iter().any(|s| s.as_str() == "H")
            }
            _ => true,
        };
        Synthetic::new(number, today)
            .only(&[kind])
            .filter(|(_, content)| wanted(content))
            .take(self.count)
            .map(|(fields, content)| (self.marked(fields), content))
            .collect()
    }

    fn marked(&self, fields: Fields) -> Fields {
        let onward = match self.tlp {
            _ if self.onward_none => Onward::None,
            tlp if tlp <= Tlp::Green => Onward::Community,
            _ => Onward::Ask,
        };
        Fields {
            tlp: self.tlp,
            onward,
            exercise: Some(EXERCISE.into()),
            ..fields
        }
    }

    /// The draft that no node signs.
    pub fn unsignable(&self, today: Date) -> Value {
        let month = today.month().first_day().add_days(-1).month().to_string();
        let body = json!({
            "period": {"from": month, "to": month},
            "area": ["QN-02"],
            "measure": "presumed-victims",
            "method": "registry",
            "cells": [{"dims": {"age": "0-17"}, "n": 3}],
        });
        let mut draft = Draft::new(Kind::Trend, "en", "Presumed victims in QN-02", body);
        draft.tlp = Some(self.tlp);
        draft.onward = Some(DraftOnward::Community);
        serde_json::to_value(draft).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_name_only_who_takes_part_and_is_linked() {
        for group in &GROUPS {
            let mut holders = vec![group.by];
            for (holder, from) in group.must {
                assert!(holders.contains(from), "{}: {from}", group.words);
                assert!(peers_of(from).contains(holder), "{}: {holder}", group.words);
                holders.push(holder);
            }
        }
    }

    #[test]
    fn every_group_has_its_records() {
        let today = Date::new(2031, 5, 20).expect("day");
        for (number, group) in (0..).zip(&GROUPS) {
            let expected = if group.fate == Fate::Unsigned {
                0
            } else {
                group.count
            };
            assert_eq!(group.statements(number, today).len(), expected);
        }
    }

    #[test]
    fn the_picture_fits_80_columns() {
        assert!(PICTURE.iter().all(|line| line.chars().count() <= 80));
    }
}
