//! What policy sees of a record: the same attributes whatever its kind.

use std::collections::BTreeSet;

use liaison_protocol::id::AgencyId;
use serde::{Deserialize, Serialize};

use super::schema;

/// What stands before the colon of a tag. Tags are derived from content, never typed in.
///
/// `route:` and `area:` and `country:` where, `sector:` ISIC letter, `service:` type,
/// `measure:` of a trend, `technique:` and `exploitation:` of a modus operandi, `doc:` type
/// of a document alert, `stance:` offer or gap, `status:` of a route, `nationality:` of a
/// trend's cells, `part:` of a referral. Of what stands inside a seal policy sees the part, where
/// the person is and what they need, and nothing else.
pub const TAG_PREFIXES: [&str; 13] = [
    "area",
    "country",
    "doc",
    "exploitation",
    "measure",
    "nationality",
    "part",
    "route",
    "sector",
    "service",
    "stance",
    "status",
    "technique",
];

/// The number under which the store interned one distinct [`Attributes`] value. The same
/// number always means the same value, for as long as the store lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u32);

/// A record as policy sees it. Plain data; codes are those of the schema's closed lists.
///
/// Whether this agency is the author (`resource.own`) is derived by the engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attributes {
    /// `trend`, `route`, …
    pub kind: String,
    /// `strategic` or `personal`.
    pub plane: String,
    /// `clear` to `red`.
    pub tlp: String,
    /// Europol handling codes, `H0` to `H3`.
    pub handling: BTreeSet<String>,
    /// `none`, `ask`, `to` or `community`.
    pub onward: String,
    /// `prevention`, `investigation`, …
    pub purpose: String,
    /// Who signed it.
    pub author: AgencyId,
    /// The author's country, ISO 3166-1 alpha-2; what is pinned of a peer goes before it.
    pub author_country: String,
    /// `smuggling`, `trafficking`, `mixed`, `undetermined`, or `none` if not stated.
    pub class: String,
    /// `prefix:value`, see [`TAG_PREFIXES`].
    pub tags: BTreeSet<String>,
    /// Content checks found fault with it at this node.
    pub marked: bool,
    /// It belongs to an exercise.
    pub exercise: bool,
}

// `policy::attributes(record)`, the one function that makes these, goes here.

/// Why bytes are not a class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassBytesError {
    /// Written by a later version, or not a class at all.
    #[error(
        "a stored record class has format {found}, this version reads {CLASS_FORMAT}; upgrade liaison, or run 'liaison doctor' to derive the classes anew"
    )]
    Format {
        /// First byte, or 0 if there is none.
        found: u8,
    },
    /// The bytes after the format are damaged.
    #[error(
        "a stored record class is damaged ({detail}); run 'liaison doctor' to derive the classes anew"
    )]
    Damaged {
        /// What the decoder said.
        detail: String,
    },
}

/// First byte of a class, moved when the attributes change.
const CLASS_FORMAT: u8 = 1;

impl Attributes {
    /// The canonical bytes: equal values give equal bytes and the other way round.
    pub fn to_class_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![CLASS_FORMAT];
        // Fixed field order and sorted sets make this canonical. Writing to a Vec cannot fail.
        let _infallible = ciborium::into_writer(self, &mut bytes);
        bytes
    }

    /// Reads what [`Attributes::to_class_bytes`] wrote.
    pub fn from_class_bytes(bytes: &[u8]) -> Result<Self, ClassBytesError> {
        match bytes.split_first() {
            Some((&CLASS_FORMAT, rest)) => {
                ciborium::from_reader(rest).map_err(|e| ClassBytesError::Damaged {
                    detail: e.to_string(),
                })
            }
            other => Err(ClassBytesError::Format {
                found: other.map_or(0, |(first, _)| *first),
            }),
        }
    }

    /// The first attribute whose code is not in the schema's list, as `(attribute, code)`.
    pub(super) fn foreign_code(&self) -> Option<(&'static str, &str)> {
        let single = [
            ("kind", "Kind", &self.kind),
            ("plane", "Plane", &self.plane),
            ("tlp", "Tlp", &self.tlp),
            ("onward", "OnwardMode", &self.onward),
            ("purpose", "Purpose", &self.purpose),
            ("class", "CrimeClass", &self.class),
        ];
        let handling = self
            .handling
            .iter()
            .map(|code| ("handling", "HandlingCode", code));
        single
            .into_iter()
            .chain(handling)
            .find(|(_, list, code)| !schema::codes(list).contains(&code.as_str()))
            .map(|(attribute, _, code)| (attribute, code.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::attributes;

    #[test]
    fn class_bytes_round_trip_and_are_canonical() {
        let mut one = attributes("trend", "green");
        one.tags = ["route:B", "area:QN"].map(String::from).into();
        let mut two = attributes("trend", "green");
        two.tags = ["area:QN", "route:B"].map(String::from).into();
        assert_eq!(one.to_class_bytes(), two.to_class_bytes());
        assert_eq!(
            Attributes::from_class_bytes(&one.to_class_bytes()),
            Ok(one.clone())
        );
        two.marked = true;
        assert_ne!(one.to_class_bytes(), two.to_class_bytes());
    }

    #[test]
    fn damaged_class_bytes_are_told() {
        assert_eq!(
            Attributes::from_class_bytes(&[]),
            Err(ClassBytesError::Format { found: 0 })
        );
        assert_eq!(
            Attributes::from_class_bytes(&[9, 1]),
            Err(ClassBytesError::Format { found: 9 })
        );
        let mut bytes = attributes("trend", "green").to_class_bytes();
        bytes.truncate(20);
        assert!(matches!(
            Attributes::from_class_bytes(&bytes),
            Err(ClassBytesError::Damaged { .. })
        ));
    }

    #[test]
    fn a_code_outside_the_lists_is_found() {
        let mut record = attributes("trend", "green");
        assert_eq!(record.foreign_code(), None);
        record.handling.insert("H9".into());
        assert_eq!(record.foreign_code(), Some(("handling", "H9")));
    }
}
