//! Which countries may never get a record about a person: their citizenship, if they seek
//! protection from it or have not agreed to contact with it.

use std::collections::BTreeSet;

use crate::record::codes::{ConsentScope, Country2, ProtectionStatus, Sector};

/// Stands in an exclusion where the citizenship is not known: every country but the own one may be
/// it. ISO 3166 leaves the code to its users.
const UNKNOWN: &str = "ZZ";

/// The countries whose authorities may never get what is known of a person. Without a citizenship
/// that is any country ([`is_unknown`]).
///
/// `here` is the country where the person is. A national or a returnee is in their own
/// country; its authorities are the ones that help.
pub fn must_exclude(
    status: ProtectionStatus,
    citizenship: &[Country2],
    scope: &[ConsentScope],
    here: &str,
) -> BTreeSet<Country2> {
    if !seeks_protection(status) && scope.contains(&ConsentScope::OriginContact) {
        return BTreeSet::new();
    }
    if citizenship.is_empty() {
        return UNKNOWN.parse().into_iter().collect();
    }
    let at_home = matches!(
        status,
        ProtectionStatus::National | ProtectionStatus::Returnee
    );
    citizenship
        .iter()
        .filter(|country| !(at_home && country.as_str() == here))
        .cloned()
        .collect()
}

/// Whether an exclusion tells of a person whose citizenship is not known.
pub fn is_unknown(exclude: &BTreeSet<Country2>) -> bool {
    exclude.iter().any(|country| country.as_str() == UNKNOWN)
}

/// Whether nothing with this exclusion may lie with an agency of this sector and country on its
/// way, nor may it hear that somebody is late. `own`: the country of who
/// referred the person.
pub fn excludes_way(
    exclude: &BTreeSet<Country2>,
    sector: Sector,
    country: &Country2,
    own: &str,
) -> bool {
    let may_be_it = is_unknown(exclude) && country.as_str() != own;
    excludes(exclude, sector, country) || (may_be_it && is_authority(sector))
}

/// Whether an agency of this sector and country may not get a record with this exclusion.
pub fn excludes(exclude: &BTreeSet<Country2>, sector: Sector, country: &Country2) -> bool {
    is_authority(sector) && exclude.contains(country)
}

/// Whether an agency of this sector is an authority of its country. A hub is one: it is run
/// by the country in which it stands.
pub const fn is_authority(sector: Sector) -> bool {
    match sector {
        Sector::Police
        | Sector::Border
        | Sector::Prosecution
        | Sector::Judiciary
        | Sector::Fiu
        | Sector::Asylum
        | Sector::Social
        | Sector::Health
        | Sector::Hub => true,
        Sector::Ngo | Sector::Io | Sector::Private => false,
    }
}

/// Whether a person of this status is protected from the country of their citizenship,
/// whatever they consented to (Regulation (EU) 2024/1348, Article 7).
pub const fn seeks_protection(status: ProtectionStatus) -> bool {
    matches!(
        status,
        ProtectionStatus::AsylumSeeker | ProtectionStatus::Refugee
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country2 {
        code.parse().expect("country")
    }

    fn of(status: ProtectionStatus, scope: &[ConsentScope]) -> usize {
        must_exclude(status, &[country("QM")], scope, "QN").len()
    }

    #[test]
    fn consent_to_contact_lifts_it_but_not_for_those_who_seek_protection() {
        let contact = [ConsentScope::OriginContact];
        for status in ProtectionStatus::ALL {
            assert_eq!(of(*status, &[]), 1, "{status}");
            let protected = seeks_protection(*status);
            assert_eq!(of(*status, &contact), usize::from(protected), "{status}");
        }
    }

    #[test]
    fn at_home_the_own_authorities_help() {
        let at = |status| must_exclude(status, &[country("QN")], &[], "QN").len();
        assert_eq!(at(ProtectionStatus::National), 0);
        assert_eq!(at(ProtectionStatus::Returnee), 0);
        assert_eq!(at(ProtectionStatus::AsylumSeeker), 1);
    }

    #[test]
    fn where_it_is_not_known_any_country_abroad_may_be_it() {
        let contact = [ConsentScope::OriginContact];
        let status = ProtectionStatus::IrregularMigrant;
        assert!(must_exclude(status, &[], &contact, "QN").is_empty());
        for status in ProtectionStatus::ALL {
            let set = must_exclude(*status, &[], &[], "QN");
            assert!(is_unknown(&set), "{status}");
            let bars = |sector, of: &str| excludes_way(&set, sector, &country(of), "QN");
            assert!(bars(Sector::Hub, "QM") && bars(Sector::Police, "QO"));
            assert!(!bars(Sector::Hub, "QN") && !bars(Sector::Ngo, "QM"));
        }
        let known = must_exclude(status, &[country("QM")], &[], "QN");
        assert!(!is_unknown(&known));
        assert!(excludes_way(&known, Sector::Hub, &country("QM"), "QM"));
        assert!(!excludes_way(&known, Sector::Hub, &country("QO"), "QN"));
    }

    #[test]
    fn it_is_about_authorities_of_that_country() {
        let set = [country("QM")].into();
        assert!(excludes(&set, Sector::Police, &country("QM")));
        assert!(excludes(&set, Sector::Hub, &country("QM")));
        assert!(!excludes(&set, Sector::Police, &country("QN")));
        assert!(!excludes(&set, Sector::Ngo, &country("QM")));
    }
}
