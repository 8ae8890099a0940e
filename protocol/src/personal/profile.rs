//! The profile: what a provider needs to decide whether it can help, without identity.

use super::Consent;
use super::encode::sealed;
use crate::record::codes::{
    AgeBand, Area, DecidedBy, Gender, GuardianKind, Lang, Mobility, ProtectionStatus, Safety,
    ServiceType, TraffickingStatus, Urgency,
};
use crate::record::date::Date;

sealed! {
    /// A person to be helped, without identity. It has no free text.
    pub struct Profile {
        /// How soon.
        pub urgency: Urgency,
        /// Age: one of the five bands, or unknown.
        pub age_band: AgeBand,
        /// Gender.
        pub gender: Gender,
        /// Status in the country where they are.
        pub status: ProtectionStatus,
        /// How far it is established that they are a victim.
        pub trafficking: Trafficking,
        /// Services that they need, each once, the most urgent first.
        pub needs: Vec<ServiceType>,
        /// Languages that they speak, the best first.
        pub languages: Vec<Lang>,
        /// Whether an interpreter is needed.
        #[serde(default)]
        pub interpreter: bool,
        /// Subdivision where they are (ISO 3166-2); never a place.
        pub region: Area,
        /// Who is with them.
        #[serde(default)]
        pub accompanied_by: Vec<Companions>,
        /// What threatens them.
        pub safety: Vec<Safety>,
        /// How they can move.
        #[serde(default)]
        pub mobility: Option<Mobility>,
        /// Whether nobody in the country of origin may be contacted. Set unless consented.
        #[serde(default)]
        pub origin_contact_forbidden: bool,
        /// The guardian of a child, once there is one.
        #[serde(default)]
        pub guardian: Option<GuardianKind>,
        /// Last day of the reflection period (Council of Europe Convention on Action against
        /// Trafficking, Article 13), if one was granted.
        #[serde(default)]
        pub reflection_until: Option<Date>,
        /// Their consent.
        pub consent: Consent,
    }
}

sealed! {
    /// How far it is established that somebody is a victim, and who says so.
    #[derive(Copy)]
    pub struct Trafficking {
        /// Presumed or identified.
        pub status: TraffickingStatus,
        /// Who decided.
        pub decided_by: DecidedBy,
    }
}

sealed! {
    /// People of one age band who are with the person.
    #[derive(Copy)]
    pub struct Companions {
        /// Their age.
        pub age_band: AgeBand,
        /// How many, 1 to [`crate::limits::COMPANIONS`].
        pub count: u64,
    }
}

impl Profile {
    /// Whether the person is treated as a child: under 18, or of unknown age.
    pub const fn is_treated_as_child(&self) -> bool {
        self.age_band.is_child() || matches!(self.age_band, AgeBand::Unknown)
    }

    /// Whether the person is a child whom nobody looks after.
    pub fn is_unaccompanied_child(&self) -> bool {
        let alone = matches!(
            self.status,
            ProtectionStatus::UnaccompaniedChild | ProtectionStatus::SeparatedChild
        );
        self.is_treated_as_child() && (alone || self.guardian.is_none())
    }

    /// The urgency that deadlines follow: a child whom nobody looks after is always critical.
    pub fn effective_urgency(&self) -> Urgency {
        if self.is_unaccompanied_child() {
            Urgency::Critical
        } else {
            self.urgency
        }
    }
}
