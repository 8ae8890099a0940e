//! Which counts a reader could compute by taking published counts from one another.
//!
//! A count is a total of those that lie within it (by period, area, route and every
//! dimension). From a total, parts that share nobody are taken away, the largest first;
//! what is left counts the people in the parts that are not published. This finds
//! differences of one total and its parts. It is not a general audit by linear programming:
//! what follows from several totals together may stay unseen.

use std::collections::BTreeMap;

use crate::record::codes::{Area, Dimension};
use crate::record::date::Date;
use crate::record::kinds::Trend;
use crate::record::kinds::trend::Dims;

/// A count with all that says whom it counts.
#[derive(Clone)]
pub(super) struct Scoped<'a> {
    /// Which trend: 0 is the one that is checked.
    pub trend: usize,
    /// Its index among that trend's cells.
    pub cell: usize,
    pub n: u64,
    from: Date,
    to: Date,
    areas: &'a [Area],
    route: Option<&'a str>,
    dims: &'a Dims,
}

/// A total, the parts that were taken from it, by index.
pub(super) struct Rest {
    pub total: usize,
    pub parts: Vec<usize>,
}

pub(super) fn scoped(trend: usize, of: &Trend) -> Vec<Scoped<'_>> {
    of.cells
        .iter()
        .enumerate()
        .map(|(cell, c)| Scoped {
            trend,
            cell,
            n: c.n,
            from: of.period.first_day(),
            to: of.period.last_day(),
            areas: &of.area,
            route: of.route.as_deref(),
            dims: &c.dims,
        })
        .collect()
}

/// Whether both count the same people.
pub(super) fn equal_scope(a: &Scoped, b: &Scoped) -> bool {
    a.dims == b.dims && contains(a, b) && contains(b, a)
}

fn contains(whole: &Scoped, part: &Scoped) -> bool {
    whole.from <= part.from
        && whole.to >= part.to
        && (whole.route.is_none() || whole.route == part.route)
        && (whole.areas.is_empty()
            || (!part.areas.is_empty()
                && part
                    .areas
                    .iter()
                    .all(|p| whole.areas.iter().any(|w| w.contains(p)))))
        && whole.dims.contains(part.dims)
}

fn apart(a: &Scoped, b: &Scoped) -> bool {
    a.to < b.from
        || b.to < a.from
        || a.dims.is_apart_from(b.dims)
        || matches!((a.route, b.route), (Some(x), Some(y)) if x != y)
        || (!a.areas.is_empty()
            && !b.areas.is_empty()
            && a.areas
                .iter()
                .all(|x| b.areas.iter().all(|y| x.is_apart_from(y))))
}

/// Totals from which parts can be taken so that 1 to `k` - 1 people are left. `None` when
/// the budget of comparisons is used up.
pub(super) fn rests(
    totals: &[Scoped],
    parts: &[Scoped],
    k: u64,
    budget: &mut usize,
) -> Option<Vec<Rest>> {
    let mut found = Vec::new();
    for (at, total) in totals.iter().enumerate() {
        *budget = budget.checked_sub(parts.len())?;
        let mut inside: Vec<usize> = parts
            .iter()
            .enumerate()
            .filter(|(_, part)| contains(total, part) && !contains(part, total))
            .map(|(index, _)| index)
            .collect();
        inside.sort_by_key(|index| std::cmp::Reverse(parts.get(*index).map_or(0, |p| p.n)));
        let mut families: BTreeMap<Vec<Dimension>, Vec<usize>> = BTreeMap::new();
        for index in &inside {
            if let Some(part) = parts.get(*index) {
                let by = part.dims.iter().map(|(dimension, _)| dimension).collect();
                families.entry(by).or_default().push(*index);
            }
        }
        for family in families.into_values() {
            let rest = take(total, &family, &[], parts, k, budget)?;
            let rest = match rest {
                Some(rest) => Some(rest),
                // Parts by other dimensions, where these leave room for them.
                None => take(total, &family, &inside, parts, k, budget)?,
            };
            if let Some(taken) = rest {
                found.push(Rest {
                    total: at,
                    parts: taken,
                });
                break;
            }
        }
    }
    Some(found)
}

/// Takes parts that share nobody, first the family's, then the others'.
fn take(
    total: &Scoped,
    family: &[usize],
    others: &[usize],
    parts: &[Scoped],
    k: u64,
    budget: &mut usize,
) -> Option<Option<Vec<usize>>> {
    let mut taken: Vec<usize> = Vec::new();
    let mut left = total.n;
    for index in family.iter().chain(others) {
        let Some(part) = parts.get(*index) else {
            continue;
        };
        *budget = budget.checked_sub(taken.len().max(1))?;
        let free = taken
            .iter()
            .filter_map(|t| parts.get(*t))
            .all(|t| apart(t, part));
        if free {
            let Some(less) = left.checked_sub(part.n) else {
                continue;
            };
            left = less;
            taken.push(*index);
        }
    }
    Some((!taken.is_empty() && (1..k).contains(&left)).then_some(taken))
}
