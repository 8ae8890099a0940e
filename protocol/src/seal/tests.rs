//! Round trips, and each way in which a seal stays closed.

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::clock::{Hlc, Millis};
use crate::id::{AgencyId, RecordId};
use crate::key::SecretKey;
use crate::limits;
use crate::record::kinds::Content;
use crate::record::signed::Record;

fn agency(byte: u8) -> AgencyId {
    AgencyId::from_bytes([byte; 32])
}

fn stub() -> Stub {
    Stub {
        author: agency(1),
        created: Hlc::new(Millis(1_000), 0),
        thread: Some(RecordId::from_bytes([9; 32])),
        recipients: [agency(2), agency(3)].into(),
        respond_by: Some(Millis(2_000)),
    }
}

fn pair() -> (SealingSecret, SealingKey) {
    let secret = SealingSecret::random(&mut StdRng::seed_from_u64(5)).expect("a key");
    let public = secret.public(Millis(0), Millis(1_000));
    (secret, public)
}

fn sealed(content: &[u8]) -> (Record, Secret) {
    seal_bytes(stub(), content, &mut StdRng::seed_from_u64(7)).expect("seals")
}

fn text_of(record: &Record) -> Vec<u8> {
    match &record.content {
        Content::Sealed(sealed) => sealed.text.as_bytes().to_vec(),
        _ => panic!("not sealed"),
    }
}

#[test]
fn a_recipient_reads_what_was_sealed_and_nobody_else_does() {
    let (record, secret) = sealed(b"Marker Zebra");
    let signed = record
        .sign(&SecretKey::from_bytes(&[4; 32]))
        .expect("signs");
    let (private, public) = pair();
    let wrap = public
        .wrap(
            &secret,
            &agency(2),
            &signed.id(),
            &mut StdRng::seed_from_u64(8),
        )
        .expect("wraps");
    let frame = frame::join(signed.bytes(), &wrap);
    assert_eq!(frame.len(), signed.bytes().len() + frame::WRAP_BYTES);
    let clear = b"Marker Zebra".as_slice();
    assert!(!frame.windows(clear.len()).any(|part| part == clear));

    let (back, wrap) = frame::read(&frame).expect("a frame");
    let wrap = wrap.expect("a wrap");
    assert_eq!(back.bytes(), signed.bytes());
    let opened = private.open(&wrap, &agency(2), &back.id()).expect("opens");
    assert_eq!(
        open_bytes(back.unverified(), &opened)
            .expect("opens")
            .as_slice(),
        clear
    );

    let key = wrap.key();
    let other = SealingSecret::from_bytes(&[6; 32]).expect("a key");
    assert_eq!(
        other.open(&wrap, &agency(2), &back.id()).err(),
        Some(SealFault::OtherKey { key })
    );
    for (agency, id) in [
        (agency(3), back.id()),
        (agency(2), RecordId::from_bytes([8; 32])),
    ] {
        let fault = private.open(&wrap, &agency, &id).err();
        assert_eq!(fault, Some(SealFault::Closed { key }));
    }
    let wrong = Secret::from_bytes(&[3; 32]);
    assert_eq!(
        open_bytes(back.unverified(), &wrong).err(),
        Some(SealFault::Commitment)
    );
}

#[test]
fn every_record_and_every_wrap_has_fresh_randomness() {
    let mut rng = StdRng::seed_from_u64(7);
    let (a, secret_a) = seal_bytes(stub(), b"same", &mut rng).expect("seals");
    let (b, secret_b) = seal_bytes(stub(), b"same", &mut rng).expect("seals");
    assert_ne!(secret_a.as_bytes(), secret_b.as_bytes());
    assert_ne!(text_of(&a), text_of(&b));
    let (_, public) = pair();
    let id = RecordId::from_bytes([8; 32]);
    let mut wrap = || {
        let wrap = public.wrap(&secret_a, &agency(2), &id, &mut rng);
        wrap.expect("wraps").to_bytes()
    };
    assert_ne!(wrap(), wrap());
}

#[test]
fn nothing_secret_is_printed() {
    let (record, secret) = sealed(b"Marker Zebra");
    let (private, public) = pair();
    let id = RecordId::from_bytes([8; 32]);
    let wrap = public
        .wrap(&secret, &agency(2), &id, &mut StdRng::seed_from_u64(8))
        .expect("wraps");
    let printed = format!("{secret:?} {private:?} {public:?} {wrap:?} {record:?}");
    for bytes in [secret.as_bytes(), private.as_bytes()] {
        assert!(!printed.contains(&data_encoding::HEXLOWER.encode(bytes)));
        assert!(!printed.contains(&format!("{bytes:?}")));
    }
    assert!(printed.contains("Secret(..)"), "{printed}");
    assert!(printed.contains("Ciphertext(1040 bytes)"), "{printed}");
}

#[test]
fn the_shown_length_is_that_of_the_class_and_there_is_a_largest() {
    for (length, class) in [
        (0, 1024),
        (1023, 1024),
        (1024, 4096),
        (4095, 4096),
        (4096, 16_384),
        (16_383, 16_384),
        (16_384, 49_152),
        (limits::INSIDE_BYTES, 49_152),
    ] {
        let (record, secret) = sealed(&vec![0x80; length]);
        assert_eq!(text_of(&record).len(), class + TAG_BYTES, "{length}");
        let opened = open_bytes(&record, &secret).expect("opens");
        assert_eq!(opened.as_slice(), vec![0x80; length]);
        // It fits a record, with the most recipients.
        let mut largest = record.clone();
        if let Content::Sealed(sealed) = &mut largest.content {
            sealed.recipients = (2..18).map(agency).collect();
        }
        largest
            .sign(&SecretKey::from_bytes(&[4; 32]))
            .expect("signs");
    }
    let found = limits::INSIDE_BYTES + 1;
    let fault = seal_bytes(stub(), &vec![0; found], &mut StdRng::seed_from_u64(7)).err();
    assert_eq!(fault, Some(SealFault::TooLong { found }));
}

#[test]
fn a_statement_whose_fields_nobody_would_read_is_not_signed() {
    let (mut record, _) = sealed(b"x");
    record.envelope.fields.title = "Referral of a girl".into();
    let fault = record
        .sign(&SecretKey::from_bytes(&[4; 32]))
        .expect_err("a title");
    assert!(fault.to_string().contains("LIM-07"), "{fault}");
}

#[test]
fn the_key_to_seal_to_is_the_valid_one_that_began_last() {
    let key = |byte: u8, from: u64, until: u64| {
        SealingSecret::from_bytes(&[byte; 32])
            .expect("a key")
            .public(Millis(from), Millis(until))
    };
    let keys = crate::record::kinds::Keys {
        number: 1,
        nodes: Vec::new(),
        hubs: Vec::new(),
        sealing: vec![key(1, 0, 100), key(2, 50, 150), key(3, 200, 300)],
        from: Millis(0),
        until: Millis(1_000),
    };
    for (now, expected) in [
        (0, Some(0)),
        (49, Some(0)),
        (50, Some(1)),
        (149, Some(1)),
        (150, None),
        (200, Some(2)),
        (300, None),
    ] {
        let found = keys.sealing_at(Millis(now)).map(SealingKey::id);
        let expected = expected.map(|at: usize| keys.sealing[at].id());
        assert_eq!(found, expected, "at {now}");
    }
}

#[test]
fn the_name_of_a_key_reads_back() {
    let (_, public) = pair();
    let id = public.id();
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!(id.to_string().len(), 16);
    assert!("0123".parse::<SealingId>().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sealed_opens(content in proptest::collection::vec(any::<u8>(), 0..6000)) {
        let (record, secret) = sealed(&content);
        let opened = open_bytes(&record, &secret).expect("opens");
        prop_assert_eq!(opened.as_slice(), content.as_slice());
    }

    /// Whatever of the stub or the text changes, by whoever signs: it stays closed.
    #[test]
    fn what_was_changed_does_not_open(bit in 0usize..1040 * 8, what in 0u8..7) {
        let (mut record, secret) = sealed(b"content");
        let other = agency(17);
        let Content::Sealed(body) = &mut record.content else { panic!("sealed") };
        match what {
            0 => {
                let mut text = body.text.as_bytes().to_vec();
                text[bit / 8] ^= 1 << (bit % 8);
                body.text = crate::record::kinds::sealed::Ciphertext::from_bytes(text);
            }
            1 => { body.recipients.insert(other); }
            2 => body.respond_by = None,
            3 => record.envelope.author = other,
            4 => record.envelope.created = Hlc::new(Millis(1_000), 1),
            5 => record.envelope.fields.thread = None,
            _ => body.commitment = Secret::from_bytes(&[3; 32]).commitment(),
        }
        let expected = if what > 5 { SealFault::Commitment } else { SealFault::Changed };
        prop_assert_eq!(open_bytes(&record, &secret).err(), Some(expected));
    }

    #[test]
    fn no_changed_bit_of_a_wrap_opens(bit in 0usize..Wrap::BYTES * 8) {
        let (private, public) = pair();
        let id = RecordId::from_bytes([8; 32]);
        let secret = Secret::from_bytes(&[3; 32]);
        let wrap = public.wrap(&secret, &agency(2), &id, &mut StdRng::seed_from_u64(8)).expect("wraps");
        let mut bytes = wrap.to_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let changed = Wrap::from_bytes(&bytes).expect("a wrap");
        prop_assert!(private.open(&changed, &agency(2), &id).is_err());
        prop_assert!(private.open(&wrap, &agency(2), &id).is_ok());
    }

    /// Whatever follows a record: it is one wrap, or refused; and no bytes are lost.
    #[test]
    fn a_frame_splits_into_what_was_joined(
        tail in proptest::collection::vec(any::<u8>(), 0..40),
        cut in any::<proptest::sample::Index>(),
    ) {
        let (record, secret) = sealed(b"content");
        let signed = record.sign(&SecretKey::from_bytes(&[4; 32])).expect("signs");
        let (_, public) = pair();
        let wrap = public.wrap(&secret, &agency(2), &signed.id(), &mut StdRng::seed_from_u64(8)).expect("wraps");
        let whole = frame::join(signed.bytes(), &wrap);
        prop_assert_eq!(
            frame::split(&whole),
            Ok((signed.bytes().clone(), Some(wrap)))
        );
        let longer = [whole.as_ref(), &tail].concat().into();
        prop_assert_eq!(frame::split(&longer).is_ok(), tail.is_empty());
        let shorter = whole.slice(..cut.index(whole.len()));
        match frame::split(&shorter) {
            Ok((record, wrap)) => {
                prop_assert_eq!(wrap, None);
                prop_assert_eq!(&record, &shorter);
            }
            Err(FrameFault::NotAWrap { found }) => {
                prop_assert_eq!(found, shorter.len() - signed.bytes().len());
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
        let noise = bytes::Bytes::from(tail);
        prop_assert_eq!(frame::split(&noise), Ok((noise, None)));
    }
}
