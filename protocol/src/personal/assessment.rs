//! The assessment of vulnerability (IOM determinants of migrant vulnerability).

use super::Private;
use super::encode::sealed;
use crate::record::codes::{FactorType, Slug, VulnerabilityLevel};
use crate::record::date::Date;

sealed! {
    /// What makes a person vulnerable, and what protects them.
    pub struct Assessment {
        /// The factors, at least one.
        pub factors: Vec<Factor>,
        /// The role of whoever assessed, not their name.
        pub assessor: Private,
        /// The day of the assessment.
        pub date: Date,
        /// For a child: who looks after its best interests, and how they are reached.
        #[serde(default)]
        pub best_interests_officer: Option<Private>,
    }
}

sealed! {
    /// One factor; risk or protection depends on the context.
    pub struct Factor {
        /// Its level.
        pub level: VulnerabilityLevel,
        /// Which way it works.
        pub works: FactorType,
        /// A catch-word for it.
        pub code: Slug,
        /// A sentence, at most [`crate::limits::PERSONAL_NOTE_CHARS`]. Never about what was
        /// done to the person.
        #[serde(default)]
        pub note: Option<Private>,
    }
}
