//! Heads of audit chains: the one form, and whose word they are.

use bytes::Bytes;
use liaison_protocol::audit::{AuditHead, HeadFault, SignedHead};
use liaison_protocol::card::AgencyKeys;
use liaison_protocol::record::signed::SignedRecord;

use crate::cast;

pub fn head() -> AuditHead {
    AuditHead {
        chain: [7; 16],
        lines: 1_200,
        digest: [0xA5; 32],
        at: cast::start(cast::TODAY),
    }
}

fn keys() -> AgencyKeys {
    let mut keys = AgencyKeys::new(cast::narova());
    let card = cast::card().sign(&cast::secret("narova root"));
    keys.learn(card.expect("signs")).expect("a card");
    keys
}

#[test]
fn a_head_verifies_under_a_signing_key_of_its_agency_and_no_other() {
    let keys = keys();
    let by = |name: &str| head().sign(&cast::secret(name)).expect("signs");
    let verified = SignedHead::parse(by("narova signing").bytes().clone())
        .expect("well formed")
        .verify(&keys)
        .expect("verifies");
    assert_eq!(*verified.head(), head());
    for name in [
        "narova root",
        "narova past",
        "narova rotated",
        "narova lost",
    ] {
        let fault = by(name).verify(&keys).expect_err(name);
        assert!(
            matches!(fault, HeadFault::KeyNotValid { .. }),
            "{name}: {fault}"
        );
    }
    // Under one that was lost since, it is told apart; under the others it is nothing.
    let lost = by("narova lost").verify_also_lost(&keys).expect("lost");
    assert!(lost.is_key_lost());
    let good = by("narova signing").verify_also_lost(&keys).expect("good");
    assert!(!good.is_key_lost());
    for name in ["narova root", "narova past", "narova rotated"] {
        by(name).verify_also_lost(&keys).expect_err(name);
    }
    let fault = by("somebody").verify(&keys).expect_err("no key of it");
    assert!(matches!(fault, HeadFault::UnknownKey { .. }), "{fault}");
}

#[test]
fn no_other_bytes_are_a_head() {
    let keys = keys();
    let signed = head().sign(&cast::secret("narova signing")).expect("signs");
    for at in 0..signed.bytes().len() {
        let mut bytes = signed.bytes().to_vec();
        bytes[at] ^= 1;
        let taken = SignedHead::parse(bytes.into()).and_then(|head| head.verify(&keys));
        assert!(taken.is_err(), "byte {at} may be another");
    }
    let longer: Bytes = [signed.bytes().as_ref(), &[0]].concat().into();
    assert!(SignedHead::parse(longer).is_err());
    let large: Bytes = vec![0; 513].into();
    let fault = SignedHead::parse(large).expect_err("too large");
    assert!(matches!(fault, HeadFault::TooLarge { found: 513 }));
    // Neither is taken for the other.
    assert!(SignedRecord::parse(signed.bytes().clone()).is_err());
    let record = cast::small().sign(&cast::secret("narova signing"));
    assert!(SignedHead::parse(record.expect("signs").bytes().clone()).is_err());
}
