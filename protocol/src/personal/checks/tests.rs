//! Every code is triggered, and its message read.

use super::*;
use crate::personal::tests::{assessment, profile};
use crate::personal::{Emergency, Factor};
use crate::record::codes::*;

fn country(code: &str) -> Country2 {
    code.parse().expect("country")
}

fn today() -> Date {
    "2031-03-02".parse().expect("date")
}

/// What is found, as officers read it, for candidates of a sector and a country.
fn found(
    profile: &Profile,
    sector: Sector,
    of: &str,
    citizenship: &[&str],
    approved: bool,
) -> Vec<String> {
    let of = country(of);
    let citizenship: Vec<Country2> = citizenship.iter().map(|c| country(c)).collect();
    let candidates = [Candidate {
        name: "qm-pol",
        sector,
        country: &of,
        is_author: false,
        can_open: true,
    }];
    check_profile(
        profile,
        &Circumstances {
            author: "qn-bord",
            author_country: &country("QN"),
            today: today(),
            citizenship: &citizenship,
            candidates: &candidates,
            approved,
        },
    )
    .iter()
    .map(ToString::to_string)
    .collect()
}

/// What is found for a shelter in the author's own country.
fn at_home(profile: &Profile) -> Vec<String> {
    found(profile, Sector::Ngo, "QN", &["QM"], false)
}

#[test]
fn a_good_referral_has_no_findings() {
    assert_eq!(at_home(&profile()), Vec::<String>::new());
}

#[test]
fn ref_01_the_scope_lacks_the_identity() {
    let mut profile = profile();
    assert!(check_identity_release(&profile.consent, false, false, false).is_empty());
    profile
        .consent
        .scope
        .retain(|s| *s != ConsentScope::ShareIdentity);
    let found = check_identity_release(&profile.consent, false, false, false);
    assert_eq!(
        found[0].to_string(),
        "REF-01 consent.scope lacks 'share-identity'; identity cannot be released. Ask the person or the guardian, then record a consent step."
    );
    profile.consent.state = ConsentState::Withdrawn;
    profile.consent.scope = ConsentScope::ALL.to_vec();
    assert_eq!(
        check_identity_release(&profile.consent, false, false, false).len(),
        1
    );
}

#[test]
fn ref_02_a_child_needs_a_guardian_and_so_does_whoever_may_be_one() {
    for band in [AgeBand::To8, AgeBand::To17, AgeBand::Unknown] {
        let mut profile = profile();
        profile.age_band = band;
        profile.urgency = Urgency::Critical;
        profile.consent.by = Some(ConsentBy::Representative);
        assert_eq!(
            at_home(&profile),
            [
                "REF-02 subject may be a child and no guardian is recorded. Add guardian, or use --emergency with reason and a second officer (reviewed within 72 h)."
            ]
        );
        profile.guardian = Some(GuardianKind::Appointed);
        assert_eq!(at_home(&profile), Vec::<String>::new());
    }
    let consent = &profile().consent;
    let found = check_identity_release(consent, true, false, false);
    assert_eq!(
        found[0].to_string(),
        "REF-02 subject may be a child and no guardian is recorded. Record the guardian first; identity comes after."
    );
    assert!(check_identity_release(consent, true, true, false).is_empty());
}

#[test]
fn ref_03_nothing_without_consent() {
    let mut refused = profile();
    refused.consent.state = ConsentState::Refused;
    assert_eq!(
        at_home(&refused),
        [
            "REF-03 consent.state is 'refused'; nothing may be sent. Help the person without a referral. Ask again only if they wish it."
        ]
    );
    let mut partial = profile();
    partial.consent.scope = vec![ConsentScope::Assistance];
    partial.consent.checklist = ConsentQuestion::ALL[..5].to_vec();
    partial.consent.by = None;
    partial.consent.date = "2031-03-03".parse().expect("date");
    assert_eq!(
        at_home(&partial),
        [
            "REF-03 consent.date is still to come (today is 2031-03-02). Give the day on which the person was asked.",
            "REF-03 consent.by is missing; it is not known who consented. Say 'self', 'guardian' or 'legal-representative'.",
            "REF-03 consent.scope lacks 'share-profile'; no provider may be asked. Ask the person or the guardian, then record it.",
            "REF-03 consent.checklist lacks 2 of 7 points: storage-time, withdrawal. Explain these to the person, then list them.",
        ]
    );
    let mut child = profile();
    child.age_band = AgeBand::To17;
    child.guardian = Some(GuardianKind::Parent);
    assert_eq!(
        at_home(&child),
        [
            "REF-03 consent.by is 'self', and the person may be a child. Hear the child, and ask the guardian or the legal representative to consent."
        ]
    );
}

/// A child in an emergency, for this reason.
fn emergency(reason: EmergencyReason) -> Profile {
    let mut profile = profile();
    profile.age_band = AgeBand::To17;
    profile.urgency = Urgency::Critical;
    profile.consent.state = ConsentState::Emergency;
    profile.consent.by = None;
    profile.consent.scope = Vec::new();
    profile.consent.checklist = Vec::new();
    profile.consent.emergency = Some(Emergency {
        reason,
        note: None,
        approved: false,
    });
    profile
}

#[test]
fn ref_03_an_emergency_has_a_reason_two_officers_and_a_review() {
    let mut alone = emergency(EmergencyReason::ChildAtRisk);
    assert_eq!(
        at_home(&alone),
        [
            "REF-03 consent.emergency is not approved by a second officer; nothing may be sent. Ask a colleague to approve it from their own account."
        ]
    );
    assert_eq!(
        found(&alone, Sector::Ngo, "QN", &["QM"], true),
        Vec::<String>::new()
    );
    assert_eq!(
        found(
            &emergency(EmergencyReason::Other),
            Sector::Ngo,
            "QN",
            &["QM"],
            true
        ),
        [
            "REF-03 consent.emergency.note is missing for reason 'other'. Say in one sentence why it cannot wait."
        ]
    );
    if let Some(emergency) = &mut alone.consent.emergency {
        emergency.approved = true;
    }
    assert!(check_identity_release(&alone.consent, true, false, false).is_empty());
    assert_eq!(
        check_identity_release(&alone.consent, true, false, true)[0].to_string(),
        "REF-03 consent.emergency was not reviewed within 72 h; nothing more may be disclosed. Record consent or a guardian, or let a second officer review it."
    );
    alone.consent.emergency = None;
    assert_eq!(
        found(&alone, Sector::Ngo, "QN", &["QM"], true),
        [
            "REF-03 consent.emergency is missing: an emergency has a reason. Give the reason, or record consent."
        ]
    );
}

#[test]
fn ref_04_never_to_the_country_of_citizenship() {
    let mut profile = profile();
    assert_eq!(
        found(&profile, Sector::Police, "QM", &["QM"], false),
        [
            "REF-04 qn-bord may not send to qm-pol: consent.scope lacks 'origin-contact' and qm-pol serves the country of citizenship. Name another provider."
        ]
    );
    profile.consent.scope.push(ConsentScope::OriginContact);
    assert_eq!(
        found(&profile, Sector::Police, "QM", &["QM"], false),
        Vec::<String>::new()
    );
    profile.status = ProtectionStatus::AsylumSeeker;
    assert_eq!(
        found(&profile, Sector::Police, "QM", &["QM"], false),
        [
            "REF-04 qn-bord may not send to qm-pol: status asylum-seeker and qm-pol serves the country of citizenship. Name another provider."
        ]
    );
    assert_eq!(
        found(&profile, Sector::Ngo, "QM", &["QM"], false),
        Vec::<String>::new(),
        "an organisation in that country is no authority of it"
    );
    profile.consent.scope.pop();
    profile.origin_contact_forbidden = false;
    assert_eq!(
        at_home(&profile),
        [
            "REF-04 profile.origin_contact_forbidden is not set, and consent.scope lacks 'origin-contact'. Set it to true, or ask the person."
        ]
    );
}

#[test]
fn ref_04_an_unknown_citizenship_may_be_any_country() {
    assert_eq!(
        found(&profile(), Sector::Social, "QO", &[], false),
        [
            "REF-04 qn-bord may not send to qm-pol: the citizenship is not known, and qm-pol is an authority of QO, which may be it. Give the citizenship, or name a provider that is no authority."
        ]
    );
    assert_eq!(
        found(&profile(), Sector::Social, "QN", &[], false),
        Vec::<String>::new()
    );
}

#[test]
fn ref_05_nothing_that_tells_who_or_where() {
    let mut near = profile();
    near.region = "QN BLG".parse().expect("area");
    assert_eq!(
        at_home(&near),
        ["REF-05 profile.region names a place. Give its subdivision, like QN-02."]
    );
    near.region = "QN".parse().expect("area");
    assert_eq!(
        at_home(&near),
        [
            "REF-05 profile.region is a whole country: nobody can tell who is near. Give a subdivision, like QN-02."
        ]
    );
    let mut told = assessment();
    told.factors.push(Factor {
        level: VulnerabilityLevel::Household,
        works: FactorType::Protective,
        code: "family-support".parse().expect("slug"),
        note: Some("call her on +999 55 010 22 at night".into()),
    });
    told.date = "2031-04-01".parse().expect("date");
    let qn = country("QN");
    let with = Circumstances {
        author: "qn-bord",
        author_country: &qn,
        today: today(),
        citizenship: &[],
        candidates: &[],
        approved: false,
    };
    let found: Vec<String> = check_assessment(&profile(), &told, &with)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        [
            "REF-05 assessment.factors[1].note, characters 13-26, look like a phone number. Who the person is stands in the identity only. Take it out of the note.",
            "REF-05 assessment.date is still to come (today is 2031-03-02). Give the day on which the person was assessed.",
        ]
    );
    let found = check_note(&"write to amina@example.org".into());
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "REF-05 note, characters 10-26, look like an e-mail address. Who the person is stands in the identity only. Take it out of the note."
        ]
    );
    assert!(check_note(&"A ground floor room?".into()).is_empty());
}

#[test]
fn ref_06_who_gets_it() {
    let qn = country("QN");
    let shelter = Candidate {
        name: "lantern",
        sector: Sector::Ngo,
        country: &qn,
        is_author: false,
        can_open: true,
    };
    let texts = |candidates: &[Candidate<'_>]| -> Vec<String> {
        check_profile(
            &profile(),
            &Circumstances {
                author: "qn-bord",
                author_country: &qn,
                today: today(),
                citizenship: &[country("QM")],
                candidates,
                approved: false,
            },
        )
        .iter()
        .map(ToString::to_string)
        .collect()
    };
    assert_eq!(
        texts(&[]),
        ["REF-06 candidates is empty. Name a provider. `liaison service match` suggests some."]
    );
    let author = Candidate {
        name: "us",
        is_author: true,
        ..shelter
    };
    let asleep = Candidate {
        name: "migro",
        can_open: false,
        ..shelter
    };
    assert_eq!(
        texts(&[shelter, shelter, author, asleep]),
        [
            "REF-06 candidates[1] lantern is there twice. Name each provider once.",
            "REF-06 candidates[2] us is this agency itself. Name another agency.",
            "REF-06 candidates[3] migro has no sealing key that holds now: nothing can be sealed to it. Telephone it, and ask it to start its node.",
        ]
    );
    let many = vec![shelter; crate::limits::CANDIDATES + 1];
    assert_eq!(
        texts(&many)[0],
        "REF-06 candidates has 9 entries; at most 8 are allowed. Name the best; they are asked one after another."
    );
}

#[test]
fn ref_08_children() {
    let mut alone = profile();
    alone.age_band = AgeBand::To17;
    alone.status = ProtectionStatus::UnaccompaniedChild;
    alone.guardian = Some(GuardianKind::Institution);
    alone.consent.by = Some(ConsentBy::Guardian);
    assert_eq!(
        at_home(&alone),
        [
            "REF-08 profile.urgency is 'high'; a child whom nobody looks after is always critical. Set it to 'critical'."
        ]
    );
    assert_eq!(alone.effective_urgency(), Urgency::Critical);
    alone.age_band = AgeBand::To29;
    assert_eq!(
        at_home(&alone),
        [
            "REF-08 profile.status is 'unaccompanied-child' and age_band is '18-29'. If the age is not certain, set age_band to 'unknown': the person is then treated as a child."
        ]
    );
    alone.age_band = AgeBand::To8;
    let qn = country("QN");
    let with = Circumstances {
        author: "qn-bord",
        author_country: &qn,
        today: today(),
        citizenship: &[],
        candidates: &[],
        approved: false,
    };
    assert_eq!(
        check_assessment(&alone, &assessment(), &with)[0].to_string(),
        "REF-08 assessment.best_interests_officer is missing, and the person may be a child. Name who looks after the best interests of the child."
    );
}

#[test]
fn ref_09_a_reflection_period_is_the_persons_own() {
    let until = Some("2031-05-14".parse().expect("date"));
    let close = |reason| check_close(until, reason, today()).map(|f| f.to_string());
    assert_eq!(
        close(ClosureReason::LostContact).as_deref(),
        Some(
            "REF-09 reflection period runs to 2031-05-14; closing now needs reason 'own-wish' or 'not-a-victim'. Close with one of these if it is so, or wait."
        )
    );
    assert_eq!(close(ClosureReason::OwnWish), None);
    assert_eq!(close(ClosureReason::NotAVictim), None);
    let after = "2031-05-15".parse().expect("date");
    assert_eq!(check_close(until, ClosureReason::LostContact, after), None);
}
