//! What a column is, by its name and its values.

use std::collections::BTreeSet;

use liaison_protocol::record::codes::{Area, Country3, Dimension, Measure};
use liaison_protocol::record::kinds::trend::DimValue;

use super::super::cut::Dialect;
use super::super::number::NumberForm;
use super::super::when::DateForm;
use super::write::quoted;

/// What a column holds in the rows that were looked at.
pub(super) struct Sample<'a> {
    pub name: String,
    /// Distinct values without empty ones.
    pub values: BTreeSet<&'a str>,
    /// Whether some are empty.
    pub gaps: bool,
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
pub(super) struct Proposal {
    pub to: String,
    /// Further lines of its table.
    pub lines: Vec<String>,
    /// What a person has to look at.
    pub check: Option<String>,
}

/// What each column is taken for; a field is filled once.
pub(super) fn assign(columns: &[Sample<'_>], dialect: Dialect) -> Vec<Proposal> {
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
    let is_used = |form: &NumberForm| {
        form.thousands
            .is_some_and(|mark| values.iter().any(|value| value.contains(mark)))
    };
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
            // A form whose mark stands there says more than one whose mark does not.
            Some((first_form, first)) if *first != numbers => {
                doubtful = true;
                if is_used(&form) && !is_used(first_form) {
                    found = Some((form, numbers));
                }
            }
            Some(_) => {}
        }
    }
    found
        .filter(|_| !values.is_empty())
        .map(|(form, _)| (form, doubtful))
}

/// Whether a text is a number or a date, so that it is no column's name.
pub(super) fn is_value(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    digits > 0
        && (date_of(&BTreeSet::from([text])).is_some()
            || number_of(&BTreeSet::from([text])).is_some())
}
