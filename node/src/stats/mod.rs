//! Figures without persons: how many were referred, how providers answered, whom nobody took.
//!
//! A count of people can name one. So figures are given for calendar quarters that have ended,
//! by one of a few fixed partitions, and only for people who agreed to be counted. A count
//! under the threshold is hidden, with so many others that nobody can compute it from the total
//! or from the figure of which it is a part ([`protect`]). All figures of a quarter are counted
//! when the first of them is asked for, and given as they were from then on, so that the
//! difference of two answers tells nothing.

mod gather;
mod protect;
mod quarter;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use liaison_protocol::record::codes::Dimension;
use serde::{Deserialize, Serialize};

pub use gather::{Tallied, gather};
pub use protect::{Cell, Whole, protect};
pub use quarter::{Quarter, QuarterError};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// People whom this agency referred.
    Referrals,
    /// Answers of the providers that were asked: one person may be several.
    Responses,
    /// People whom no provider took.
    Gaps,
}

/// By what they are told apart. No partition of one figure divides another's cells, so that no
/// two of them give a third.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Age and gender.
    AgeGender,
    /// Where they were.
    Area,
    /// Protection status.
    Status,
    /// What they needed most urgently.
    Need,
    /// What the provider answered.
    Outcome,
    /// Whom was asked.
    Provider,
    /// Whether the answer was in time.
    Speed,
}

/// A figure as it is given: what is hidden stands nowhere in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// All of them; none: hidden.
    pub total: Option<u64>,
    /// The cells, in the order of their keys.
    pub rows: Vec<Row>,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// By what it is told apart: one value a part of [`By::parts`].
    pub key: Vec<String>,
    /// The count; none: hidden.
    pub n: Option<u64>,
}

impl Figure {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Referrals, Self::Responses, Self::Gaps];

    /// As it is typed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Referrals => "referrals",
            Self::Responses => "responses",
            Self::Gaps => "gaps",
        }
    }

    /// The partitions in which it is given, the usual one first.
    pub const fn partitions(self) -> &'static [By] {
        match self {
            Self::Referrals => &[By::AgeGender, By::Area, By::Status, By::Need],
            Self::Responses => &[By::Outcome, By::Provider, By::Speed],
            Self::Gaps => &[By::Need, By::Area, By::AgeGender],
        }
    }

    /// The table over these, with what is too small hidden.
    pub fn table(self, by: By, all: &[Tallied], k: u64) -> Table {
        let counted = |figure: Self| {
            let mut counts = BTreeMap::<Vec<String>, u64>::new();
            for tallied in all.iter().filter(|t| t.is_in(figure)) {
                *counts.entry(tallied.key(by)).or_default() += 1;
            }
            counts
        };
        let counts = counted(self);
        let total = counts.values().sum();
        if self != Self::Gaps {
            let cell = |(key, n)| Cell { key, n, of: None };
            return protect(counts.into_iter().map(cell).collect(), total, None, k);
        }
        // Whom nobody took is a part of who was referred: their difference is a count too, and
        // so is all of a cell that no gap is in.
        let shown = Self::Referrals.table(by, all, k).rows;
        let referred = counted(Self::Referrals);
        let total_of = referred.values().sum();
        let cell = |((key, n), row): ((Vec<String>, u64), Row)| Cell {
            n: counts.get(&key).copied().unwrap_or(0),
            of: Some(Whole {
                n,
                is_shown: row.n.is_some(),
            }),
            key,
        };
        // Both are in the order of their keys.
        let cells = referred.into_iter().zip(shown).map(cell).collect();
        protect(cells, total, Some(total_of), k)
    }
}

impl By {
    /// As it is typed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgeGender => "age-gender",
            Self::Area => "area",
            Self::Status => "status",
            Self::Need => "need",
            Self::Outcome => "outcome",
            Self::Provider => "provider",
            Self::Speed => "speed",
        }
    }

    /// The names of the values in a key.
    pub const fn parts(self) -> &'static [&'static str] {
        match self {
            Self::AgeGender => &["age", "gender"],
            Self::Area => &["area"],
            Self::Status => &["status"],
            Self::Need => &["need"],
            Self::Outcome => &["outcome"],
            Self::Provider => &["provider"],
            Self::Speed => &["answer"],
        }
    }

    /// The dimensions of a trend that hold the same values; none: a trend has no place for it.
    pub const fn dimensions(self) -> Option<&'static [Dimension]> {
        match self {
            Self::AgeGender => Some(&[Dimension::Age, Dimension::Gender]),
            Self::Area => Some(&[Dimension::Area]),
            Self::Status => Some(&[Dimension::Status]),
            Self::Need | Self::Outcome | Self::Provider | Self::Speed => None,
        }
    }
}

/// A figure or partition that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not one of: {allowed}")]
pub struct Unknown {
    text: String,
    allowed: String,
}

impl FromStr for Figure {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        find(text, &Self::ALL, Self::as_str)
    }
}

impl Figure {
    /// One of its partitions, by name.
    ///
    /// # Errors
    /// [`Unknown`], with the names.
    pub fn partition(self, text: &str) -> Result<By, Unknown> {
        find(text, self.partitions(), By::as_str)
    }
}

fn find<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, Unknown> {
    all.iter()
        .copied()
        .find(|one| name(*one) == text)
        .ok_or_else(|| Unknown {
            text: liaison_protocol::id::clip(text),
            allowed: all
                .iter()
                .map(|one| name(*one))
                .collect::<Vec<_>>()
                .join(", "),
        })
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(count: usize, need: &str, is_gap: bool) -> Vec<Tallied> {
        (0..count).map(|_| Tallied::sample(need, is_gap)).collect()
    }

    #[test]
    fn a_gap_is_hidden_where_it_tells_who_was_taken() {
        let mut all = people(30, "shelter", true);
        all.extend(people(5, "shelter", false));
        all.extend(people(40, "legal", true));
        all.extend(people(40, "health", true));
        let gaps = Figure::Gaps.table(By::Need, &all, 11);
        let n = |key: &str| gaps.rows.iter().find(|r| r.key == [key]).and_then(|r| r.n);
        // 35 were referred for shelter: 30 of them without a place leaves 5.
        assert_eq!(n("shelter"), None);
        assert_eq!(gaps.total, None, "115 referred less 110 leaves 5");
        let referred = Figure::Referrals.table(By::Need, &all, 11);
        assert_eq!(referred.total, Some(115));
    }

    #[test]
    fn who_was_taken_can_not_be_computed_from_the_two_figures() {
        let mut all = people(20, "shelter", true);
        all.extend(people(5, "shelter", false));
        all.extend(people(30, "legal", true));
        all.extend(people(40, "health", true));
        all.extend(people(40, "health", false));
        let gaps = Figure::Gaps.table(By::Need, &all, 11);
        let referred = Figure::Referrals.table(By::Need, &all, 11);
        assert_eq!((gaps.total, referred.total), (Some(90), Some(135)));
        let both = || gaps.rows.iter().zip(&referred.rows);
        let hidden: Vec<u64> = both()
            .filter(|(gap, _)| gap.n.is_none())
            .filter_map(|(_, of)| of.n)
            .collect();
        let shown: u64 = gaps.rows.iter().filter_map(|row| row.n).sum();
        // Of those hidden nobody knows more than how many were taken of all of them.
        assert_eq!(hidden.iter().sum::<u64>() - (90 - shown), 45, "{gaps:?}");
    }

    #[test]
    fn a_total_is_hidden_in_all_partitions_or_in_none() {
        let mut all = people(12, "shelter", true);
        all.extend(people(3, "shelter", false));
        all.extend(people(40, "legal", false));
        let tables = [By::Need, By::Area].map(|by| Figure::Gaps.table(by, &all, 11));
        // By need shelter goes, and legal, of whom none went without, with it: what is left of
        // 12 and of 55 tells nothing of either.
        let rows = |table: &Table| table.rows.iter().map(|row| row.n).collect::<Vec<_>>();
        assert_eq!(rows(&tables[0]), [None, None]);
        assert_eq!(rows(&tables[1]), [Some(12)]);
        assert_eq!(tables.map(|table| table.total), [Some(12), Some(12)]);

        let mut seed = 7_u64;
        let mut dice = |most: u64| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((seed >> 33) % most).expect("small")
        };
        for _ in 0..500 {
            let mut all = Vec::new();
            for need in ["shelter", "legal", "health", "food"].iter().take(dice(5)) {
                all.extend(people(dice(30), need, true));
                all.extend(people(dice(30), need, false));
            }
            for figure in [Figure::Referrals, Figure::Gaps] {
                let [need, area] = [By::Need, By::Area].map(|by| figure.table(by, &all, 11));
                assert_eq!(need.total, area.total, "{figure} {need:?}");
            }
            // No gap is shown of what is hidden among those referred.
            let [gaps, of] =
                [Figure::Gaps, Figure::Referrals].map(|figure| figure.table(By::Need, &all, 11));
            let both = gaps.rows.iter().zip(&of.rows);
            assert!(both.clone().all(|(gap, of)| gap.key == of.key));
            assert!(
                both.clone().all(|(gap, of)| gap.n <= of.n),
                "{gaps:?} {of:?}"
            );
        }
    }

    #[test]
    fn names_are_those_that_are_typed() {
        for figure in Figure::ALL {
            assert_eq!(figure.as_str().parse(), Ok(figure));
            for by in figure.partitions() {
                assert_eq!(figure.partition(by.as_str()), Ok(*by));
            }
        }
        let error = Figure::Gaps.partition("speed").expect_err("refused");
        assert_eq!(
            error.to_string(),
            "'speed' is not one of: need, area, age-gender"
        );
    }
}
