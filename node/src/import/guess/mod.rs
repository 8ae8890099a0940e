//! A map proposed from a file's beginning, for a person to check.
//!
//! What is certain is filled in, what is likely is marked `CHECK`, and what nobody can know
//! from a table (what was counted, and how) is asked for. A column that is not understood
//! is ignored only in plain sight.

mod column;
mod write;

use self::column::{Sample, assign, is_value};
use self::write::write;
use super::cut::{Dialect, cut};
use super::limits::{DELIMITER_ROWS, GUESS_BYTES, GUESS_ROWS};
use super::rows::Splitter;
use super::text::decode;

/// A proposed map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The map's text. It reads as a map; whether its rows become records, a dry run tells.
    pub map: String,
    /// What a person has to look at before using it, one sentence each.
    pub checks: Vec<String>,
}

/// Why nothing can be proposed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuessError {
    /// No row in it.
    #[error("the file is empty")]
    Empty,
    /// No delimiter splits it into columns.
    #[error(
        "the file's rows do not fall into columns by comma, semicolon, tab or bar; write a map by hand (see examples/maps)"
    )]
    NoColumns,
    /// Two columns of one name.
    #[error("the file has two columns '{column}'; rename one of them")]
    Twice {
        /// The name.
        column: String,
    },
}

/// Proposes a map for the file that begins with these bytes (at most [`GUESS_BYTES`] are
/// looked at).
///
/// # Errors
/// [`GuessError`]: it is no table.
pub fn guess(bytes: &[u8]) -> Result<Guess, GuessError> {
    let cut_short = bytes.len() > GUESS_BYTES;
    let bytes = bytes.get(..GUESS_BYTES).unwrap_or(bytes);
    let encoding = encoding_of(bytes);
    let text = decode(bytes, encoding).map_err(|_| GuessError::Empty)?;
    let text = match text.rfind('\n') {
        // The last line may be half a line.
        Some(end) if cut_short => text.get(..end).unwrap_or_default(),
        _ => &text,
    };
    if text.trim().is_empty() {
        return Err(GuessError::Empty);
    }
    let (dialect, rows) = table_of(text)?;
    let Some((first, others)) = rows.split_first() else {
        return Err(GuessError::Empty);
    };
    let header = others.is_empty() || !first.iter().any(|v| is_value(v));
    let mut names = std::collections::BTreeSet::new();
    if let Some(column) = first.iter().find(|name| header && !names.insert(*name)) {
        return Err(GuessError::Twice {
            column: column.clone(),
        });
    }
    let columns: Vec<Sample> = first
        .iter()
        .enumerate()
        .map(|(at, name)| Sample {
            name: if header {
                name.clone()
            } else {
                at.saturating_add(1).to_string()
            },
            values: (if header { others } else { &rows[..] })
                .iter()
                .filter_map(|row| row.get(at))
                .filter(|value| !value.is_empty())
                .map(String::as_str)
                .collect(),
            gaps: others
                .iter()
                .any(|row| row.get(at).is_some_and(String::is_empty)),
        })
        .collect();
    Ok(write(
        &assign(&columns, dialect),
        &columns,
        dialect,
        encoding,
        header,
    ))
}

fn encoding_of(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xfe, ..] => "utf-16le",
        [0xfe, 0xff, ..] => "utf-16be",
        _ => match std::str::from_utf8(bytes) {
            // A character that was cut through at the end is none of the file's faults.
            Err(error) if error.error_len().is_some() => "windows-1252",
            _ => "utf-8",
        },
    }
}

/// The delimiter by which most rows have as many fields as the first, and the rows that do.
fn table_of(text: &str) -> Result<(Dialect, Vec<Vec<String>>), GuessError> {
    let mut best: Option<(usize, Dialect)> = None;
    for delimiter in [b',', b';', b'\t', b'|'] {
        let dialect = Dialect {
            delimiter,
            quote: Some(b'"'),
        };
        let rows = even_rows(text, dialect, DELIMITER_ROWS);
        let width = rows.first().map_or(0, Vec::len);
        let score = rows.len().saturating_mul(width);
        if width > 1 && best.is_none_or(|(other, _)| score > other) {
            best = Some((score, dialect));
        }
    }
    let (_, dialect) = best.ok_or(GuessError::NoColumns)?;
    Ok((dialect, even_rows(text, dialect, GUESS_ROWS)))
}

/// The first rows that have as many fields as the very first.
fn even_rows(text: &str, dialect: Dialect, most: usize) -> Vec<Vec<String>> {
    let mut splitter = Splitter::new(dialect);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for row in cut(text, dialect, 1).take(most) {
        if let Ok(values) = splitter.split(&row) {
            rows.push(values.iter().map(|v| v.trim().to_owned()).collect());
        }
    }
    let width = rows.first().map_or(0, Vec::len);
    rows.retain(|row| row.len() == width);
    rows
}

#[cfg(test)]
mod tests {
    use super::super::{Map, text};
    use super::*;
    use liaison_protocol::record::date::Date;

    /// Rows that become records under the guess, and rows that don't.
    fn tried(bytes: &[u8]) -> (Guess, usize, usize) {
        let guess = guess(bytes).expect("guess");
        let map = Map::parse(&guess.map).unwrap_or_else(|e| panic!("{e}\n{}", guess.map));
        let text = text::decode(bytes, map.encoding()).expect("encoding");
        let mut cuts = cut(&text, map.dialect(), 1);
        let header = cuts.clone().next().expect("header");
        if map.has_header() {
            cuts.next();
        }
        let today = Date::new(2031, 5, 20).expect("day");
        let bound = map.bind(header.text, today).expect("bind");
        let (good, bad): (Vec<_>, Vec<_>) = bound
            .rows(cuts.rest(), cuts.line())
            .expect("piece")
            .partition(Result::is_ok);
        (guess, good.len(), bad.len())
    }

    #[test]
    fn an_english_sheet_is_understood() {
        let (guess, good, bad) = tried(include_bytes!("../../../../tests/data/english-sheet.csv"));
        assert_eq!((good, bad), (4, 0), "{}", guess.map);
        for part in [
            "[columns.\"Year-Month\"]\nto = \"period\"",
            "[columns.\"Corridor\"]\nto = \"route\"",
            "[columns.\"Country\"]\nto = \"area\"",
            "to = \"dims.border\"\ncodes = { \"Land\" = \"land\", \"Sea\" = \"sea\" }",
            "[columns.\"Citizenship\"]\nto = \"dims.citizenship\"",
            "to = \"n\"\nthousands = \",\"",
            "[columns.\"Notes\"]\nto = \"ignore\"",
        ] {
            assert!(guess.map.contains(part), "{part}\n{}", guess.map);
        }
        assert!(guess.checks.iter().any(|c| c.contains("'Notes'")));
    }

    #[test]
    fn a_german_sheet_is_understood_but_for_its_words() {
        let bytes = include_bytes!("../../../../tests/data/german-registry.csv");
        let guess = guess(bytes).expect("guess");
        Map::parse(&guess.map).unwrap_or_else(|e| panic!("{e}\n{}", guess.map));
        assert!(guess.map.contains("delimiter = \";\"") && guess.map.contains("windows-1252"));
        assert!(
            guess.map.contains("needs codes of three letters"),
            "{}",
            guess.map
        );
    }

    #[test]
    fn a_table_without_header_is_known_by_its_values() {
        let (guess, good, _) = tried(b"03/2031|QN|QMM|14\n04/2031|QN|QMM|15\n");
        assert!(guess.map.contains("header = false"), "{}", guess.map);
        assert!(guess.map.contains("pattern = \"%m/%Y\""), "{}", guess.map);
        assert_eq!(good, 2);
    }

    #[test]
    fn doubt_is_said() {
        let (guess, ..) = tried(b"date,area,cases\n01/02/2031,QN,1\n03/04/2031,QN,2\n");
        assert!(
            guess
                .checks
                .iter()
                .any(|c| c.contains("also reads as %m/%d/%Y")),
            "{:?}",
            guess.checks
        );
        assert!(
            guess.checks.iter().any(|c| c.contains("set measure")),
            "{:?}",
            guess.checks
        );
        let (guess, ..) = tried(b"month;area;total\n2031-01;QN;1.234\n2031-02;QN;2.000\n");
        assert!(guess.map.contains("thousands = \".\""), "{}", guess.map);
    }

    #[test]
    fn what_is_no_table_is_refused_and_nothing_breaks_the_map() {
        assert_eq!(guess(b" \n\n"), Err(GuessError::Empty));
        assert_eq!(guess(b"a text\nof lines\n"), Err(GuessError::NoColumns));
        let (guess, ..) = tried(b"a \"b\" \\ {c},\xc2\x85d,n\n1,x,2\n");
        assert!(
            guess.map.contains("[columns.\"a \\\"b\\\" \\\\ {c}\"]"),
            "{}",
            guess.map
        );
    }

    #[test]
    fn the_frontex_file_is_understood() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../shared/data/frontex-detections.csv");
        let Ok(bytes) = std::fs::read(&path) else {
            println!("skipped: ../shared/data/frontex-detections.csv is not there");
            return;
        };
        let (guess, good, bad) = tried(&bytes);
        assert_eq!((good, bad), (34_273, 0), "{}", guess.map);
    }

    proptest::proptest! {
        /// Whatever the file is: a map that reads, or a refusal.
        #[test]
        fn any_file_gives_a_map_or_a_refusal(bytes in proptest::collection::vec(
            proptest::sample::select(b"a1,;\t|\"\n\r .-{}\\\xc3\xbc\xff2031QN".to_vec()), 0..200)
        ) {
            if let Ok(guess) = guess(&bytes) {
                let map = Map::parse(&guess.map);
                proptest::prop_assert!(map.is_ok(), "{:?}\n{}", map.err(), guess.map);
            }
        }
    }
}
