//! The engine against a sorted map, and against readers while blocks are cut.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::super::engine::Engine;
use super::super::keys;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;
type Change = (Vec<u8>, Option<Vec<u8>>);

/// Keys of families that lie in blocks and of such that don't, close enough to meet.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let families = vec![
        keys::RECORD,
        keys::HEADER,
        keys::ID,
        keys::LEDGER,
        keys::REFUSED,
        keys::META,
        keys::STATE,
    ];
    (prop::sample::select(families), 0..3u32, 0..120u64).prop_map(
        |(family, peer, n)| match family {
            keys::LEDGER | keys::REFUSED => {
                keys::key(family, &[&peer.to_be_bytes(), &n.to_be_bytes()])
            }
            keys::STATE => vec![family],
            _ => keys::key(family, &[&n.to_be_bytes()]),
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let value = (prop_oneof![0..90usize, 0..4_090usize], any::<u8>());
    (key(), prop::option::weighted(0.75, value))
        .prop_map(|(key, value)| (key, value.map(|(length, byte)| vec![byte; length])))
}

fn engine(dir: &tempfile::TempDir) -> Engine {
    Engine::open(dir.path(), 1 << 20).unwrap()
}

fn scan(engine: &Engine, prefix: &[u8], from: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    engine
        .scan(prefix, from.to_vec())
        .map(|row| row.unwrap())
        .map(|(key, value)| (key.to_vec(), value.to_vec()))
        .collect()
}

/// All that can be asked of it, with the looks from `at`.
fn same(engine: &Engine, rows: &Rows, at: &[u8]) {
    for (key, value) in rows {
        assert_eq!(engine.get(key).unwrap().as_deref(), Some(&value[..]));
    }
    assert_eq!(
        engine.get(at).unwrap().as_deref(),
        rows.get(at).map(|v| &v[..])
    );
    for length in 0..=at.len() {
        let (prefix, end) = (&at[..length], keys::after(&at[..length]));
        let expected: Vec<_> = rows
            .range(at.to_vec()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        assert_eq!(scan(engine, prefix, at), expected);
        let mut below = rows
            .iter()
            .filter(|(key, _)| end.as_ref().is_none_or(|end| *key < end));
        let last = below.next_back().filter(|(key, _)| key.starts_with(prefix));
        let found = engine.last(prefix).unwrap();
        let found = found
            .as_ref()
            .map(|(key, value)| (key.as_ref(), value.as_ref()));
        assert_eq!(found, last.map(|(key, value)| (&key[..], &value[..])));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_is_a_sorted_map(
        batches in prop::collection::vec(prop::collection::vec(change(), 1..60), 1..12),
        at in prop::collection::vec(key(), 12),
        again in 0..12usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (mut engine_now, mut rows) = (engine(&dir), Rows::new());
        for (n, (batch, at)) in batches.into_iter().zip(at).enumerate() {
            engine_now.apply(batch.clone()).unwrap();
            for (key, value) in batch {
                match value {
                    Some(value) => drop(rows.insert(key, value)),
                    None => drop(rows.remove(&key)),
                }
            }
            if n == again {
                drop(engine_now);
                engine_now = engine(&dir);
            }
            same(&engine_now, &rows, &at);
        }
    }
}

#[test]
fn a_reader_finds_what_is_there_while_blocks_are_cut() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(&dir);
    let of = |n: u64| {
        keys::key(
            keys::ID,
            &[&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes()],
        )
    };
    let row = |n: u64| (of(n), Some(vec![7; 60]));
    engine.apply((0..40).map(row)).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let reader = threads.spawn(|| {
            let mut looks = 0;
            while !done.load(Ordering::Relaxed) || looks == 0 {
                for n in 0..40 {
                    assert!(engine.get(&of(n)).unwrap().is_some(), "{n}");
                }
                let found = scan(&engine, &[keys::ID], &[keys::ID]);
                let keys: Vec<_> = found.iter().map(|(key, _)| key).collect();
                assert!(keys.is_sorted_by(|a, b| a < b), "in order, each once");
                for n in 0..40 {
                    assert!(keys.contains(&&of(n)), "{n}");
                }
                looks += 1;
            }
        });
        for n in 40..2_000 {
            engine.apply([row(n)]).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert_eq!(scan(&engine, &[keys::ID], &[keys::ID]).len(), 2_000);
}
