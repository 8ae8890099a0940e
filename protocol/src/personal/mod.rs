//! What stands inside a seal: personal data, in the clear, in memory only.
//!
//! None of these types is printed, serialised or logged. They have two ways out: the seal,
//! which encodes them into a buffer that is wiped, and [`Inside::show`], for the screen of an
//! officer who may see it. Free texts ([`Private`]) are wiped when they are dropped; all else
//! is codes.

pub mod assessment;
pub mod checks;
pub(crate) mod codec;
pub mod consent;
pub mod draft;
pub(crate) mod encode;
pub mod exclude;
pub mod identity;
pub mod limits_of;
pub mod overdue;
pub mod private;
pub mod profile;
pub mod questions;
pub mod screen;
pub mod step;
pub mod template;

pub use assessment::{Assessment, Factor};
pub use codec::InsideFault;
pub use consent::{Consent, Emergency};
pub use draft::{ReferralDraft, discreet, without_value};
pub use exclude::{excludes, excludes_way, is_unknown, must_exclude};
pub use identity::{FamilyLink, Guardian, Identity, IdentityDocument};
pub use limits_of::limits_of;
pub use overdue::Overdue;
pub use private::Private;
pub use profile::{Companions, Profile, Trafficking};
pub use step::{Action, Step, StepData, StepError};

use std::collections::BTreeSet;
use std::fmt;

use crate::record::codes::{ChildState, Country2, PersonalKind, ReferralPart, SubjectCategory};
use crate::record::envelope::Fields;
use encode::sealed;

/// All that stands inside one seal.
#[derive(Clone, PartialEq, Eq)]
pub struct Inside {
    /// The envelope that would stand in clear on another record. Its `thread` stands in the
    /// stub and is filled in when the seal is opened.
    pub fields: Fields,
    /// Whom it is about.
    pub subjects: Vec<Subject>,
    /// Countries whose authorities may never get it, by no path.
    pub exclude: BTreeSet<Country2>,
    /// What it says.
    pub content: Personal,
}

/// What a sealed record says, by kind.
#[derive(Clone, PartialEq, Eq)]
pub enum Personal {
    /// One part of a referral.
    Referral(VictimReferral),
    /// A step in a thread.
    Step(Step),
    /// That somebody is late; to a hub's duty officer.
    Overdue(Overdue),
}

/// One part of a referral. Each part has readers of its own, so each is a record.
#[derive(Clone, PartialEq, Eq)]
pub struct VictimReferral {
    /// The part.
    pub part: Part,
}

/// A part of a referral.
#[derive(Clone, PartialEq, Eq)]
pub enum Part {
    /// What a provider needs to decide, without identity.
    Profile(Box<Profile>),
    /// What makes the person vulnerable, and what protects them.
    Assessment(Box<Assessment>),
    /// Who it is; for the provider that accepted.
    Identity(Box<Identity>),
}

sealed! {
    /// A person whom a record is about.
    #[derive(Copy)]
    pub struct Subject {
        /// What they are to the matter.
        pub category: SubjectCategory,
        /// Whether they are under 18.
        pub child: ChildState,
    }
}

impl Subject {
    /// Whether they are to be treated as a child: a victim of whom it is not known is.
    pub fn is_treated_as_child(&self) -> bool {
        match self.child {
            ChildState::Yes => true,
            ChildState::Unknown => self.category == SubjectCategory::Victim,
            ChildState::No => false,
        }
    }
}

impl Inside {
    /// Its kind.
    pub const fn kind(&self) -> PersonalKind {
        match &self.content {
            Personal::Referral(_) => PersonalKind::VictimReferral,
            Personal::Step(_) => PersonalKind::Step,
            Personal::Overdue(_) => PersonalKind::Overdue,
        }
    }

    /// Which part of a referral it is, if it is one.
    pub const fn part(&self) -> Option<ReferralPart> {
        match &self.content {
            Personal::Referral(referral) => Some(referral.part.code()),
            Personal::Step(_) | Personal::Overdue(_) => None,
        }
    }

    /// The profile, if it is one.
    pub fn profile(&self) -> Option<&Profile> {
        match &self.content {
            Personal::Referral(VictimReferral {
                part: Part::Profile(profile),
            }) => Some(profile),
            _ => None,
        }
    }

    /// The assessment, if it is one.
    pub fn assessment(&self) -> Option<&Assessment> {
        match &self.content {
            Personal::Referral(VictimReferral {
                part: Part::Assessment(assessment),
            }) => Some(assessment),
            _ => None,
        }
    }

    /// The identity, if it is one.
    pub fn identity(&self) -> Option<&Identity> {
        match &self.content {
            Personal::Referral(VictimReferral {
                part: Part::Identity(identity),
            }) => Some(identity),
            _ => None,
        }
    }

    /// The step, if it is one.
    pub const fn step(&self) -> Option<&Step> {
        match &self.content {
            Personal::Step(step) => Some(step),
            _ => None,
        }
    }
}

impl Part {
    /// Which part it is.
    pub const fn code(&self) -> ReferralPart {
        match self {
            Part::Profile(_) => ReferralPart::Profile,
            Part::Assessment(_) => ReferralPart::Assessment,
            Part::Identity(_) => ReferralPart::Identity,
        }
    }
}

impl From<Part> for Personal {
    fn from(part: Part) -> Self {
        Personal::Referral(VictimReferral { part })
    }
}

impl fmt::Debug for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inside").finish_non_exhaustive()
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Personal").finish_non_exhaustive()
    }
}

impl fmt::Debug for VictimReferral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VictimReferral").finish_non_exhaustive()
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
