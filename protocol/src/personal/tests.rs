//! What stands inside a seal: round trips, and what is refused.

use super::*;
use crate::clock::Millis;
use crate::id::{AgencyId, RecordId};
use crate::limits;
use crate::record::codes::*;
use crate::record::date::Date;
use crate::record::handling::Onward;

pub(crate) fn fields() -> Fields {
    Fields {
        expires: Some(Date::from_millis(Millis(1_900_000_000_000))),
        exercise: Some("TEST-1".into()),
        ..Fields::personal("en", "Referral")
    }
}

pub(crate) fn assessment() -> Assessment {
    Assessment {
        factors: vec![Factor {
            level: VulnerabilityLevel::Individual,
            works: FactorType::Risk,
            code: "no-income".parse().expect("slug"),
            note: None,
        }],
        assessor: "social worker".into(),
        date: "2031-03-01".parse().expect("date"),
        best_interests_officer: None,
    }
}

fn identity() -> Identity {
    Identity {
        names: vec!["Marker Zebra".into(), "Quote \" and \\ line".into()],
        birth_date: Some("2013-05".into()),
        citizenship: vec!["QM".parse().expect("country")],
        documents: vec![IdentityDocument {
            doc_type: DocType::Passport,
            number: "QM1234567".into(),
            issuer: "QM".parse().expect("country"),
        }],
        contact: vec!["+999 55 010".into()],
        address: None,
        guardian: None,
        family: vec![FamilyLink {
            relation: FamilyRelation::Sibling,
            name: "Marker Yak".into(),
            contact: None,
        }],
    }
}

fn inside(content: impl Into<Personal>) -> Inside {
    Inside {
        fields: fields(),
        subjects: vec![Subject {
            category: SubjectCategory::Victim,
            child: ChildState::Unknown,
        }],
        exclude: ["QM".parse().expect("country")].into(),
        content: content.into(),
    }
}

fn all() -> Vec<Inside> {
    vec![
        inside(Part::Profile(Box::new(profile()))),
        inside(Part::Identity(Box::new(identity()))),
        inside(Part::Assessment(Box::new(assessment()))),
        inside(Personal::Overdue(Overdue {
            thread: RecordId::from_bytes([3; 32]),
            silent: AgencyId::from_bytes([4; 32]),
        })),
    ]
}

pub(crate) fn profile() -> Profile {
    Profile {
        urgency: Urgency::High,
        age_band: AgeBand::To29,
        gender: Gender::Feminine,
        status: ProtectionStatus::IrregularMigrant,
        trafficking: Trafficking {
            status: TraffickingStatus::Possible,
            decided_by: DecidedBy::Police,
        },
        needs: vec![ServiceType::Shelter, ServiceType::Legal],
        languages: vec!["ar".parse().expect("lang")],
        interpreter: true,
        region: "QN-02".parse().expect("area"),
        accompanied_by: vec![Companions {
            age_band: AgeBand::To8,
            count: 1,
        }],
        safety: vec![Safety::TraffickerNear],
        mobility: None,
        origin_contact_forbidden: true,
        guardian: None,
        reflection_until: None,
        consent: Consent {
            state: ConsentState::Given,
            by: Some(ConsentBy::Person),
            date: "2031-03-01".parse().expect("date"),
            scope: vec![
                ConsentScope::Assistance,
                ConsentScope::ShareProfile,
                ConsentScope::ShareIdentity,
            ],
            checklist: ConsentQuestion::ALL.to_vec(),
            language: "ar".parse().expect("lang"),
            interpreter: true,
            keep_until: Some("2031-09-01".parse().expect("date")),
            form_hash: Some("ab".repeat(32).parse().expect("hash")),
            emergency: None,
        },
    }
}

#[test]
fn what_is_written_is_deterministic_cbor_and_reads_back() {
    for inside in all() {
        let bytes = inside.encode().expect("fits");
        crate::cbor::decode_value(&bytes).expect("deterministic");
        assert!(Inside::decode(&bytes) == Ok(inside.clone()), "{inside:?}");
        let json: serde_json::Value =
            serde_json::from_slice(&inside.show().expect("fits")).expect("json");
        assert_eq!(json["kind"], inside.kind().as_str());
    }
}

#[test]
fn any_changed_byte_is_refused_or_says_something_else() {
    for inside in all() {
        let bytes = inside.encode().expect("fits");
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1;
            assert!(Inside::decode(&changed) != Ok(inside.clone()), "byte {at}");
        }
        assert_eq!(
            Inside::decode(&bytes[..bytes.len() - 1]).err(),
            Some(InsideFault::Form)
        );
    }
}

#[test]
fn an_unknown_field_at_any_level_is_refused() {
    for inside in all() {
        let bytes = inside.encode().expect("fits");
        let value = crate::cbor::decode_value(&bytes).expect("value");
        for level in ["", "fields", "body"] {
            let mut value = value.clone();
            let map = match level {
                "" => value.as_map_mut().expect("map"),
                key => value
                    .as_map_mut()
                    .expect("map")
                    .iter_mut()
                    .find(|(k, _)| k.as_text() == Some(key))
                    .and_then(|(_, v)| v.as_map_mut())
                    .expect("map"),
            };
            map.push(("colour".into(), "red".into()));
            let bytes = crate::cbor::encode_value(value).expect("encodes");
            assert_eq!(Inside::decode(&bytes).err(), Some(InsideFault::Form));
        }
    }
}

#[test]
fn nothing_is_printed() {
    for inside in all() {
        let said = format!(
            "{inside:?} {:?} {:?} {:?}",
            inside.content,
            inside.identity(),
            inside.profile()
        );
        for word in ["Marker", "QM", "QN", "high", "High", "9-17", "2013"] {
            assert!(!said.contains(word), "{said}");
        }
    }
}

#[test]
fn what_is_too_large_is_refused_and_never_cut() {
    let mut large = identity();
    large.names = vec!["x".repeat(limits::INSIDE_BYTES).as_str().into()];
    let fault = inside(Part::Identity(Box::new(large))).encode().err();
    assert_eq!(fault, Some(InsideFault::TooLarge));
}

#[test]
fn form_limits_bind_everybody_and_never_say_what_stands_there() {
    for inside in all() {
        assert_eq!(limits_of(&inside), Ok(()));
    }
    let says = |change: &dyn Fn(&mut Profile)| {
        let mut changed = profile();
        change(&mut changed);
        limits_of(&inside(Part::Profile(Box::new(changed))))
            .expect_err("over a limit")
            .to_string()
    };
    for (text, expected) in [
        (says(&|p| p.needs.clear()), "LIM-03 needs is empty"),
        (
            says(&|p| p.age_band = AgeBand::Adult),
            "LIM-06 age_band is for counts",
        ),
        (
            says(&|p| p.safety.push(Safety::None)),
            "LIM-06 safety says 'none' beside a danger",
        ),
        (
            says(&|p| p.languages.push("ar".parse().expect("lang"))),
            "LIM-05 languages has an entry twice",
        ),
        (
            says(&|p| p.accompanied_by[0].count = 21),
            "LIM-04 accompanied_by[0].count is not 1 to 20",
        ),
        (
            says(&|p| p.consent.state = ConsentState::Emergency),
            "LIM-06 consent.emergency stands with state 'emergency'",
        ),
    ] {
        assert!(text.starts_with(expected), "{text}");
    }
    let mut who = identity();
    who.birth_date = Some("Marker May".into());
    let text = limits_of(&inside(Part::Identity(Box::new(who))))
        .expect_err("no date")
        .to_string();
    assert!(
        text.starts_with("LIM-06 birth_date") && !text.contains("Marker"),
        "{text}"
    );
    let mut open = inside(Part::Identity(Box::new(identity())));
    open.fields.onward = Onward::Community;
    assert!(limits_of(&open).is_err());
}
