//! A map proposed from a file's beginning, for a person to check.
//!
//! What is certain is filled in, what is likely is marked `CHECK`, and what nobody can know
//! from a table (what was counted, and how) is asked for. A column that is not understood
//! is ignored only in plain sight.

use std::collections::BTreeSet;

use liaison_protocol::record::codes::{Area, Country3, Dimension, Measure};
use liaison_protocol::record::kinds::trend::DimValue;

use super::cut::{Dialect, cut};
use super::limits::{DELIMITER_ROWS, GUESS_BYTES, GUESS_ROWS};
use super::number::NumberForm;
use super::rows::Splitter;
use super::text::decode;
use super::when::DateForm;

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

/// What a column holds in the rows that were looked at.
struct Sample<'a> {
    name: String,
    /// Distinct values without empty ones.
    values: BTreeSet<&'a str>,
    /// Whether some are empty.
    gaps: bool,
}

impl Sample<'_> {
    /// Whether its name has one of these parts.
    fn named(&self, parts: &[&str]) -> bool {
        let name = self.name.to_lowercase();
        parts.iter().any(|part| name.contains(part))
    }

    fn all(&self, fits: impl Fn(&str) -> bool) -> bool {
        !self.values.is_empty() && self.values.iter().all(|value| fits(value))
    }

    fn examples(&self) -> String {
        let some: Vec<String> = self
            .values
            .iter()
            .take(4)
            .map(|value| value.chars().take(30).filter(|c| !c.is_control()).collect())
            .collect();
        some.join(", ")
    }
}

/// What a column is taken for.
#[derive(Default)]
struct Proposal {
    to: String,
    /// Further lines of its table.
    lines: Vec<String>,
    /// What a person has to look at.
    check: Option<String>,
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

/// Whether a text is a number or a date, so that it is no column's name.
fn is_value(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    digits > 0
        && (date_of(&BTreeSet::from([text])).is_some()
            || number_of(&BTreeSet::from([text])).is_some())
}

const PATTERNS: &[&str] = &[
    "%d.%m.%Y", "%Y/%m/%d", "%Y/%m", "%m.%Y", "%m/%Y", "%d/%m/%Y", "%m/%d/%Y", "%b %Y", "%B %Y",
    "%b-%y", "%Y%m",
];

/// The pattern that all values have (none: ISO 8601), and others that they have as well.
fn date_of(values: &BTreeSet<&str>) -> Option<(Option<&'static str>, Vec<&'static str>)> {
    if values.is_empty() {
        return None;
    }
    let reads = |pattern: Option<&str>| {
        DateForm::new(pattern, None)
            .is_ok_and(|form| values.iter().all(|value| form.period(value).is_ok()))
    };
    if reads(None) {
        return Some((None, Vec::new()));
    }
    let mut found = PATTERNS.iter().copied().filter(|p| {
        // Six digits are a month only if no year is odd.
        let plausible = *p != "%Y%m"
            || values
                .iter()
                .all(|v| v.len() == 6 && (v.starts_with("19") || v.starts_with("20")));
        plausible && reads(Some(p))
    });
    let first = found.next()?;
    Some((Some(first), found.collect()))
}

/// The form that all values have, and whether another reading gives other numbers.
fn number_of(values: &BTreeSet<&str>) -> Option<(NumberForm, bool)> {
    let mut found: Option<(NumberForm, Vec<u64>)> = None;
    let mut doubtful = false;
    for (decimal_comma, thousands) in [
        (false, None),
        (false, Some(',')),
        (true, Some('.')),
        (false, Some(' ')),
        (true, Some(' ')),
        (false, Some('\'')),
        (true, None),
    ] {
        let form = NumberForm {
            decimal_comma,
            thousands,
            multiply: 1,
        };
        let Ok(numbers) = values
            .iter()
            .map(|v| form.read(v))
            .collect::<Result<Vec<_>, _>>()
        else {
            continue;
        };
        match &found {
            None => found = Some((form, numbers)),
            Some((_, first)) => doubtful |= *first != numbers,
        }
    }
    found
        .filter(|_| !values.is_empty())
        .map(|(form, _)| (form, doubtful))
}

fn assign(columns: &[Sample<'_>], dialect: Dialect) -> Vec<Proposal> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut proposals: Vec<Proposal> = Vec::with_capacity(columns.len());
    let count = count_column(columns);
    for (at, column) in columns.iter().enumerate() {
        let proposal = if count == Some(at) {
            count_proposal(column)
        } else {
            one(column, dialect)
        };
        let proposal = match proposal {
            Some(found) if taken.insert(found.to.clone()) => found,
            Some(found) => Proposal {
                to: "ignore".into(),
                lines: Vec::new(),
                check: Some(format!(
                    "column '{}' looks like {} as well; only one column can fill it",
                    column.name, found.to
                )),
            },
            None => Proposal {
                to: "ignore".into(),
                lines: Vec::new(),
                check: Some(format!(
                    "column '{}' ({}) was not understood and is left out",
                    column.name,
                    column.examples()
                )),
            },
        };
        proposals.push(proposal);
    }
    proposals
}

const COUNT_NAMES: &[&str] = &[
    "detection",
    "count",
    "total",
    "number",
    "value",
    "anzahl",
    "persons",
    "people",
    "arrivals",
    "broj",
    "nombre",
    "cases",
    "victims",
    "referrals",
    "observ",
];

/// The column with the counts: numbers, and best a name that says so; else the last such.
fn count_column(columns: &[Sample<'_>]) -> Option<usize> {
    let numeric = |column: &Sample<'_>| {
        number_of(&column.values).is_some()
            && !column.named(&["year", "jahr", "month", "monat", "id"])
    };
    let named = columns
        .iter()
        .position(|c| numeric(c) && (c.named(COUNT_NAMES) || c.name.eq_ignore_ascii_case("n")));
    named.or_else(|| columns.iter().rposition(numeric))
}

fn count_proposal(column: &Sample<'_>) -> Option<Proposal> {
    let (form, doubtful) = number_of(&column.values)?;
    let mut lines = Vec::new();
    if form.decimal_comma {
        lines.push("decimal_comma = true".to_owned());
    }
    if let Some(mark) = form.thousands {
        lines.push(format!("thousands = \"{mark}\""));
    }
    Some(Proposal {
        to: "n".into(),
        lines,
        check: doubtful.then(|| {
            format!(
                "column '{}' ({}): is the mark in its numbers one of thousands or a decimal one?",
                column.name,
                column.examples()
            )
        }),
    })
}

/// What a column is, by its values and its name.
fn one(column: &Sample<'_>, dialect: Dialect) -> Option<Proposal> {
    if let Some((pattern, others)) = date_of(&column.values) {
        let to = if column.named(&["from", "start", "von"]) {
            "period.from"
        } else if column.named(&["until", "end", "bis"]) || column.name.eq_ignore_ascii_case("to") {
            "period.to"
        } else {
            "period"
        };
        let mut lines: Vec<String> = pattern
            .map(|p| format!("pattern = \"{p}\""))
            .into_iter()
            .collect();
        let by_day = match pattern {
            Some(pattern) => pattern.contains("%d"),
            None => column.values.iter().any(|v| v.len() > "2031-03".len()),
        };
        if by_day {
            lines.push("precision = \"month\"".into());
        }
        let check = match (others.first(), by_day) {
            (Some(other), _) => Some(format!(
                "column '{}' ({}) also reads as {other}: which is it?",
                column.name,
                column.examples()
            )),
            (None, true) => Some(format!(
                "column '{}' has days; they are kept as their month, since a trend is no account of single events",
                column.name
            )),
            (None, false) => None,
        };
        return Some(Proposal {
            to: to.into(),
            lines,
            check,
        });
    }
    if let Some(found) = closed_list(column) {
        return Some(found);
    }
    let people = column.named(&["national", "citizen", "staatsang", "drzavljan", "origin"]);
    let dimension = if column.named(&["citizen"]) {
        "dims.citizenship"
    } else {
        "dims.nationality"
    };
    let three = |v: &str| v.len() == 3 && v.bytes().all(|b| b.is_ascii_uppercase());
    let listed = column
        .values
        .iter()
        .filter(|v| v.parse::<Country3>().is_ok())
        .count();
    if column.all(three) && (people || listed.saturating_mul(2) > column.values.len()) {
        let groups: Vec<&str> = column
            .values
            .iter()
            .copied()
            .filter(|v| v.parse::<Country3>().is_err())
            .collect();
        return Some(Proposal {
            to: dimension.into(),
            lines: Vec::new(),
            check: (!groups.is_empty()).then(|| {
                format!(
                    "column '{}' has codes that ISO 3166-1 does not list ({}); they are kept as group codes",
                    column.name,
                    groups.join(", ")
                )
            }),
        });
    }
    if people {
        return Some(Proposal {
            to: dimension.into(),
            lines: vec!["codes = { }".into()],
            check: Some(format!(
                "column '{}' ({}) needs codes of three letters: translate each value in codes, like {{ \"Meridonia\" = \"QMM\" }}",
                column.name,
                column.examples()
            )),
        });
    }
    if column.named(&["route", "corridor", "itinerar"]) {
        return Some(Proposal {
            to: "route".into(),
            ..Proposal::default()
        });
    }
    let split = [';', ',', '/']
        .into_iter()
        .filter(|mark| u32::from(*mark) != u32::from(dialect.delimiter))
        .find(|mark| column.values.iter().any(|v| v.contains(*mark)));
    let is_area = |v: &str| match split {
        Some(mark) => v
            .split(mark)
            .all(|part| part.trim().parse::<Area>().is_ok()),
        None => v.parse::<Area>().is_ok(),
    };
    if column.all(is_area) {
        return Some(Proposal {
            to: "area".into(),
            lines: split
                .map(|mark| format!("split = \"{mark}\""))
                .into_iter()
                .collect(),
            check: None,
        });
    }
    None
}

const SYNONYMS: &[(&str, &str)] = &[
    ("f", "female"),
    ("w", "female"),
    ("women", "female"),
    ("weiblich", "female"),
    ("m", "male"),
    ("men", "male"),
    ("männlich", "male"),
    ("lkw", "truck"),
    ("lorry", "truck"),
    ("on foot", "foot"),
    ("zu fuß", "foot"),
    ("see", "sea"),
    ("seegrenze", "sea"),
    ("landgrenze", "land"),
    ("luft", "air"),
    ("sea border", "sea"),
    ("land border", "land"),
    ("air border", "air"),
    ("n/a", "unknown"),
];

/// A column whose values all stand on one closed list, as they are or nearly so.
fn closed_list(column: &Sample<'_>) -> Option<Proposal> {
    let near = |value: &str, reads: &dyn Fn(&str) -> bool| {
        let lower = value.to_lowercase();
        let dashed = lower.replace([' ', '_'], "-");
        let synonym = SYNONYMS.iter().find(|(from, _)| *from == lower);
        std::iter::once(value)
            .chain([lower.as_str(), dashed.as_str()])
            .chain(synonym.map(|(_, to)| *to))
            .find(|text| reads(text))
            .map(str::to_owned)
    };
    let codes = |reads: &dyn Fn(&str) -> bool| {
        let all: Option<Vec<(&str, String)>> = column
            .values
            .iter()
            .map(|value| near(value, reads).map(|code| (*value, code)))
            .collect();
        all.filter(|all| !all.is_empty())
    };
    let proposal = |to: String, all: Vec<(&str, String)>| {
        let changed: Vec<String> = all
            .iter()
            .filter(|(value, code)| value != code)
            .map(|(value, code)| format!("{} = {}", quoted(value), quoted(code)))
            .collect();
        Proposal {
            to,
            lines: (!changed.is_empty())
                .then(|| format!("codes = {{ {} }}", changed.join(", ")))
                .into_iter()
                .collect(),
            check: None,
        }
    };
    for dimension in [
        Dimension::Border,
        Dimension::Transport,
        Dimension::Gender,
        Dimension::Age,
        Dimension::Status,
        Dimension::Exploitation,
    ] {
        let reads = |text: &str| DimValue::parse(dimension, text).is_ok();
        // One "unknown" alone is on every list.
        let telling = column
            .values
            .iter()
            .any(|v| !v.eq_ignore_ascii_case("unknown"));
        if let Some(all) = codes(&reads).filter(|_| telling) {
            return Some(proposal(format!("dims.{dimension}"), all));
        }
    }
    let measure = codes(&|text| text.parse::<Measure>().is_ok())?;
    Some(proposal("measure".into(), measure))
}

fn write(
    proposals: &[Proposal],
    columns: &[Sample<'_>],
    dialect: Dialect,
    encoding: &str,
    header: bool,
) -> Guess {
    let named = |to: &str| {
        let at = proposals.iter().position(|p| p.to == to)?;
        columns.get(at).map(|c| c.name.as_str())
    };
    let mut checks: Vec<String> = Vec::new();
    let mut out = String::from(
        "# Proposed from the file's first rows. Look at every line marked CHECK, then try it:\n#     liaison import csv FILE --map THIS --dry-run\n\n[file]\n",
    );
    let delimiter = match dialect.delimiter {
        b'\t' => "tab".to_owned(),
        other => char::from(other).to_string(),
    };
    out += &format!("delimiter = {}\n", quoted(&delimiter));
    out += &format!("encoding = \"{encoding}\"");
    if encoding == "windows-1252" {
        out += "  # CHECK: windows-1250 for Central European languages";
        checks.push("the file is not UTF-8; windows-1252 is a guess".into());
    }
    out += "\n";
    if !header {
        out += "header = false\n";
    }
    let (measure, certain) = measure_of(named("n").unwrap_or_default());
    out += "\n[record]\nkind = \"trend\"\nlang = \"en\"\n";
    let mut title = String::from(measure.label());
    for to in ["route", "area", "period", "period.from"] {
        if let Some(name) = named(to) {
            title += &format!(", {{{name}}}");
        }
    }
    out += &format!("title = {}\n", quoted(&title));
    out += "tlp = \"green\"  # CHECK: who may see it\npurpose = \"statistics\"\n";
    if named("measure").is_none() {
        out += &format!(
            "measure = \"{measure}\"  # CHECK: {}\n",
            Measure::TEXTS.join(", ")
        );
        checks.push(if certain {
            format!("the measure is taken to be '{measure}', by a column's name")
        } else {
            "what was counted cannot be told from the file: set measure".into()
        });
    }
    out += "method = \"administrative\"  # CHECK: registry, survey, administrative, estimate\n";
    checks.push("how it was counted cannot be told from the file: set method".into());
    if named("period").is_none() && named("period.from").is_none() {
        out += "# CHECK: no column has dates; say what the file covers\n# period = \"2031-03\"\n";
        checks.push("no column has dates: set period".into());
    }
    if named("route").is_none() && named("area").is_none() {
        out += "# CHECK: no column has a route or a place; a trend needs one of them\n# area = [\"QN\"]\n";
        checks.push("no column has a route or a place: set route or area".into());
    }
    if named("n").is_none() {
        checks.push("no column has counts: say which one fills n".into());
    }
    for (column, proposal) in columns.iter().zip(proposals) {
        out += "\n";
        if let Some(check) = &proposal.check {
            out += &format!("# CHECK: {check}\n");
            checks.push(check.clone());
        }
        out += &format!(
            "[columns.{}]\nto = \"{}\"\n",
            quoted(&column.name),
            proposal.to
        );
        for line in &proposal.lines {
            out += line;
            out += "\n";
        }
        if column.gaps && proposal.to != "ignore" {
            let check = format!(
                "column '{}' is empty in some rows; required = false takes these rows without it",
                column.name
            );
            out += &format!("# CHECK: {check}\n");
            checks.push(check);
        }
    }
    Guess { map: out, checks }
}

/// What a column's name says was counted, and whether it says so.
fn measure_of(name: &str) -> (Measure, bool) {
    let name = name.to_lowercase();
    for (part, measure) in [
        ("detection", Measure::Detections),
        ("arrival", Measure::Arrivals),
        ("identified", Measure::IdentifiedVictims),
        ("victim", Measure::PresumedVictims),
        ("referral", Measure::Referrals),
        ("observ", Measure::TransitObservations),
        ("presen", Measure::Presence),
        ("fee", Measure::Fee),
    ] {
        if name.contains(part) {
            return (measure, true);
        }
    }
    (Measure::Other, false)
}

/// A text as TOML writes it on one line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out += &format!("\\u{:04X}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
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
        let (guess, good, bad) = tried(include_bytes!("../../../tests/data/english-sheet.csv"));
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
        let bytes = include_bytes!("../../../tests/data/german-registry.csv");
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
}
