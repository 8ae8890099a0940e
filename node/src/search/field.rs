//! The fields that a query may name.

use std::fmt;

use liaison_protocol::record::codes::{
    AgeBand, AggregateGender, BorderType, CrimeClass, Dimension, Exploitation, IsicSection, Kind,
    Measure, ProtectionStatus, Purpose, Sector, ServiceType, Technique, Tlp, Transport,
};

/// A field of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// What the record is.
    Kind,
    /// Whose word it is, by alias or id.
    Author,
    /// A country that it speaks of: of its places, its issuer, its agency.
    Country,
    /// A place that it speaks of; a country stands for all its places.
    Area,
    /// Name of a route.
    Route,
    /// What a trend covers; matches what overlaps.
    Period,
    /// What was counted.
    Measure,
    /// A dimension of a trend's cells.
    Dim(Dimension),
    /// ICCS code, with all codes below it.
    Crime,
    /// Class of crime.
    Class,
    /// Traffic light.
    Tlp,
    /// When its author signed it.
    Created,
    /// When this node got it.
    Received,
    /// Thread, by the id of its first record.
    Thread,
    /// Name of an exercise.
    Exercise,
    /// Language of its texts; `sr` stands for `sr-Latn` as well.
    Lang,
    /// Why it may be processed.
    Purpose,
    /// Type of a service.
    Service,
    /// Technique of a modus operandi.
    Technique,
    /// Means of transport.
    Transport,
    /// Sector of an agency, or an ISIC section.
    Sector,
    /// The record's id, or its beginning.
    Id,
    /// The count of a trend's cell.
    N,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Texts, compared whole or by their beginning.
    Text,
    /// Days, as a span that overlaps.
    Days,
    /// Milliseconds.
    Time,
    /// A count.
    Number,
}

/// The fields but for the dimensions, as they are typed.
const PLAIN: &[(Field, &str)] = &[
    (Field::Kind, "kind"),
    (Field::Author, "author"),
    (Field::Country, "country"),
    (Field::Area, "area"),
    (Field::Route, "route"),
    (Field::Period, "period"),
    (Field::Measure, "measure"),
    (Field::Crime, "crime"),
    (Field::Class, "class"),
    (Field::Tlp, "tlp"),
    (Field::Created, "created"),
    (Field::Received, "received"),
    (Field::Thread, "thread"),
    (Field::Exercise, "exercise"),
    (Field::Lang, "lang"),
    (Field::Purpose, "purpose"),
    (Field::Service, "service"),
    (Field::Technique, "technique"),
    (Field::Transport, "transport"),
    (Field::Sector, "sector"),
    (Field::Id, "id"),
    (Field::N, "n"),
];

impl Field {
    /// All fields.
    pub fn all() -> impl Iterator<Item = Field> {
        let plain = PLAIN.iter().map(|(field, _)| *field);
        plain.chain(Dimension::ALL.iter().map(|d| Field::Dim(*d)))
    }

    /// Reads a field's name, in small or capital letters.
    ///
    /// # Errors
    /// [`UnknownField`], with the nearest name and the list.
    pub fn parse(name: &str) -> Result<Field, UnknownField> {
        let name = name.to_lowercase();
        Field::all()
            .find(|field| field.to_string() == name)
            .ok_or_else(|| UnknownField::new(&name))
    }

    /// Whether an answer can be grouped by it.
    pub fn is_groupable(self) -> bool {
        self != Field::Id && matches!(self.shape(), Shape::Text | Shape::Days)
    }

    pub(crate) fn shape(self) -> Shape {
        match self {
            Field::Period => Shape::Days,
            Field::Created | Field::Received => Shape::Time,
            Field::N => Shape::Number,
            _ => Shape::Text,
        }
    }

    /// The closed list of its values, with what it holds; absent on open fields.
    pub(crate) fn codes(self) -> Option<(&'static str, Vec<&'static str>)> {
        macro_rules! of {
            ($list:ident) => {
                Some(($list::WHAT, $list::TEXTS.to_vec()))
            };
        }
        match self {
            Field::Kind => of!(Kind),
            Field::Measure => of!(Measure),
            Field::Class => of!(CrimeClass),
            Field::Tlp => of!(Tlp),
            Field::Purpose => of!(Purpose),
            Field::Service => of!(ServiceType),
            Field::Technique => of!(Technique),
            Field::Transport | Field::Dim(Dimension::Transport) => of!(Transport),
            Field::Sector => {
                let mut texts = Sector::TEXTS.to_vec();
                texts.extend(IsicSection::TEXTS);
                Some(("a sector or an ISIC section", texts))
            }
            Field::Dim(Dimension::Age) => of!(AgeBand),
            Field::Dim(Dimension::Gender) => of!(AggregateGender),
            Field::Dim(Dimension::Border) => of!(BorderType),
            Field::Dim(Dimension::Sector) => of!(IsicSection),
            Field::Dim(Dimension::Status) => of!(ProtectionStatus),
            Field::Dim(Dimension::Exploitation) => of!(Exploitation),
            _ => None,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Dim(dimension) => write!(f, "dim.{dimension}"),
            plain => f.pad(
                PLAIN
                    .iter()
                    .find(|(field, _)| field == plain)
                    .map_or("", |(_, name)| name),
            ),
        }
    }
}

/// A name that no field has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField {
    /// What was given, at most 64 characters.
    pub given: String,
    /// The name that it resembles most, if any does.
    pub nearest: Option<String>,
}

impl UnknownField {
    fn new(name: &str) -> Self {
        let given: String = name.chars().take(64).collect();
        let nearest = Field::all()
            .map(|field| {
                let full = field.to_string();
                let short = full.strip_prefix("dim.").unwrap_or(&full);
                let far = distance(&given, &full).min(distance(&given, short));
                (far, full)
            })
            .min()
            .filter(|(far, _)| *far <= 1 + given.chars().count() / 3)
            .map(|(_, full)| full);
        Self { given, nearest }
    }
}

impl fmt::Display for UnknownField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no field '{}'", self.given)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean '{nearest}'?")?,
            None => f.write_str(".")?,
        }
        f.write_str(" Fields: ")?;
        for field in Field::all().filter(|f| !matches!(f, Field::Dim(_))) {
            write!(f, "{field}, ")?;
        }
        write!(
            f,
            "dim.NAME ({}). To search for a text with a colon in it, put it in quotes.",
            Dimension::TEXTS.join(", ")
        )
    }
}

impl std::error::Error for UnknownField {}

/// Levenshtein's distance of two short texts.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, (to, pair)) in b.iter().zip(row.windows(2)).enumerate() {
            if let [diagonal, above] = pair {
                let left = next.get(j).copied().unwrap_or(0);
                let change = diagonal + usize::from(from != *to);
                next.push(change.min(above + 1).min(left + 1));
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for field in Field::all() {
            assert_eq!(Field::parse(&field.to_string()), Ok(field));
        }
        assert_eq!(Field::parse("KIND"), Ok(Field::Kind));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_and_the_list() {
        for (given, nearest) in [
            ("rout", Some("route")),
            ("nationality", Some("dim.nationality")),
            ("dim.nationalty", Some("dim.nationality")),
            ("autor", Some("author")),
            ("zzzzzzzz", None),
        ] {
            let error = Field::parse(given).expect_err("unknown");
            assert_eq!(error.nearest.as_deref(), nearest, "{given}");
            let text = error.to_string();
            assert!(text.contains("kind, author, country") && text.contains("dim.NAME (age"));
        }
    }
}
