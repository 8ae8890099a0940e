//! Checks of trends (TRD): where, small counts, and counts that a reader could compute.

use super::difference::{Scoped, equal_scope, rests, scoped};
use super::{CheckContext, Finding};
use crate::record::codes::Dimension;
use crate::record::kinds::Trend;
use crate::record::kinds::trend::Dims;

pub(super) fn check(trend: &Trend, ctx: &CheckContext, found: &mut Vec<Finding>) {
    if trend.area.is_empty() && trend.route.is_none() {
        found.push(Finding::new(
            "TRD-01",
            "body.area",
            "and route are both missing",
            "Say where: an area (QN, QN-02) or a route's name.",
        ));
    }
    twice(trend, found);
    let k = ctx.thresholds.of(trend.measure);
    if k <= 1 {
        return;
    }
    for (at, cell) in trend.cells.iter().enumerate() {
        if cell.n < k {
            found.push(Finding::new(
                "TRD-02",
                format!("body.cells[{at}]"),
                format!("{} has n={}; smallest shareable is {k}", cell.dims, cell.n),
                roll_up(&cell.dims),
            ));
        }
    }
    let mine = scoped(0, trend);
    let mut budget = crate::limits::TREND_COMPARISONS;
    let done = within(&mine, k, &mut budget, found)
        .and_then(|()| amendment(&mine, ctx, trend, k, &mut budget, found))
        .and_then(|()| overlaps(&mine, ctx, trend, k, &mut budget, found));
    if done.is_none() {
        found.push(Finding::new(
            "TRD-07",
            "body.cells",
            "have too many overlapping totals to check that no small count can be computed",
            "Split the trend into several with fewer dimensions.",
        ));
    }
}

fn twice(trend: &Trend, found: &mut Vec<Finding>) {
    let mut seen = std::collections::BTreeMap::new();
    for (at, cell) in trend.cells.iter().enumerate() {
        if let Some(first) = seen.insert(&cell.dims, at) {
            found.push(Finding::new(
                "TRD-06",
                format!("body.cells[{at}]"),
                format!("{} counts the same as cells[{first}]", cell.dims),
                "Add the two up, or drop one.",
            ));
        }
    }
}

fn roll_up(dims: &Dims) -> String {
    let mut ways: Vec<&str> = Vec::new();
    if dims.value(Dimension::Age).is_some() {
        ways.push("merge age bands");
    }
    ways.push("widen the area");
    if !dims.is_empty() {
        ways.push("or drop the cell");
    } else {
        ways.push("or cover a longer period");
    }
    let mut text = ways.join(", ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text.push('.');
    text
}

/// TRD-03: within the record.
fn within(mine: &[Scoped], k: u64, budget: &mut usize, found: &mut Vec<Finding>) -> Option<()> {
    for rest in rests(mine, mine, k, budget)? {
        let Some(total) = mine.get(rest.total) else {
            continue;
        };
        found.push(Finding::new(
            "TRD-03",
            format!("body.cells[{}]", total.cell),
            format!(
                "dropping one cell lets a reader compute it from the total {}",
                total.n
            ),
            "Drop a second cell or the total.",
        ));
    }
    Some(())
}

/// TRD-05: against the trend that this one amends.
fn amendment(
    mine: &[Scoped],
    ctx: &CheckContext,
    trend: &Trend,
    k: u64,
    budget: &mut usize,
    found: &mut Vec<Finding>,
) -> Option<()> {
    let Some(previous) = ctx.previous.filter(|p| p.measure == trend.measure) else {
        return Some(());
    };
    let old = scoped(1, previous);
    let mut changes = Vec::new();
    for new in mine {
        *budget = budget.checked_sub(old.len())?;
        for was in old.iter().filter(|was| equal_scope(new, was)) {
            let change = new.n.abs_diff(was.n);
            if (1..k).contains(&change) {
                changes.push((new.cell, change));
            }
        }
    }
    if let Some((first, _)) = changes.first() {
        let by: Vec<String> = changes.iter().map(|(_, n)| n.to_string()).collect();
        let cells = if changes.len() == 1 {
            "one cell".to_owned()
        } else {
            format!("{} cells", changes.len())
        };
        found.push(Finding::new(
            "TRD-05",
            format!("body.cells[{first}]"),
            format!(
                "this amendment changes {cells} by {}: the difference identifies a person",
                and(&by)
            ),
            "Publish at the next period.",
        ));
        return Some(());
    }
    for (totals, parts) in [(mine, old.as_slice()), (old.as_slice(), mine)] {
        if let Some(rest) = rests(totals, parts, k, budget)?.first() {
            let cell = [
                totals.get(rest.total),
                rest.parts.first().and_then(|p| parts.get(*p)),
            ]
            .into_iter()
            .flatten()
            .find(|s| s.trend == 0)
            .map_or(0, |s| s.cell);
            found.push(Finding::new(
                "TRD-05",
                format!("body.cells[{cell}]"),
                format!("with the amended record a reader can compute a count under {k}"),
                "Publish at the next period.",
            ));
            return Some(());
        }
    }
    Some(())
}

/// TRD-05: against overlapping trends of the same author.
fn overlaps(
    mine: &[Scoped],
    ctx: &CheckContext,
    trend: &Trend,
    k: u64,
    budget: &mut usize,
    found: &mut Vec<Finding>,
) -> Option<()> {
    let mut pool = mine.to_vec();
    for (at, other) in ctx.overlapping.iter().enumerate() {
        if other.measure == trend.measure {
            pool.extend(scoped(at + 1, other));
        }
    }
    if pool.len() == mine.len() {
        return Some(());
    }
    let mut report = |cell: usize, other: usize| {
        let period = ctx
            .overlapping
            .get(other - 1)
            .map(|t| t.period.to_string())
            .unwrap_or_default();
        found.push(Finding::new(
            "TRD-05",
            format!("body.cells[{cell}]"),
            format!("and your trend of {period} together let a reader compute a count under {k}"),
            "Use the same period, areas and bands as in that trend, or publish at the next period.",
        ));
    };
    for new in mine {
        *budget = budget.checked_sub(pool.len())?;
        let other = pool
            .iter()
            .find(|o| o.trend != 0 && equal_scope(new, o) && (1..k).contains(&new.n.abs_diff(o.n)));
        if let Some(other) = other {
            report(new.cell, other.trend);
            return Some(());
        }
    }
    for rest in rests(&pool, &pool, k, budget)? {
        let members: Vec<&Scoped> = std::iter::once(rest.total)
            .chain(rest.parts)
            .filter_map(|i| pool.get(i))
            .collect();
        let new = members.iter().find(|s| s.trend == 0);
        let other = members.iter().find(|s| s.trend != 0);
        if let (Some(new), Some(other)) = (new, other) {
            report(new.cell, other.trend);
            return Some(());
        }
    }
    Some(())
}

fn and(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}
