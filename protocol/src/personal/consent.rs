//! Consent: to what, by whom, and what was explained.

use super::Private;
use super::encode::sealed;
use crate::record::codes::{
    ConsentBy, ConsentQuestion, ConsentScope, ConsentState, EmergencyReason, FormHash, Lang,
};
use crate::record::date::Date;

sealed! {
    /// The consent of a person, or why nobody could wait for it.
    pub struct Consent {
        /// Where it stands.
        pub state: ConsentState,
        /// Who consented; left out in an emergency.
        #[serde(default)]
        pub by: Option<ConsentBy>,
        /// The day on which they were asked.
        pub date: Date,
        /// To what they consented, each once.
        #[serde(default)]
        pub scope: Vec<ConsentScope>,
        /// What was explained to them, each once.
        #[serde(default)]
        pub checklist: Vec<ConsentQuestion>,
        /// The language in which they were asked.
        pub language: Lang,
        /// Whether an interpreter was there.
        #[serde(default)]
        pub interpreter: bool,
        /// The last day on which who they are may be kept, where they agree that it is kept for
        /// longer after the end than it is anyway; only with 'given'. It is never kept longer
        /// than the referral itself.
        #[serde(default)]
        pub keep_until: Option<Date>,
        /// SHA-256 of the signed form.
        #[serde(default)]
        pub form_hash: Option<FormHash>,
        /// In an emergency: why.
        #[serde(default)]
        pub emergency: Option<Emergency>,
    }
}

sealed! {
    /// Why nobody could wait for consent (vital interest).
    pub struct Emergency {
        /// The reason.
        pub reason: EmergencyReason,
        /// A sentence on it, at most [`crate::limits::PERSONAL_NOTE_CHARS`]; needed for 'other'.
        #[serde(default)]
        pub note: Option<Private>,
        /// Whether a second officer approved it.
        #[serde(default)]
        pub approved: bool,
    }
}

impl Consent {
    /// Whether something may be done under it: consented to, and not withdrawn.
    pub fn covers(&self, scope: ConsentScope) -> bool {
        self.state == ConsentState::Given && self.scope.contains(&scope)
    }

    /// Whether it stands on an emergency that a second officer approved.
    pub fn is_approved_emergency(&self) -> bool {
        self.state == ConsentState::Emergency && self.emergency.as_ref().is_some_and(|e| e.approved)
    }
}
