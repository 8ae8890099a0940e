//! What an officer writes to refer somebody: everything about them in one place, on the
//! officer's own node. What is sent of it, to whom and when, is decided part by part.

use serde::Deserialize;

use super::exclude::must_exclude;
use super::{Assessment, Identity, Inside, Part, Personal, Profile, Subject};
use crate::limits;
use crate::record::codes::{
    ChildState, ConsentScope, ConsentState, Country2, Lang, LegalBasisCode, SubjectCategory,
};
use crate::record::date::Date;
use crate::record::draft::{DraftError, field, line_in, toml_as_json, without_position};
use crate::record::envelope::{Fields, LegalBasis};

/// Months after which a referral is gone, if it was not closed before.
const KEEP_MONTHS: u16 = 12;

/// Months after which its author looks whether it is still needed.
const REVIEW_MONTHS: u16 = 6;

/// A referral as its author writes it. It is wiped when it is dropped, printed by nothing,
/// and kept by the node only under its master key.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralDraft {
    /// Language of the notes; English unless given.
    #[serde(default)]
    pub lang: Option<Lang>,
    /// Names of providers, asked one after another in this order. At most
    /// [`limits::CANDIDATES`].
    #[serde(default)]
    pub candidates: Vec<String>,
    /// Whether the order holds even where a later provider is open now and the first is not.
    #[serde(default)]
    pub keep_order: bool,
    /// Citizenship; for the stateless, the country where they lived. Empty: not known. It
    /// decides which countries never get anything, and is sent with the identity only.
    #[serde(default)]
    pub citizenship: Vec<Country2>,
    /// On what the processing rests; by default the consent, or the vital interest in an
    /// emergency.
    #[serde(default)]
    pub legal_basis: Option<LegalBasis>,
    /// Name of the exercise.
    #[serde(default)]
    pub exercise: Option<String>,
    /// What candidates read.
    pub profile: Profile,
    /// What the provider that accepts reads.
    #[serde(default)]
    pub assessment: Option<Assessment>,
    /// Who the person is; sent only when it is released.
    #[serde(default)]
    pub identity: Option<Identity>,
}

impl ReferralDraft {
    /// Reads a draft in JSON, and fills in what follows from it.
    ///
    /// # Errors
    /// More than [`limits::REFERRAL_DRAFT_BYTES`]; what is no referral, with its place.
    pub fn from_json(bytes: &[u8]) -> Result<Self, DraftError> {
        fits(bytes.len())?;
        let mut input = serde_json::Deserializer::from_slice(bytes);
        let draft: Self = serde_path_to_error::deserialize(&mut input).map_err(|e| {
            let place = e.path().to_string();
            let (place, says) = discreet(&place, &without_position(&e.into_inner()));
            field(&place, None, says)
        })?;
        input
            .end()
            .map_err(|error| field(".", None, without_value(&without_position(&error))))?;
        Ok(draft.completed())
    }

    /// Reads a draft in TOML; the errors name the line. The JSON is what a node takes.
    ///
    /// # Errors
    /// As [`ReferralDraft::from_json`].
    pub fn from_toml(text: &str) -> Result<(Self, serde_json::Value), DraftError> {
        fits(text.len())?;
        let json = toml_as_json(text).map_err(|error| match error {
            // It may quote a key.
            DraftError::Syntax { line, column, .. } => DraftError::Syntax {
                line,
                column,
                says: "this is no TOML, or stands there twice".into(),
            },
            other => other,
        })?;
        let draft: Self = serde_path_to_error::deserialize(&json).map_err(|e| {
            let place = e.path().to_string();
            let line = line_in(text, &place);
            let (place, says) = discreet(&place, &e.into_inner().to_string());
            field(&place, line, says)
        })?;
        Ok((draft.completed(), json))
    }

    /// What follows from the rest, always to the safe side.
    fn completed(mut self) -> Self {
        if !self.profile.consent.covers(ConsentScope::OriginContact) {
            self.profile.origin_contact_forbidden = true;
        }
        // Nobody approves their own emergency in a file.
        if let Some(emergency) = &mut self.profile.consent.emergency {
            emergency.approved = false;
        }
        if let Some(identity) = &mut self.identity {
            for country in &identity.citizenship {
                if !self.citizenship.contains(country) {
                    self.citizenship.push(country.clone());
                }
            }
            identity.citizenship.clone_from(&self.citizenship);
        }
        self
    }

    /// The profile as it is sealed to a candidate. `approved`: a second officer approved the
    /// emergency.
    pub fn profile_inside(&self, today: Date, approved: bool) -> Inside {
        let mut profile = self.profile.clone();
        if let Some(emergency) = &mut profile.consent.emergency {
            emergency.approved = approved;
        }
        self.inside(today, Part::Profile(Box::new(profile)))
    }

    /// The assessment as it is sealed to the provider that accepted.
    pub fn assessment_inside(&self, today: Date) -> Option<Inside> {
        let assessment = self.assessment.clone()?;
        Some(self.inside(today, Part::Assessment(Box::new(assessment))))
    }

    /// The identity as it is sealed to the provider that accepted.
    pub fn identity_inside(&self, today: Date) -> Option<Inside> {
        let identity = self.identity.clone()?;
        Some(self.inside(today, Part::Identity(Box::new(identity))))
    }

    /// The person, as every record of the referral names them.
    pub fn subject(&self) -> Subject {
        Subject {
            category: SubjectCategory::Victim,
            child: match (
                self.profile.age_band.is_child(),
                self.profile.is_treated_as_child(),
            ) {
                (true, _) => ChildState::Yes,
                (false, true) => ChildState::Unknown,
                (false, false) => ChildState::No,
            },
        }
    }

    /// What stands inside the seal around something of this referral.
    pub fn inside(&self, today: Date, content: impl Into<Personal>) -> Inside {
        let content = content.into();
        let scope: &[ConsentScope] = if self.profile.consent.covers(ConsentScope::OriginContact) {
            &[ConsentScope::OriginContact]
        } else {
            &[]
        };
        Inside {
            fields: self.fields(today, title(&content)),
            subjects: vec![self.subject()],
            exclude: must_exclude(
                self.profile.status,
                &self.citizenship,
                scope,
                self.profile.region.country(),
            ),
            content,
        }
    }

    fn fields(&self, today: Date, title: &str) -> Fields {
        let by_default = || LegalBasis {
            code: match self.profile.consent.state {
                ConsentState::Emergency => LegalBasisCode::VitalInterest,
                _ => LegalBasisCode::Consent,
            },
            reference: None,
        };
        let lang = self.lang.as_ref().map_or("en", |lang| lang.as_str());
        Fields {
            legal_basis: Some(self.legal_basis.clone().unwrap_or_else(by_default)),
            review_by: Some(today.add_months(REVIEW_MONTHS)),
            expires: Some(today.add_months(KEEP_MONTHS)),
            exercise: self.exercise.clone(),
            ..Fields::personal(lang, title)
        }
    }
}

/// The title of a sealed record: what it is, never a free text.
pub const fn title(content: &Personal) -> &'static str {
    match content {
        Personal::Referral(referral) => referral.part.code().label(),
        Personal::Step(_) => "Step of a referral",
        Personal::Overdue(_) => "Overdue notice",
    }
}

fn fits(bytes: usize) -> Result<(), DraftError> {
    if bytes <= limits::REFERRAL_DRAFT_BYTES {
        return Ok(());
    }
    let most = limits::REFERRAL_DRAFT_BYTES;
    let says = format!("it has {bytes} bytes; at most {most} are allowed. Shorten it");
    Err(field(".", None, says))
}

/// What was typed about a person is not repeated, wherever it was typed: the texts of serde and of
/// codes quote what they found, and a place ends with a key that nobody knows. Gives the place and
/// what to say of it.
pub fn discreet(place: &str, says: &str) -> (String, String) {
    if let Some(unknown) = says.strip_prefix("unknown field `") {
        let (key, allowed) = unknown
            .rsplit_once("`, expected ")
            .unwrap_or(("", "what the template shows there"));
        let above = place.strip_suffix(key).filter(|_| !key.is_empty());
        let above = above.map_or("", |above| above.trim_end_matches('.'));
        let above = if above.is_empty() { "." } else { above };
        return (
            above.to_owned(),
            format!("has an entry that is not {allowed}"),
        );
    }
    (place.to_owned(), without_value(says))
}

/// How those begin that name what belongs there, and nothing that was typed.
const OWN: &[&str] = &[
    "missing field",
    "duplicate field",
    "EOF while",
    "trailing ",
    "expected ",
    "key must be",
    "invalid escape",
    "control character",
];

/// A text of serde or of a code, without the value that it is about.
pub fn without_value(says: &str) -> String {
    if OWN.iter().any(|own| says.starts_with(own)) {
        return says.to_owned();
    }
    let code = says.starts_with('\'').then(|| says.rsplit_once("' is "));
    let wanted = says.rsplit_once(", expected ");
    match (code, wanted) {
        (Some(Some((_, tail))), _) if tail.starts_with("not ") || tail.starts_with("no ") => {
            format!("it is {tail}")
        }
        (None, Some((_, wanted))) => format!("it is not {wanted}"),
        _ => "it is not what the template shows there".to_owned(),
    }
}

impl std::fmt::Debug for ReferralDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReferralDraft").finish_non_exhaustive()
    }
}
