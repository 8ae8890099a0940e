//! A text into rows and into pieces of rows, by its quotes and line ends.
//!
//! The csv crate reads on to the end of the file when a quote is never closed. Here such a
//! line is one bad row, and reading goes on with the next line. Whoever sends a file and
//! whoever maps it cut it with the same function, so that both count the same rows.

use super::limits::ROW_BYTES;

/// How fields and rows are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Between two fields; ASCII.
    pub delimiter: u8,
    /// Around a field that holds delimiters or line ends; ASCII. Doubled inside of one.
    pub quote: Option<u8>,
}

/// One row as it stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut<'a> {
    /// Line in which it begins.
    pub line: u64,
    /// The row without its line end.
    pub text: &'a str,
    /// Whether a quote in it is never closed; then it is one line.
    pub open_quote: bool,
    /// Line of the first byte of `whole`.
    whole_line: u64,
    /// The row with its line end, and with the empty lines before it.
    whole: &'a str,
}

/// Cuts a text into rows. Empty lines are no rows. `first_line` is the line, from 1, in which
/// the text begins.
pub fn cut(text: &str, dialect: Dialect, first_line: u64) -> Cuts<'_> {
    Cuts {
        rest: text,
        dialect,
        line: first_line,
    }
}

/// A run of whole rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The rows as they stand in the text.
    pub text: &'a str,
    /// Line of its first byte.
    pub first_line: u64,
    /// Rows in all pieces before it.
    pub rows_before: u64,
    /// Rows in it.
    pub rows: u64,
}

/// Gathers the rows of a text into pieces of at most `max_rows` rows, and of at most
/// `max_bytes` bytes unless a single row has more.
pub fn pieces(
    text: &str,
    dialect: Dialect,
    first_line: u64,
    max_rows: u64,
    max_bytes: usize,
) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    let mut rows_before = 0_u64;
    let mut cuts = cut(text, dialect, first_line).peekable();
    std::iter::from_fn(move || {
        let first_line = cuts.peek()?.whole_line;
        let (mut bytes, mut rows) = (0_usize, 0_u64);
        while let Some(row) = cuts.next_if(|row| {
            rows == 0 || (rows < max_rows && bytes.saturating_add(row.whole.len()) <= max_bytes)
        }) {
            bytes = bytes.saturating_add(row.whole.len());
            rows = rows.saturating_add(1);
        }
        let (text, after) = rest.split_at_checked(bytes)?;
        rest = after;
        let piece = Piece {
            text,
            first_line,
            rows_before,
            rows,
        };
        rows_before = rows_before.saturating_add(rows);
        Some(piece)
    })
}

/// Rows of a text, see [`cut`].
#[derive(Clone, Debug)]
pub struct Cuts<'a> {
    rest: &'a str,
    dialect: Dialect,
    line: u64,
}

impl<'a> Cuts<'a> {
    /// What has not been cut yet.
    pub fn rest(&self) -> &'a str {
        self.rest
    }

    /// The line in which it begins.
    pub fn line(&self) -> u64 {
        self.line
    }
}

impl<'a> Iterator for Cuts<'a> {
    type Item = Cut<'a>;

    fn next(&mut self) -> Option<Cut<'a>> {
        let start = self.rest;
        let whole_line = self.line;
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let line = self.line;
            let end = find_end(self.rest.as_bytes(), self.dialect);
            let text = self.rest.get(..end.text)?;
            self.rest = self.rest.get(end.next..)?;
            self.line = line.saturating_add(end.lines);
            if text.trim().is_empty() {
                continue;
            }
            let whole = start.get(..start.len().checked_sub(self.rest.len())?)?;
            return Some(Cut {
                line,
                text,
                open_quote: end.open_quote,
                whole_line,
                whole,
            });
        }
    }
}

struct End {
    /// Bytes of the row.
    text: usize,
    /// Where the next row begins.
    next: usize,
    /// Line ends passed.
    lines: u64,
    open_quote: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    FieldStart,
    Plain,
    Quoted,
    QuoteInQuoted,
}

/// Finds the end of the first row. Quotes mean what they mean to `csv_core`: one opens at the
/// beginning of a field only.
fn find_end(bytes: &[u8], dialect: Dialect) -> End {
    let mut at = At::FieldStart;
    let mut lines = 0_u64;
    let mut first_end: Option<(usize, usize)> = None;
    let mut index = 0_usize;
    while let Some(&byte) = bytes.get(index) {
        if byte == b'\n' || byte == b'\r' {
            let crlf = byte == b'\r' && bytes.get(index.saturating_add(1)) == Some(&b'\n');
            let next = index.saturating_add(if crlf { 2 } else { 1 });
            lines = lines.saturating_add(1);
            if at != At::Quoted {
                return End {
                    text: index,
                    next,
                    lines,
                    open_quote: false,
                };
            }
            first_end = first_end.or(Some((index, next)));
            index = next;
            continue;
        }
        if at == At::Quoted && index > ROW_BYTES {
            break;
        }
        at = match at {
            At::FieldStart | At::Plain if byte == dialect.delimiter => At::FieldStart,
            At::FieldStart if Some(byte) == dialect.quote => At::Quoted,
            At::FieldStart | At::Plain => At::Plain,
            At::Quoted if Some(byte) == dialect.quote => At::QuoteInQuoted,
            At::Quoted => At::Quoted,
            At::QuoteInQuoted if Some(byte) == dialect.quote => At::Quoted,
            At::QuoteInQuoted if byte == dialect.delimiter => At::FieldStart,
            // Text behind a closing quote is tolerated in a line; further down, that quote
            // opens a field, and the one that seemed to open this one is the mistake.
            At::QuoteInQuoted if first_end.is_some() => {
                at = At::Quoted;
                break;
            }
            At::QuoteInQuoted => At::Plain,
        };
        index = index.saturating_add(1);
    }
    if at != At::Quoted {
        return End {
            text: bytes.len(),
            next: bytes.len(),
            lines,
            open_quote: false,
        };
    }
    // The quote is never closed: the mistake is the first line's, the others are rows.
    let (text, next) = first_end.unwrap_or_else(|| line_end(bytes));
    End {
        text,
        next,
        lines: 1,
        open_quote: true,
    }
}

/// The first line's end and the next line's beginning.
fn line_end(bytes: &[u8]) -> (usize, usize) {
    match bytes.iter().position(|b| *b == b'\n' || *b == b'\r') {
        Some(end) => {
            let after = end.saturating_add(1);
            let crlf = bytes.get(end) == Some(&b'\r') && bytes.get(after) == Some(&b'\n');
            (end, if crlf { after.saturating_add(1) } else { after })
        }
        None => (bytes.len(), bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMA: Dialect = Dialect {
        delimiter: b',',
        quote: Some(b'"'),
    };

    fn rows(text: &str) -> Vec<(u64, &str, bool)> {
        cut(text, COMMA, 1)
            .map(|c| (c.line, c.text, c.open_quote))
            .collect()
    }

    #[test]
    fn rows_end_at_line_ends_outside_of_quotes() {
        assert_eq!(
            rows("a,b\r\n\r\n\"x\ny\",2\nc\rd"),
            [
                (1, "a,b", false),
                (3, "\"x\ny\",2", false),
                (5, "c", false),
                (6, "d", false)
            ]
        );
        assert_eq!(rows("\n \n"), []);
        assert_eq!(
            rows("5\" pipe,2\n3"),
            [(1, "5\" pipe,2", false), (2, "3", false)]
        );
        assert_eq!(
            rows("\"a\"\"\nb\"\nc"),
            [(1, "\"a\"\"\nb\"", false), (3, "c", false)]
        );
    }

    #[test]
    fn an_open_quote_costs_its_own_line_only() {
        assert_eq!(
            rows("1,a\n2,\"b\n3,c\n4,d\n"),
            [
                (1, "1,a", false),
                (2, "2,\"b", true),
                (3, "3,c", false),
                (4, "4,d", false)
            ]
        );
        assert_eq!(
            rows("1,\"a\n2,b\n3,\"c\nd\"\n4,e"),
            [
                (1, "1,\"a", true),
                (2, "2,b", false),
                (3, "3,\"c\nd\"", false),
                (5, "4,e", false)
            ]
        );
        let long = format!("1,\"{}\n2,b", "x".repeat(2 * ROW_BYTES));
        assert_eq!(rows(&long).len(), 2);
    }

    #[test]
    fn pieces_hold_every_row_once_and_count_like_the_whole() {
        let text = "\n1,a\n\"2\n\",b\n\n3,\"c\n4,d\r\n5,e\n6,f";
        let whole = rows(text);
        for max_rows in 1..8 {
            let mut got = Vec::new();
            let mut at = 0;
            for piece in pieces(text, COMMA, 1, max_rows, 1_000) {
                assert!(piece.rows <= max_rows);
                assert_eq!(piece.rows_before, at);
                at += piece.rows;
                got.extend(
                    cut(piece.text, COMMA, piece.first_line)
                        .map(|c| (c.line, c.text, c.open_quote)),
                );
            }
            assert_eq!(got, whole, "{max_rows} rows a piece");
        }
        assert!(pieces(text, COMMA, 1, 100, 1).all(|p| p.rows == 1));
    }

    proptest::proptest! {
        /// Pieces of any text hold its rows, with the same lines.
        #[test]
        fn any_text_is_cut_alike_whole_and_in_pieces(
            text in "[a,\"\n\r ]{0,120}", max_rows in 1_u64..5, max_bytes in 1_usize..40
        ) {
            let whole = rows(&text);
            let mut parts = Vec::new();
            for piece in pieces(&text, COMMA, 1, max_rows, max_bytes) {
                parts.extend(cut(piece.text, COMMA, piece.first_line).map(|c| (c.line, c.text, c.open_quote)));
            }
            proptest::prop_assert_eq!(parts, whole);
        }
    }
}
