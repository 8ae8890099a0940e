//! Whatever comes: no panic, no second form, no changed byte taken.

use std::collections::BTreeSet;

use ciborium::Value;
use liaison_protocol::card::AgencyKeys;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::handling::Onward;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::{FormFault, Record, SignedRecord};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use crate::cast;
use crate::raw::{self, Raw, encode, payload_of};

fn keys() -> AgencyKeys {
    let mut keys = AgencyKeys::new(cast::narova());
    let card = cast::card()
        .sign(&cast::secret("narova root"))
        .expect("signs");
    keys.learn(card).expect("learned");
    keys
}

/// A record of every kind, and the key that may sign it.
fn templates() -> Vec<(Record, &'static str)> {
    let signing = "narova signing";
    vec![
        (cast::card(), "narova root"),
        (cast::keys(), signing),
        (cast::trend(), signing),
        (cast::every_field(), signing),
        (cast::modus_operandi(), signing),
        (cast::route(), signing),
        (cast::document_alert(), signing),
        (cast::service(), signing),
        (cast::retract(), signing),
        (cast::sealed(), signing),
    ]
}

/// Every place in a tree, by the number of its node.
fn nodes(tree: &Value) -> usize {
    1 + match tree {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Map(entries) => entries.iter().map(|(_, v)| nodes(v)).sum(),
        _ => 0,
    }
}

fn node(tree: &mut Value, number: usize) -> Option<&mut Value> {
    fn walk<'a>(tree: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
        if *left == 0 {
            return Some(tree);
        }
        *left -= 1;
        match tree {
            Value::Array(items) => items.iter_mut().find_map(|v| walk(v, left)),
            Value::Map(entries) => entries.iter_mut().find_map(|(_, v)| walk(v, left)),
            _ => None,
        }
    }
    let mut left = number;
    walk(tree, &mut left)
}

#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Drop,
    Double,
    Turn,
    Insert(String, Value),
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::from),
        (-5i64..5).prop_map(Value::from),
        "[a-z0-9-]{0,12}".prop_map(Value::from),
        "[A-Z]{2,3}".prop_map(Value::from),
        "2031-[01][0-9](-[0-3][0-9])?".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        vec(any::<u8>(), 32).prop_map(Value::Bytes),
        Just(Value::Null),
        Just(Value::Array(Vec::new())),
        Just(Value::Map(Vec::new())),
        Just(Value::Float(1.0)),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => leaf().prop_map(Change::Replace),
        1 => Just(Change::Drop),
        1 => Just(Change::Double),
        1 => Just(Change::Turn),
        1 => ("[a-z_]{1,12}", leaf()).prop_map(|(k, v)| Change::Insert(k, v)),
    ]
}

fn apply(tree: &mut Value, change: Change) {
    match (tree, change) {
        (here, Change::Replace(value)) => *here = value,
        (Value::Array(items), Change::Drop) => drop(items.pop()),
        (Value::Map(entries), Change::Drop) => drop(entries.pop()),
        (Value::Array(items), Change::Double) => items.extend_from_within(..),
        (Value::Array(items), Change::Turn) => items.reverse(),
        (Value::Map(entries), Change::Insert(key, value)) => entries.push((key.into(), value)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..600)) {
        prop_assert!(SignedRecord::parse(bytes.into()).is_err());
    }

    /// Arbitrary bytes get past the COSE envelope, where the payload is read.
    #[test]
    fn arbitrary_payloads_never_panic(payload in vec(any::<u8>(), 0..300)) {
        let bytes = Raw::signed(payload, &raw::key("narova signing")).bytes();
        prop_assert!(SignedRecord::parse(bytes.into()).is_err());
    }

    #[test]
    fn cuts_and_splices_never_panic(
        at in any::<prop::sample::Index>(), which in any::<prop::sample::Index>(), piece in vec(any::<u8>(), 0..24),
        remove in 0usize..24,
    ) {
        let all = templates();
        let (record, key) = &all[which.index(all.len())];
        let good = record.sign(&cast::secret(key)).expect("signs").bytes().to_vec();
        let at = at.index(good.len());
        let rest = good.get(at + remove..).unwrap_or_default();
        let bytes = [&good[..at], &piece, rest].concat();
        let taken = SignedRecord::parse(bytes.clone().into()).map(|r| r.verify(&keys()));
        prop_assert!(bytes == good || !matches!(taken, Ok(Ok(_))));
    }

    /// Content changed anywhere and signed rightly: it is refused, or its bytes are the only
    /// ones that this content has.
    #[test]
    fn what_is_taken_has_one_encoding(
        which in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), change()), 1..3),
    ) {
        let all = templates();
        let (record, key) = &all[which.index(all.len())];
        let mut tree = payload_of(record);
        for (at, change) in changes {
            let count = nodes(&tree);
            if let Some(here) = node(&mut tree, at.index(count)) {
                apply(here, change);
            }
        }
        let bytes = Raw::signed(encode(&tree), &raw::key(key)).bytes();
        match SignedRecord::parse(bytes.clone().into()) {
            Ok(signed) => {
                let again = signed.unverified().sign(&cast::secret(key)).expect("signs");
                prop_assert_eq!(again.bytes().as_ref(), bytes.as_slice());
                prop_assert_eq!(again.id(), signed.id());
            }
            Err(fault) => {
                let outer = matches!(fault, FormFault::Cose { .. } | FormFault::NotDeterministic { .. });
                prop_assert!(!outer, "{}", fault);
                prop_assert!(!fault.to_string().is_empty());
            }
        }
    }

    /// Records of all kinds with random texts, times and names come back as they were.
    #[test]
    fn every_record_comes_back_as_it_was_signed(
        which in any::<prop::sample::Index>(),
        title in "[^\\p{C}\u{2028}]{1,60}[a-z]",
        summary in proptest::option::of("[\\PC\n]{1,200}x"),
        created in any::<u64>(),
        names in btree_set(any::<[u8; 32]>(), 1..6),
        author in any::<[u8; 32]>(),
    ) {
        let all = templates();
        let (mut record, key) = all[which.index(all.len())].clone();
        let names: BTreeSet<AgencyId> = names.into_iter().map(AgencyId::from_bytes).collect();
        record.envelope.author = AgencyId::from_bytes(author);
        if let Content::Sealed(sealed) = &mut record.content {
            // All that a sealed record shows.
            record.envelope.fields.thread = summary.map(|_| RecordId::from_bytes(author));
            record.envelope.created = liaison_protocol::clock::Hlc::from_wire(created >> 1);
            let wall = record.envelope.created.wall();
            sealed.respond_by = sealed.respond_by.map(|_| Millis(wall.0 + 1 + created % 1_000_000));
            sealed.recipients = names;
        } else {
            record.envelope.created = liaison_protocol::clock::Hlc::from_wire(created);
            record.envelope.fields.title = title;
            record.envelope.fields.summary = summary;
            record.envelope.fields.onward = Onward::To(names);
        }
        match record.sign(&cast::secret(key)) {
            Ok(signed) => {
                let back = SignedRecord::parse(signed.bytes().clone());
                let back = back.map_err(|e| TestCaseError::fail(e.to_string()))?;
                prop_assert_eq!(back.unverified(), &record);
                prop_assert_eq!(back.id(), signed.id());
                prop_assert_eq!(back.bytes(), signed.bytes());
            }
            // Characters that turn the direction of writing are the only thing to stumble on.
            Err(FormFault::Limit(finding)) => prop_assert_eq!(finding.code, "LIM-06"),
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }
}

#[test]
fn every_changed_byte_is_refused() {
    let keys = keys();
    for (record, key) in templates() {
        let good = record.sign(&cast::secret(key)).expect("signs");
        assert!(
            SignedRecord::parse(good.bytes().clone())
                .expect("parses")
                .verify(&keys)
                .is_ok()
        );
        for at in 0..good.bytes().len() {
            // Every byte by its lowest, highest and all bits; the unit tests try every bit.
            for mask in [0x01, 0x80, 0xFF] {
                let mut bytes = good.bytes().to_vec();
                bytes[at] ^= mask;
                let taken = SignedRecord::parse(bytes.into()).map(|r| r.verify(&keys));
                assert!(
                    !matches!(taken, Ok(Ok(_))),
                    "{} byte {at} mask {mask}",
                    record.kind()
                );
            }
        }
    }
}
