//! What is sought for a person: of a referral's profile, only what offers are compared with.

use std::collections::BTreeSet;

use liaison_protocol::personal::Profile;
use liaison_protocol::record::codes::{
    Accessibility, AgeBand, AggregateGender, Area, Country2, Gender, Lang, Mobility,
    ProtectionStatus, Sector, ServiceType, Urgency,
};

/// What is sought, for whom and where. Who it is, it does not say.
#[derive(Clone)]
pub struct Sought {
    /// Services, each once, the most urgent first.
    pub needs: Vec<ServiceType>,
    /// Age; one that is not known counts as a child's.
    pub age: AgeBand,
    /// Gender.
    pub gender: Gender,
    /// Status in the country where they are.
    pub status: ProtectionStatus,
    /// Languages that they speak.
    pub languages: Vec<Lang>,
    /// Where they are.
    pub area: Option<Area>,
    /// What a place must have for them.
    pub accessibility: BTreeSet<Accessibility>,
    /// How soon.
    pub urgency: Urgency,
    /// What the agency is that would refer them.
    pub sector: Option<Sector>,
    /// Countries whose state authorities may never get the referral.
    pub exclude: BTreeSet<Country2>,
}

impl Sought {
    /// These services, for somebody of whom nothing is known.
    pub fn new(needs: Vec<ServiceType>) -> Self {
        Self {
            needs,
            age: AgeBand::Unknown,
            gender: Gender::Unknown,
            status: ProtectionStatus::Unknown,
            languages: Vec::new(),
            area: None,
            accessibility: BTreeSet::new(),
            urgency: Urgency::Standard,
            sector: None,
            exclude: BTreeSet::new(),
        }
    }

    /// What a referral's profile seeks.
    pub fn of(profile: &Profile) -> Self {
        let mut accessibility = BTreeSet::new();
        if matches!(
            profile.mobility,
            Some(Mobility::Wheelchair | Mobility::Carried)
        ) {
            accessibility.insert(Accessibility::Wheelchair);
        }
        Self {
            age: profile.age_band,
            gender: profile.gender,
            status: profile.status,
            languages: profile.languages.clone(),
            area: Some(profile.region.clone()),
            accessibility,
            urgency: profile.effective_urgency(),
            ..Self::new(profile.needs.clone())
        }
    }

    /// The gender by which offers are told apart, and whether a provider has to be asked first:
    /// offers know three, and mean by them what they like.
    pub(super) fn gender_of_offers(&self) -> (AggregateGender, bool) {
        match self.gender {
            Gender::Feminine => (AggregateGender::Female, false),
            Gender::Masculine => (AggregateGender::Male, false),
            Gender::TransgenderFeminine => (AggregateGender::Female, true),
            Gender::TransgenderMasculine => (AggregateGender::Male, true),
            Gender::NonConforming | Gender::Unknown => (AggregateGender::OtherOrUnknown, true),
        }
    }
}

impl std::fmt::Debug for Sought {
    /// It describes a person: nothing of it is printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sought").finish_non_exhaustive()
    }
}
