//! Counts and their direction over a period.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::record::codes::{
    AgeBand, AggregateGender, Area, BorderType, Confidence, Dimension, Direction, Driver,
    Exploitation, FactorLevel, FactorType, IsicSection, Likelihood, Measure, Method, Nationality,
    ProtectionStatus, Slug, Transport,
};
use crate::record::date::Period;

/// Counts over a period, by area or by route. Never single cases, nor counts of victims
/// below the threshold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trend {
    /// What it covers.
    pub period: Period,
    /// Where; this or `route` must be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub area: Vec<Area>,
    /// Name of a route, like "Western Balkan Route".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// What was counted.
    pub measure: Measure,
    /// How it was counted.
    pub method: Method,
    /// The counts, 1 to [`crate::limits::TREND_CELLS`].
    pub cells: Vec<Cell>,
    /// What `n` counts, if it is not persons or detections (for a fee: its currency).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Where it is going.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// What drives it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drivers: Vec<Driver>,
    /// Factors of the community and of structures, never of a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<Factor>,
    /// How likely, and how sure the author is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// What a reader must know before using the numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caveats: Option<String>,
}

/// One count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// By what it is told apart; none: the total.
    #[serde(default, skip_serializing_if = "Dims::is_empty")]
    pub dims: Dims,
    /// The count, in `unit`s.
    pub n: u64,
}

/// A factor of vulnerability (IOM determinants).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// Its level.
    pub level: FactorLevel,
    /// Which way it works.
    #[serde(rename = "type")]
    pub kind: FactorType,
    /// Its catch-word, like `informal-work`.
    pub code: Slug,
}

/// How likely something is, and how sure its author is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// How likely it is.
    pub likelihood: Likelihood,
    /// How sure the author is.
    pub confidence: Confidence,
}

/// The dimensions of a cell, each with its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dims(BTreeMap<Dimension, DimValue>);

impl Dims {
    /// Sets a value; the dimension is the value's own.
    pub fn set(&mut self, value: DimValue) -> &mut Self {
        self.0.insert(value.dimension(), value);
        self
    }

    /// The value of a dimension.
    pub fn value(&self, of: Dimension) -> Option<&DimValue> {
        self.0.get(&of)
    }

    /// All values, in the order of the dimensions.
    pub fn iter(&self) -> impl Iterator<Item = (Dimension, &DimValue)> {
        self.0.iter().map(|(dimension, value)| (*dimension, value))
    }

    /// Whether this is the total.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many dimensions it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether everybody counted under `other` is counted under this as well.
    pub fn contains(&self, other: &Dims) -> bool {
        self.0.iter().all(|(dimension, mine)| {
            other
                .0
                .get(dimension)
                .is_some_and(|theirs| mine.contains(theirs))
        })
    }

    /// Whether nobody can be counted under both, as far as the codes tell.
    pub fn is_apart_from(&self, other: &Dims) -> bool {
        self.0.iter().any(|(dimension, mine)| {
            other
                .0
                .get(dimension)
                .is_some_and(|theirs| mine.is_apart_from(theirs))
        })
    }
}

impl FromIterator<DimValue> for Dims {
    fn from_iter<I: IntoIterator<Item = DimValue>>(values: I) -> Self {
        Self(
            values
                .into_iter()
                .map(|value| (value.dimension(), value))
                .collect(),
        )
    }
}

impl fmt::Display for Dims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (dimension, value)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{dimension}: {value}")?;
        }
        f.write_str("}")
    }
}

macro_rules! dim_values {
    ($($variant:ident($of:ty);)+) => {
        /// A value of one [`Dimension`].
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DimValue {
            $(#[doc = concat!("A value of [`Dimension::", stringify!($variant), "`].")] $variant($of),)+
        }

        impl DimValue {
            /// Reads a value of this dimension. The error says what is allowed.
            pub fn parse(dimension: Dimension, text: &str) -> Result<Self, String> {
                match dimension {
                    $(Dimension::$variant => text.parse().map(DimValue::$variant).map_err(|e: <$of as std::str::FromStr>::Err| e.to_string()),)+
                }
            }

            /// Its dimension.
            pub const fn dimension(&self) -> Dimension {
                match self { $(DimValue::$variant(_) => Dimension::$variant,)+ }
            }

            /// Its text.
            pub fn as_str(&self) -> &str {
                match self { $(DimValue::$variant(value) => value.as_str(),)+ }
            }
        }
    };
}

dim_values! {
    Age(AgeBand);
    Gender(AggregateGender);
    Nationality(Nationality);
    Citizenship(Nationality);
    Border(BorderType);
    Transport(Transport);
    Area(Area);
    Sector(IsicSection);
    Status(ProtectionStatus);
    Exploitation(Exploitation);
}

impl DimValue {
    fn contains(&self, other: &DimValue) -> bool {
        match (self, other) {
            (DimValue::Age(mine), DimValue::Age(theirs)) => mine.contains(*theirs),
            (DimValue::Area(mine), DimValue::Area(theirs)) => mine.contains(theirs),
            _ => self == other,
        }
    }

    fn is_apart_from(&self, other: &DimValue) -> bool {
        match (self, other) {
            (DimValue::Age(mine), DimValue::Age(theirs)) => {
                !mine.contains(*theirs) && !theirs.contains(*mine)
            }
            (DimValue::Area(mine), DimValue::Area(theirs)) => mine.is_apart_from(theirs),
            _ => self != other,
        }
    }
}

impl fmt::Display for DimValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Dims {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(
            self.0
                .iter()
                .map(|(dimension, value)| (dimension, value.as_str())),
        )
    }
}

impl<'de> Deserialize<'de> for Dims {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let people = d.is_human_readable();
        d.deserialize_map(DimsVisitor { people })
    }
}

struct DimsVisitor {
    people: bool,
}

impl<'de> Visitor<'de> for DimsVisitor {
    type Value = Dims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dimensions with their values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Dims, A::Error> {
        let mut dims = Dims::default();
        while let Some(dimension) = map.next_key::<Dimension>()? {
            let value = map.next_value_seed(DimSeed {
                dimension,
                people: self.people,
            })?;
            if dims.0.insert(dimension, value).is_some() {
                return Err(de::Error::custom(format_args!(
                    "{dimension} is there twice"
                )));
            }
        }
        Ok(dims)
    }
}

struct DimSeed {
    dimension: Dimension,
    people: bool,
}

impl<'de> DeserializeSeed<'de> for DimSeed {
    type Value = DimValue;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<DimValue, D::Error> {
        let text = String::deserialize(d)?;
        let value = DimValue::parse(self.dimension, &text).map_err(de::Error::custom)?;
        if self.people || value.as_str() == text {
            Ok(value)
        } else {
            Err(de::Error::custom(format_args!(
                "'{}' must be written '{value}'",
                crate::id::clip(&text)
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dims(json: &str) -> Result<Dims, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn a_dimension_takes_its_own_values_only() {
        let good = dims(r#"{"nationality":"OOO","age":"9-17","area":"QN-02"}"#).expect("dims");
        assert_eq!(
            good.to_string(),
            "{age: 9-17, nationality: OOO, area: QN-02}"
        );
        for bad in [
            r#"{"age":"7"}"#,
            r#"{"name":"x"}"#,
            r#"{"gender":"feminine"}"#,
        ] {
            assert!(dims(bad).is_err(), "{bad}");
        }
        assert!(dims(r#"{"age":"9-17","age":"0-8"}"#).is_err());
    }

    #[test]
    fn a_total_contains_its_parts() {
        let all = Dims::default();
        let child = dims(r#"{"age":"0-17"}"#).expect("dims");
        let girl = dims(r#"{"age":"9-17","gender":"female"}"#).expect("dims");
        let boy = dims(r#"{"age":"9-17","gender":"male"}"#).expect("dims");
        assert!(all.contains(&child) && child.contains(&girl) && !girl.contains(&child));
        assert!(girl.is_apart_from(&boy) && !girl.is_apart_from(&child));
    }
}
