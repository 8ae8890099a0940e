//! Round trips, and what is refused.

use super::payload::{read_direct, read_tree};
use super::*;
use crate::clock::Millis;
use crate::record::codes::{Purpose, RetractReason, RevokedState, Tlp};
use crate::record::handling::Onward;
use crate::record::kinds::contact::{CardKeys, RevokedKey, SigningKeyEntry};
use crate::record::kinds::sealed::{Ciphertext, Sealed};
use crate::record::kinds::{Contact, Keys, Retract};
use crate::seal::Commitment;

fn fields(title: &str) -> Fields {
    Fields::new(
        Tlp::Clear,
        Onward::Community,
        Purpose::Prevention,
        "en",
        title,
    )
}

fn agency() -> (SecretKey, SecretKey, AgencyKeys) {
    let root = SecretKey::from_bytes(&[1; 32]);
    let signing = SecretKey::from_bytes(&[2; 32]);
    let mut keys = AgencyKeys::new(AgencyId::from_bytes(*root.public().as_bytes()));
    let card = revoking(&root, 1, &signing, &[]);
    keys.learn(card).expect("verifies");
    (root, signing, keys)
}

/// A card with this signing key, after those were compromised.
fn revoking(
    root: &SecretKey,
    revision: u64,
    signing: &SecretKey,
    compromised: &[&SecretKey],
) -> SignedRecord {
    let id = AgencyId::from_bytes(*root.public().as_bytes());
    let revoked = compromised.iter().map(|key| RevokedKey {
        key: key.public(),
        state: RevokedState::Compromised,
        at: Millis(1_200),
    });
    let contact = Contact {
        org: "Narova border police".into(),
        sector: "border".parse().expect("sector"),
        country: "QN".parse().expect("country"),
        route_roles: Vec::new(),
        regime: "led".parse().expect("regime"),
        memberships: Vec::new(),
        functions: Vec::new(),
        keys: CardKeys {
            signing: vec![SigningKeyEntry {
                key: signing.public(),
                from: Millis(1_000),
                until: Millis(2_000),
            }],
            revoked: revoked.collect(),
            revoke_all: false,
        },
        revision,
        valid_until: "2031-01-01".parse().expect("date"),
    };
    Record::new(
        id,
        Hlc::new(Millis(1_000), 0),
        fields("Card"),
        Content::Contact(contact),
    )
    .sign(root)
    .expect("signs")
}

fn statement(keys: &AgencyKeys, at: u64) -> Record {
    let content = Content::Retract(Retract {
        of: RecordId::from_bytes([9; 32]),
        reason: RetractReason::Error,
        erase: true,
        notify: true,
    });
    Record::new(
        keys.agency(),
        Hlc::new(Millis(at), 0),
        fields("Retraction"),
        content,
    )
}

#[test]
fn exact_bytes_round_trip_and_verify() {
    let (_, signing, keys) = agency();
    let signed = statement(&keys, 1_500).sign(&signing).expect("signs");
    let parsed = SignedRecord::parse(signed.bytes().clone()).expect("parses");
    assert_eq!(parsed.id(), signed.id());
    assert_eq!(parsed.unverified(), signed.unverified());
    assert!(parsed.verify(&keys).is_ok());
}

#[test]
fn the_short_way_reads_what_the_long_way_reads() {
    let (root, signing, keys) = agency();
    let card = SignedRecord::parse(
        statement(&keys, 1_500)
            .sign(&root)
            .expect("signs")
            .bytes()
            .clone(),
    );
    let signed = statement(&keys, 1_500).sign(&signing).expect("signs");
    for signed in [card.expect("parses"), signed] {
        let frame = Frame::of(signed.bytes()).expect("the form that coset writes");
        assert_eq!(frame.to_be_signed(), signed.tbs);
        let payload = signed.record.payload().expect("encodes");
        assert_eq!(read_direct(&payload).as_ref(), Ok(&signed.record));
        assert_eq!(read_tree(&payload).as_ref(), Ok(&signed.record));
        let long = SignedRecord::parse_anything(signed.bytes().clone()).expect("parses");
        assert_eq!(
            (long.id, long.key, &long.tbs),
            (signed.id, signed.key, &signed.tbs)
        );
    }
}

#[test]
fn no_changed_bit_makes_the_two_ways_differ() {
    let (_, signing, keys) = agency();
    let signed = statement(&keys, 1_500).sign(&signing).expect("signs");
    let payload = signed.record.payload().expect("encodes");
    for bit in 0..payload.len() * 8 {
        let mut changed = payload.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(record) = read_direct(&changed) {
            assert_eq!(read_tree(&changed), Ok(record), "bit {bit}");
        }
    }
    let whole = signed.bytes();
    for bit in 0..whole.len() * 8 {
        let mut changed = whole.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        let short = SignedRecord::parse(changed.clone().into()).map(|r| (r.id, r.record));
        let long = SignedRecord::parse_anything(changed.into()).map(|r| (r.id, r.record));
        assert_eq!(short, long, "bit {bit}");
    }
}

/// As above for a stub, which has fewer fields; the text under seal may have any bits.
#[test]
fn no_changed_bit_of_a_stub_makes_the_two_ways_differ() {
    let (_, _, keys) = agency();
    let mut records = Vec::new();
    for thread in [None, Some(RecordId::from_bytes([9; 32]))] {
        let sealed = Sealed {
            recipients: [AgencyId::from_bytes([7; 32])].into(),
            respond_by: thread.map(|_| Millis(1_501)),
            commitment: Commitment::from_bytes([8; 32]),
            text: Ciphertext::from_bytes(vec![0; 1040]),
        };
        let mut record = statement(&keys, 1_500);
        record.envelope.fields = Fields::of_stub(thread);
        record.content = Content::Sealed(sealed);
        records.push(record);
    }
    for record in records {
        let payload = record.payload().expect("encodes");
        assert_eq!(read_direct(&payload).as_ref(), Ok(&record));
        assert_eq!(read_tree(&payload).as_ref(), Ok(&record));
        let text = payload.windows(1000).position(|w| w == [0; 1000]);
        let text = text.expect("the text");
        let outside = (0..text).chain(text + 1040..payload.len());
        for bit in outside.flat_map(|byte| byte * 8..byte * 8 + 8) {
            let mut changed = payload.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(record) = read_direct(&changed) {
                assert_eq!(read_tree(&changed), Ok(record), "bit {bit}");
            }
        }
    }
}

#[test]
fn every_changed_bit_is_refused() {
    let (_, signing, keys) = agency();
    let signed = statement(&keys, 1_500).sign(&signing).expect("signs");
    for bit in 0..signed.bytes().len() * 8 {
        let mut bytes = signed.bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let taken = SignedRecord::parse(bytes.into()).map(|r| r.verify(&keys));
        assert!(!matches!(taken, Ok(Ok(_))), "bit {bit}");
    }
}

#[test]
fn keys_hold_within_their_time_and_for_their_kind_only() {
    let (root, signing, keys) = agency();
    let early = statement(&keys, 999).sign(&signing).expect("signs");
    assert!(matches!(
        early.verify(&keys),
        Err(SignatureFault::OutsideValidity { .. })
    ));
    let late = statement(&keys, 2_000).sign(&signing).expect("signs");
    assert!(matches!(
        late.verify(&keys),
        Err(SignatureFault::OutsideValidity { .. })
    ));
    let by_root = statement(&keys, 1_500).sign(&root).expect("signs");
    assert!(matches!(
        by_root.verify(&keys),
        Err(SignatureFault::WrongUse { .. })
    ));
    let content = Content::Keys(Keys {
        number: 1,
        nodes: Vec::new(),
        hubs: Vec::new(),
        sealing: Vec::new(),
        from: Millis(1_000),
        until: Millis(1_500),
    });
    let stranger = SecretKey::from_bytes(&[3; 32]);
    let forged = Record::new(
        keys.agency(),
        Hlc::new(Millis(1_500), 0),
        fields("Keys"),
        content,
    )
    .sign(&stranger)
    .expect("signs");
    assert!(matches!(
        forged.verify(&keys),
        Err(SignatureFault::UnknownKey { .. })
    ));
}

#[test]
fn what_stands_outside_the_signature_is_refused() {
    let (_, signing, keys) = agency();
    let signed = statement(&keys, 1_500).sign(&signing).expect("signs");
    let mut cose = CoseSign1::from_tagged_slice(signed.bytes()).expect("COSE");
    cose.unprotected.key_id = vec![1];
    let bytes = cose.to_tagged_vec().expect("encodes");
    assert_eq!(
        SignedRecord::parse(bytes.into()).err(),
        Some(FormFault::UnprotectedHeader)
    );
    let tail = [signed.bytes().as_ref(), b"\x00"].concat();
    assert_eq!(
        SignedRecord::parse(tail.into()).err(),
        Some(FormFault::TrailingBytes)
    );
}

/// The `affirm` of SPEC.md, "Keys and cards".
#[test]
fn what_is_affirmed_verifies_although_its_key_is_compromised() {
    let (root, signing, mut keys) = agency();
    let signed = statement(&keys, 1_500).sign(&signing).expect("signs");
    let other = statement(&keys, 1_501).sign(&signing).expect("signs");
    let next = SecretKey::from_bytes(&[4; 32]);
    let newer = revoking(&root, 2, &next, &[&signing]);
    keys.learn(newer).expect("learned");
    assert!(matches!(
        signed.clone().verify(&keys),
        Err(SignatureFault::Compromised { .. })
    ));
    assert!(keys.affirm(next.public(), signing.public(), [signed.id()]));
    assert!(signed.clone().verify(&keys).is_ok());
    assert!(other.verify(&keys).is_err());
    // The key under which it was affirmed is compromised itself: its word counts no more.
    let last = SecretKey::from_bytes(&[5; 32]);
    keys.learn(revoking(&root, 3, &last, &[&next]))
        .expect("learned");
    assert!(matches!(
        signed.verify(&keys),
        Err(SignatureFault::Compromised { .. })
    ));
}

/// A thief who filled the list of what is affirmed keeps nobody out, once his key is revoked.
#[test]
fn what_a_thief_affirmed_makes_room() {
    let (root, signing, mut keys) = agency();
    let signed = statement(&keys, 1_500).sign(&signing).expect("signs");
    let invented = (0..crate::limits::AFFIRMED_RECORDS).map(|n| {
        let mut id = [7; 32];
        id[..8].copy_from_slice(&n.to_be_bytes());
        RecordId::from_bytes(id)
    });
    assert!(keys.affirm(signing.public(), signing.public(), invented));
    assert!(!keys.affirm(signing.public(), signing.public(), [signed.id()]));
    let next = SecretKey::from_bytes(&[4; 32]);
    keys.learn(revoking(&root, 2, &next, &[&signing]))
        .expect("learned");
    assert!(keys.affirm(next.public(), signing.public(), [signed.id()]));
    assert!(signed.verify(&keys).is_ok());
}
