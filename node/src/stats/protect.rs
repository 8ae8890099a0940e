//! Hiding what is too small, and so much beside it that nobody can compute it.

use super::{Row, Table};

/// A count before anything is hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// By what it is told apart.
    pub key: Vec<String>,
    /// The count.
    pub n: u64,
    /// The count of which it is a part: what is left of that is a count as well.
    pub of: Option<Whole>,
}

/// A count that is given elsewhere, and of which another is a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// The count.
    pub n: u64,
    /// Whether it is shown there.
    pub is_shown: bool,
}

/// What is left to be shown.
pub type Protected = Table;

/// Hides every count from 1 to `k` - 1, whatever leaves such a count of what it is a part of or
/// is a part of what is hidden itself, and then so many more, the smallest first, that those
/// hidden are two at least, and neither they nor what they leave are 1 to `k` - 1 together; the
/// total if that can't be had. `total_of` is what the total is a part of.
pub fn protect(cells: Vec<Cell>, total: u64, total_of: Option<u64>, k: u64) -> Protected {
    let is_small = |n: u64| (1..k).contains(&n);
    let small = |n: u64, of: Option<u64>| {
        is_small(n) || of.is_some_and(|of| is_small(of.saturating_sub(n)))
    };
    let goes = |cell: &Cell| {
        small(cell.n, cell.of.map(|of| of.n)) || cell.of.is_some_and(|of| !of.is_shown)
    };
    let mut hidden: Vec<bool> = cells.iter().map(goes).collect();
    let mut shows_total = !small(total, total_of);
    // Without the total, the sum of cells that are all shown would be it.
    let mut must_hide = hidden.contains(&true) || !shows_total;
    while must_hide {
        let of_hidden = |f: fn(&Cell) -> u64| -> u64 {
            let both = cells.iter().zip(&hidden);
            both.filter(|(_, hidden)| **hidden)
                .map(|(cell, _)| f(cell))
                .sum()
        };
        let alone = of_hidden(|_| 1) < 2;
        let few = is_small(of_hidden(|cell| cell.n));
        let few_left = is_small(of_hidden(Cell::left));
        if !(alone || few || few_left) {
            must_hide = false;
        } else {
            let shown = cells.iter().zip(&hidden).enumerate();
            let helps = |cell: &Cell| alone || few && cell.n > 0 || few_left && cell.left() > 0;
            let next = shown
                .filter(|(_, (_, hidden))| !**hidden)
                .min_by_key(|(_, (cell, _))| (!helps(cell), cell.n))
                .map(|(at, _)| at);
            match next.and_then(|at| hidden.get_mut(at)) {
                Some(hide) => *hide = true,
                None => {
                    // All are hidden, and are too few together or one alone.
                    shows_total = false;
                    must_hide = false;
                }
            }
        }
    }
    let rows = cells
        .into_iter()
        .zip(hidden)
        .map(|(cell, hidden)| Row {
            key: cell.key,
            n: (!hidden).then_some(cell.n),
        })
        .collect();
    Table {
        total: shows_total.then_some(total),
        rows,
    }
}

impl Cell {
    /// What it leaves of that of which it is a part.
    fn left(&self) -> u64 {
        self.of.map_or(0, |of| of.n.saturating_sub(self.n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: u64 = 11;

    fn shown(counts: &[u64]) -> (Option<u64>, Vec<Option<u64>>) {
        let cells = counts
            .iter()
            .map(|n| Cell {
                key: Vec::new(),
                n: *n,
                of: None,
            })
            .collect();
        let table = protect(cells, counts.iter().sum(), None, K);
        (table.total, table.rows.iter().map(|row| row.n).collect())
    }

    #[test]
    fn what_is_large_enough_is_shown() {
        assert_eq!(
            shown(&[11, 40, 0]),
            (Some(51), vec![Some(11), Some(40), Some(0)])
        );
        assert_eq!(shown(&[]), (Some(0), vec![]));
    }

    #[test]
    fn a_hidden_count_takes_another_with_it_so_that_the_total_does_not_tell() {
        assert_eq!(shown(&[3, 20, 40]), (Some(63), vec![None, None, Some(40)]));
        // Two that are hidden but too few together take a third.
        assert_eq!(
            shown(&[3, 4, 20, 40]),
            (Some(67), vec![None, None, None, Some(40)])
        );
        assert_eq!(shown(&[10, 10, 40]), (Some(60), vec![None, None, Some(40)]));
        // Nothing is left to hide behind: the total goes.
        assert_eq!(shown(&[3]), (None, vec![None]));
        assert_eq!(shown(&[3, 4]), (None, vec![None, None]));
        assert_eq!(shown(&[3, 40]), (Some(43), vec![None, None]));
    }

    #[test]
    fn no_hidden_count_can_be_computed_from_what_is_shown() {
        let mut seed = 1_u64;
        let mut dice = |most: u64| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % most
        };
        for _ in 0..2_000 {
            let length = dice(6);
            let counts: Vec<u64> = (0..length).map(|_| dice(30)).collect();
            let (total, cells) = shown(&counts);
            assert!(
                cells.iter().flatten().all(|n| *n == 0 || *n >= K),
                "{counts:?}"
            );
            let hidden = cells.iter().filter(|n| n.is_none()).count();
            if let Some(total) = total {
                let rest = total - cells.iter().flatten().sum::<u64>();
                assert!(hidden == 0 || (hidden >= 2 && rest >= K), "{counts:?}");
                assert!(total == 0 || total >= K, "{counts:?}");
            }
        }
    }

    #[test]
    fn what_leaves_a_small_rest_of_a_figure_that_is_given_elsewhere_is_hidden() {
        let cell = |n, of| Cell {
            key: Vec::new(),
            n,
            of: Some(Whole {
                n: of,
                is_shown: true,
            }),
        };
        // 20 of 25: five were taken in.
        let table = protect(vec![cell(20, 25), cell(30, 60)], 50, Some(85), K);
        assert_eq!(table.rows[0].n, None);
        let all = protect(vec![cell(20, 20), cell(30, 60)], 50, Some(80), K);
        assert_eq!(all.rows[0].n, Some(20));
        // The total leaves too few: it is hidden, and not the sum of what is shown either.
        let table = protect(vec![cell(20, 20), cell(30, 34)], 50, Some(54), K);
        assert_eq!(
            (table.total, table.rows[0].n, table.rows[1].n),
            (None, None, None)
        );
    }
}
