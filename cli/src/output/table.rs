//! Tables without lines, fitted to the terminal.

use comfy_table::presets::NOTHING;
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table,
};

use super::{Style, clean, comma};

/// What a colour means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// Went well, gets it.
    Good,
    /// To be looked at.
    Warn,
    /// Failed, refused.
    Bad,
    /// Less important.
    Dim,
    /// A heading.
    Strong,
}

impl Tone {
    pub(super) fn ansi(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Warn => Some("33"),
            Self::Bad => Some("31"),
            Self::Dim => Some("2"),
            Self::Strong => Some("1"),
        }
    }
}

/// A cell with foreign text.
pub fn cell(text: impl AsRef<str>, tone: Tone) -> Cell {
    let cell = Cell::new_owned(clean(text.as_ref()));
    match tone {
        Tone::Plain => cell,
        Tone::Good => cell.fg(Color::DarkGreen),
        Tone::Warn => cell.fg(Color::DarkYellow),
        Tone::Bad => cell.fg(Color::DarkRed),
        Tone::Dim => cell.add_attribute(Attribute::Dim),
        Tone::Strong => cell.add_attribute(Attribute::Bold),
    }
}

/// A number, set to the right.
pub fn number(n: u64) -> Cell {
    Cell::new_owned(comma(n)).set_alignment(CellAlignment::Right)
}

/// The first eight characters of an id in two groups, as a person types it.
pub fn short_id(full: &str) -> String {
    let plain: String = clean(full).chars().filter(|c| *c != '-').take(8).collect();
    match plain.char_indices().nth(4) {
        Some((at, _)) => format!("{}-{}", &plain[..at], &plain[at..]),
        None => plain,
    }
}

/// A table as text. `fixed` columns are never wrapped.
pub fn grid(style: &Style, heads: &[&str], fixed: &[usize], rows: Vec<Vec<Cell>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    match style.width {
        Some(width) => {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width.max(20));
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    if style.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(
        heads
            .iter()
            .map(|head| Cell::new(head).add_attribute(Attribute::Bold))
            .collect::<Vec<_>>(),
    );
    table.add_rows(rows);
    if style.width.is_some() {
        for column in fixed {
            if let Some(column) = table.column_mut(*column) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::short_id;

    #[test]
    fn ids_are_shortened_whatever_they_hold() {
        assert_eq!(short_id("3F7K9Q2MABCD"), "3F7K-9Q2M");
        assert_eq!(short_id("3F7K-9Q2M"), "3F7K-9Q2M");
        assert_eq!(short_id("ab"), "ab");
        assert_eq!(short_id("éééééé"), "éééé-éé");
    }
}
