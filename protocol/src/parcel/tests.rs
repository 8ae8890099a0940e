//! Letters and windows in all their forms. What a parcel has to be, byte for byte, and each way in
//! which one is refused, is in `vectors/parcel/`.

use proptest::collection::vec;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::clock::{Hlc, Millis};
use crate::fault::{Answer, Later, Refused};
use crate::id::{AgencyId, ParcelId, RecordId};
use crate::key::SecretKey;
use crate::limits;
use crate::seal::{SealingId, SealingSecret};

fn agency(byte: u8) -> AgencyId {
    AgencyId::from_bytes([byte; 32])
}

fn letter(contents: Vec<Cargo>) -> Letter {
    Letter {
        from: agency(1),
        to: agency(2),
        number: 1,
        made: Millis(1_000),
        expires: Millis(2_000),
        contents,
    }
}

fn record(n: u32, len: usize) -> Cargo {
    let mut id = [0; 32];
    id[..4].copy_from_slice(&n.to_be_bytes());
    Cargo::record(RecordId::from_bytes(id), Hlc::from_wire(7), vec![9; len]).expect("fits")
}

fn seal(letter: &Letter) -> Result<Parcel, ParcelFault> {
    let secret = SealingSecret::from_bytes(&[5; 32]).expect("a key");
    let key = secret.public(Millis(0), Millis(9_000));
    Parcel::seal(
        letter,
        &SecretKey::from_bytes(&[4; 32]),
        &key,
        &mut StdRng::seed_from_u64(3),
    )
}

fn open(parcel: &Parcel) -> Result<SignedLetter, ParcelFault> {
    let secret = SealingSecret::from_bytes(&[5; 32]).expect("a key");
    parcel.open(&agency(2), &secret)
}

#[test]
fn whatever_bit_is_changed_it_stays_closed() {
    let parcel = seal(&letter(vec![record(1, 500)])).expect("seals");
    assert!(open(&parcel).is_ok());
    let bytes = parcel.bytes().to_vec();
    for at in (0..bytes.len()).step_by(7).chain(0..40).chain(1120..1140) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let changed = Parcel::from_bytes(changed.into()).expect("a length");
        let fault = open(&changed).err();
        let due = match at < 8 {
            true => matches!(fault, Some(ParcelFault::OtherKey { .. })),
            false => matches!(fault, Some(ParcelFault::Closed { .. })),
        };
        assert!(due, "byte {at}: {fault:?}");
        assert_ne!(changed.id(), parcel.id());
    }
}

#[test]
fn the_room_is_what_fits() {
    // As many records as the room holds, and then what is left of it.
    for len in [250, 5_000, 60_000] {
        let mut contents = Vec::new();
        let mut room = ROOM;
        let mut n = 0;
        while let Some(rest) = room.checked_sub(record(n, len).encoded_len())
            && contents.len() + 1 < limits::PARCEL_RECORDS
        {
            contents.push(record(n, len));
            (room, n) = (rest, n + 1);
        }
        if room > 100 {
            let last = record(n, (room - 60).min(limits::RECORD_FRAME_BYTES));
            assert!(last.encoded_len() <= room);
            contents.push(last);
        }
        let parcel = seal(&letter(contents)).unwrap_or_else(|fault| panic!("{len}: {fault}"));
        assert_eq!(parcel.bytes().len(), limits::PARCEL_BYTES);
    }
    let n = limits::PARCEL_BYTES / 60_000 + 1;
    let long = letter((0..n as u32).map(|n| record(n, 60_000)).collect());
    assert!(matches!(seal(&long), Err(ParcelFault::TooLong { .. })));
}

#[test]
fn a_letter_that_nobody_may_write_is_not_sealed() {
    let bad: [(&str, LetterFault, Letter); 4] = [
        ("empty", LetterFault::Empty, letter(Vec::new())),
        (
            "number",
            LetterFault::NoNumber,
            Letter {
                number: 0,
                ..letter(vec![record(1, 9)])
            },
        ),
        (
            "life",
            LetterFault::Life,
            Letter {
                expires: Millis(1_000),
                ..letter(vec![record(1, 9)])
            },
        ),
        (
            "to itself",
            LetterFault::ToItself,
            Letter {
                to: agency(1),
                ..letter(vec![record(1, 9)])
            },
        ),
    ];
    for (what, fault, letter) in bad {
        assert_eq!(seal(&letter), Err(ParcelFault::Unsendable(fault)), "{what}");
    }
}

#[test]
fn nothing_of_a_letter_shows_in_its_debug_form() {
    let contents = vec![
        Cargo::record(
            RecordId::from_bytes([1; 32]),
            Hlc::ZERO,
            b"Marker Zebra".to_vec(),
        )
        .expect("fits"),
    ];
    let shown = format!("{:?}", letter(contents));
    assert!(
        !shown.contains("Zebra") && !shown.contains("77, 97"),
        "{shown}"
    );
}

fn answer() -> impl Strategy<Value = Answer> {
    (0..15usize).prop_map(|n| match n {
        0 => Answer::Stored,
        1..9 => Answer::Refused(Refused::ALL[n - 1]),
        _ => Answer::Later(Later::ALL[n - 9]),
    })
}

fn cargo() -> impl Strategy<Value = Cargo> {
    let id = any::<[u8; 32]>().prop_map(RecordId::from_bytes);
    prop_oneof![
        (id.clone(), any::<u64>(), vec(any::<u8>(), 1..300)).prop_map(|(id, created, frame)| {
            Cargo::record(id, Hlc::from_wire(created), frame).expect("fits")
        }),
        vec((id, answer()), 1..5).prop_map(Cargo::Answers),
        vec(any::<u64>(), 1..5).prop_map(Cargo::Arrived),
        vec(0..300u64, 1..5).prop_map(Cargo::Void),
        (any::<[u8; 8]>(), vec(any::<[u8; 32]>(), 1..5)).prop_map(|(key, ids)| Cargo::Retired {
            key: SealingId::from_bytes(key),
            parcels: ids.into_iter().map(ParcelId::from_bytes).collect(),
        }),
    ]
}

proptest! {
    #[test]
    fn letters_round_trip_and_have_one_encoding(
        contents in vec(cargo(), 1..6),
        edits in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in any::<prop::sample::Index>(),
    ) {
        let room: usize = contents.iter().map(Cargo::encoded_len).sum();
        let letter = letter(contents);
        let mut bytes = letter.encode();
        prop_assert!(bytes.len() <= room + 128);
        prop_assert_eq!(&Letter::decode(&bytes), &Ok(letter));
        for (place, value) in edits {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Ok(letter) = Letter::decode(bytes) {
                prop_assert_eq!(letter.encode(), bytes);
            }
            let _no_panic = SignedLetter::parse(bytes);
        }
    }

    /// Against a window that remembers everything: what it calls new is new, it forgets nothing,
    /// and it is bounded.
    #[test]
    fn a_window_takes_no_number_twice(
        numbers in vec(prop_oneof![9 => 1..40u64, 3 => 1..4_000u64, 1 => any::<u64>()], 0..3_000),
    ) {
        let mut window = Window::default();
        let mut all = std::collections::HashSet::new();
        for number in numbers {
            if !window.has(number) {
                prop_assert!(all.insert(number), "{} twice", number);
            }
            window.note(number);
            prop_assert!(window.has(number));
        }
        let bytes = window.to_bytes();
        prop_assert!(bytes.len() <= 16 + limits::PARCEL_WINDOW * 8);
        prop_assert_eq!(&Window::from_bytes(&bytes), &Ok(window));
    }

    #[test]
    fn a_window_in_order_refuses_nothing_new(numbers in 1..5_000u64, gap in 2..9u64) {
        let mut window = Window::default();
        // A number here and there never comes.
        for number in (1..numbers).filter(|n| n % gap != 0) {
            prop_assert!(!window.has(number), "{}", number);
            window.note(number);
        }
    }

    #[test]
    fn no_bytes_break_a_window(bytes in vec(any::<u8>(), 0..60)) {
        if let Ok(window) = Window::from_bytes(&bytes) {
            prop_assert_eq!(window.to_bytes(), bytes);
        }
    }
}
