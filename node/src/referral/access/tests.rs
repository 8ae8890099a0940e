//! Who may look, and when too many looks are told.

use liaison_protocol::clock::Millis;
use liaison_protocol::id::RecordId;

use super::*;
use crate::keyring::MasterKey;

const NOW: Millis = Millis(1_900_000_000_000);

fn officer(uid: u32, role: Role) -> Officer {
    Officer {
        uid,
        name: format!("user{uid}"),
        roles: Roles::of(&[role]),
        shared: false,
    }
}

fn thread(n: u8) -> RecordId {
    RecordId::from_bytes([n; 32])
}

fn silent() -> Notify {
    Notify::new(Default::default())
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("folder");
        MasterKey::make_file(&dir.path().join("key")).expect("key");
        Self(dir)
    }

    fn keyring(&self) -> Keyring {
        let key = MasterKey::from_file(&self.0.path().join("key")).expect("key");
        Keyring::open(&self.0.path().join("keyring"), &key).expect("keyring")
    }
}

#[test]
fn who_is_assigned_reads_and_others_give_a_reason_that_is_told() {
    let place = Place::new();
    let looks = Looks::load(place.keyring(), silent()).expect("loaded");
    let (anna, boris) = (
        officer(1, Role::ReferralOfficer),
        officer(2, Role::CaseOfficer),
    );
    looks
        .assign(&thread(7), std::slice::from_ref(&anna), &[], 1, NOW)
        .expect("assigned");
    let may = |who: &Officer, aim, reason| looks.may(who, Some(&thread(7)), aim, reason, NOW);
    for aim in [Aim::Read, Aim::Identity, Aim::Act, Aim::Assign] {
        assert_eq!(may(&anna, aim, None), Ok(Granted::Assigned));
    }
    let denied = may(&boris, Aim::Read, None).expect_err("not assigned");
    assert!(denied.remedy().contains("--why"), "{}", denied.remedy());
    let short = may(&boris, Aim::Read, Some("so")).expect_err("no reason");
    assert!(matches!(short, Denied::NoReason { .. }));
    assert_eq!(looks.alerts(), []);
    let reason = Some("Anna is on leave and the shelter called about tonight");
    assert_eq!(may(&boris, Aim::Read, reason), Ok(Granted::BrokeGlass));
    assert_eq!(may(&boris, Aim::Identity, reason), Ok(Granted::BrokeGlass));
    assert_eq!(looks.alerts()[0].times, 1, "one look");
    let later = Millis(NOW.0 + limits::ONE_LOOK_MS);
    let again = looks.may(&boris, Some(&thread(7)), Aim::Read, reason, later);
    assert_eq!(again, Ok(Granted::BrokeGlass));
    let alerts = looks.alerts();
    assert_eq!((alerts.len(), alerts[0].times, alerts[0].uid), (1, 2, 2));
    assert_eq!(alerts[0].kind, AlertKind::BrokeGlass { thread: thread(7) });
    // A reason opens the file, and takes no steps in it.
    for aim in [Aim::Act, Aim::Assign] {
        assert!(matches!(
            may(&boris, aim, reason),
            Err(Denied::NotYours { .. })
        ));
    }
}

#[test]
fn assignments_and_alerts_outlast_a_restart() {
    let place = Place::new();
    let keyring = place.keyring();
    let looks = Looks::load(keyring.clone(), silent()).expect("loaded");
    let anna = officer(1, Role::ReferralOfficer);
    looks
        .assign(&thread(7), std::slice::from_ref(&anna), &[], 1, NOW)
        .expect("assigned");
    let reason = Some("the guardian waits at the desk");
    looks
        .may(
            &officer(3, Role::DataProtectionOfficer),
            Some(&thread(7)),
            Aim::Read,
            reason,
            NOW,
        )
        .expect("with a reason");
    keyring.close();
    let keyring = place.keyring();
    let looks = Looks::load(keyring.clone(), silent()).expect("loaded");
    assert!(looks.is_assigned(&thread(7), 1));
    let alerts = looks.alerts();
    assert_eq!(alerts.len(), 1);
    assert_eq!(looks.seen(alerts[0].number).expect("seen"), 0);
    looks.forget(&thread(7)).expect("forgotten");
    keyring.close();
    let looks = Looks::load(place.keyring(), silent()).expect("loaded");
    assert!(looks.alerts().is_empty() && looks.assigned(&thread(7)).is_empty());
}

#[test]
fn a_thread_of_nobody_is_taken_and_one_of_somebody_is_given() {
    let place = Place::new();
    let looks = Looks::load(place.keyring(), silent()).expect("loaded");
    let (anna, boris) = (
        officer(1, Role::ReferralOfficer),
        officer(2, Role::ReferralOfficer),
    );
    let dpo = officer(3, Role::DataProtectionOfficer);
    let may = |who: &Officer| looks.may(who, Some(&thread(7)), Aim::Assign, None, NOW);
    assert!(looks.lists(&thread(7), &boris));
    assert_eq!(may(&boris), Ok(Granted::Assigned));
    looks
        .assign(&thread(7), std::slice::from_ref(&anna), &[], 1, NOW)
        .expect("assigned");
    assert!(!looks.lists(&thread(7), &boris));
    assert!(matches!(may(&boris), Err(Denied::NotYours { .. })));
    assert_eq!(may(&dpo), Ok(Granted::Assigned));
    looks
        .assign(&thread(7), std::slice::from_ref(&boris), &[1], 3, NOW)
        .expect("assigned");
    assert_eq!(looks.assigned(&thread(7)).uids().collect::<Vec<_>>(), [2]);
    let analyst = looks.assign(&thread(7), &[officer(4, Role::Analyst)], &[], 3, NOW);
    assert!(matches!(analyst, Err(Denied::Role { .. })));
    let many: Vec<_> = (10..90)
        .map(|uid| officer(uid, Role::CaseOfficer))
        .collect();
    let many = looks.assign(&thread(7), &many, &[], 3, NOW);
    assert!(matches!(many, Err(Denied::TooMany { .. })));
}

#[test]
fn a_login_of_many_screens_and_drafts_and_neither_sends_nor_reads_identities() {
    let place = Place::new();
    let looks = Looks::load(place.keyring(), silent()).expect("loaded");
    let desk = Officer {
        shared: true,
        ..officer(5, Role::ReferralOfficer)
    };
    assert!(looks.may(&desk, None, Aim::Draft, None, NOW).is_ok());
    for aim in [Aim::Send, Aim::Identity, Aim::Act, Aim::Assign, Aim::Read] {
        let thread = thread(7);
        let some = (aim != Aim::Send).then_some(&thread);
        let denied = looks.may(&desk, some, aim, Some("because of the night shift"), NOW);
        assert!(matches!(denied, Err(Denied::Shared { .. })), "{aim:?}");
    }
    let put = looks.assign(&thread(7), &[desk], &[], 1, NOW);
    assert!(matches!(put, Err(Denied::Shared { .. })));
    assert!(looks.alerts().is_empty());
    for role in [Role::Analyst, Role::Administrator] {
        let denied = looks.may(&officer(6, role), Some(&thread(7)), Aim::Read, None, NOW);
        assert!(matches!(denied, Err(Denied::Role { .. })));
    }
}

#[test]
fn who_reads_more_than_work_needs_is_told_once_an_hour() {
    let place = Place::new();
    let looks = Looks::load(place.keyring(), silent()).expect("loaded");
    let anna = officer(1, Role::ReferralOfficer);
    let many = limits::BULK_THREADS as u8;
    for n in 0..=many {
        looks
            .assign(&thread(n), std::slice::from_ref(&anna), &[], 1, NOW)
            .expect("assigned");
    }
    let look = |n, at| {
        looks
            .may(&anna, Some(&thread(n)), Aim::Read, None, Millis(at))
            .expect("read")
    };
    for _ in 0..3 {
        for n in 0..many {
            look(n, NOW.0);
        }
    }
    assert_eq!(looks.alerts(), [], "the same ones again are no more");
    look(many, NOW.0);
    look(0, NOW.0);
    let alerts = looks.alerts();
    assert_eq!(alerts.len(), 1);
    let threads = u64::from(many) + 1;
    assert_eq!(alerts[0].kind, AlertKind::Many { threads });
    // An hour later it is one.
    look(0, NOW.0 + limits::BULK_MS);
    assert_eq!(looks.alerts().len(), 1);
}
