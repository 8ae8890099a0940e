//! What every record states about itself, whatever its kind: the envelope (SPEC.md,
//! "Envelope").

use serde::{Deserialize, Serialize};

use super::codes::{
    Basis, CrimeClass, GradeScheme, HandlingCode, LegalBasisCode, Pap, Purpose, RefRel, Tlp,
};
use super::date::Date;
use super::handling::Onward;
use crate::clock::Hlc;
use crate::id::{AgencyId, RecordId};

/// The schema that this crate writes, and the highest that it reads.
pub const SCHEMA: u16 = 1;

/// The fields that every kind shares, as signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Schema of the record, 1 to [`SCHEMA`].
    pub schema: u16,
    /// The agency whose word this is.
    pub author: AgencyId,
    /// When its author signed it.
    pub created: Hlc,
    /// What people may fill in.
    pub fields: Fields,
}

/// The part of the envelope that a person fills in (with defaults by kind).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// First record of the thread that this belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<RecordId>,
    /// The record of the same author and kind that this one amends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<RecordId>,
    /// Traffic light protocol 2.0 (FIRST).
    pub tlp: Tlp,
    /// Permissible actions protocol; red here means: no outward enquiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pap: Option<Pap>,
    /// Europol handling codes, a set, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handling: Vec<HandlingCode>,
    /// The text that H3 needs. At most [`crate::limits::NOTE_CHARS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handling_note: Option<String>,
    /// What a receiver may do with it.
    pub onward: Onward,
    /// Why it may be processed (Directive (EU) 2016/680, Article 4).
    pub purpose: Purpose,
    /// The legal basis; required on personal kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<LegalBasis>,
    /// Smuggling, trafficking, mixed or undetermined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<CrimeClass>,
    /// ICCS codes (UNODC), 4 to 6 digits each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crime: Vec<String>,
    /// Fact, assessment or mixed (Directive (EU) 2016/680, Article 7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// How far source and information are trusted, in the author's own scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// Language of the texts, BCP 47.
    pub lang: String,
    /// One line. At most [`crate::limits::TITLE_CHARS`].
    pub title: String,
    /// At most [`crate::limits::SUMMARY_CHARS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// When its author looks at it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_by: Option<Date>,
    /// When it stops being released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// Links to other records. At most [`crate::limits::REFS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<Ref>,
    /// Name of the exercise; such records never enter a live store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exercise: Option<String>,
}

impl Fields {
    /// An envelope that says what every one must, and nothing else.
    pub fn new(tlp: Tlp, onward: Onward, purpose: Purpose, lang: &str, title: &str) -> Self {
        Self {
            thread: None,
            supersedes: None,
            tlp,
            pap: None,
            handling: Vec::new(),
            handling_note: None,
            onward,
            purpose,
            legal_basis: None,
            class: None,
            crime: Vec::new(),
            basis: None,
            grade: None,
            lang: lang.to_owned(),
            title: title.to_owned(),
            summary: None,
            review_by: None,
            expires: None,
            refs: Vec::new(),
            exercise: None,
        }
    }

    /// The envelope of a personal record: the strictest there is.
    pub fn personal(lang: &str, title: &str) -> Self {
        Self {
            handling: vec![HandlingCode::H2],
            ..Self::new(Tlp::Red, Onward::None, Purpose::Protection, lang, title)
        }
    }

    /// What a sealed record is taken for before it is opened: the strictest there is, so that
    /// no gate is wider for what it cannot see. None of it but the thread is on the wire.
    pub fn of_stub(thread: Option<RecordId>) -> Self {
        Self {
            thread,
            ..Self::personal("und", "")
        }
    }

    /// Whether they are those of a sealed record.
    pub(crate) fn is_of_stub(&self) -> bool {
        *self == Self::of_stub(self.thread)
    }
}

/// All that a sealed record has of [`Fields`] on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StubFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<RecordId>,
}

/// A legal basis and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalBasis {
    /// From the closed list.
    pub code: LegalBasisCode,
    /// Article, agreement, file number. At most [`crate::limits::NOTE_CHARS`].
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// A grading, kept in the scheme in which it was given and never converted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grade {
    /// The scheme.
    pub scheme: GradeScheme,
    /// The source's grade in that scheme.
    pub source: String,
    /// The information's grade in that scheme.
    pub info: String,
}

/// A link to another record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ref {
    /// How this record relates to the other.
    pub rel: RefRel,
    /// The other record.
    pub id: RecordId,
}
