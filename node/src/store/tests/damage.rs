//! Locks, full disks, damaged and missing files, compaction.

use super::*;

fn write(store: &Store, range: std::ops::Range<u64>) {
    store
        .write_blocking(range.map(|n| insert(record(n, 600))).collect())
        .unwrap();
}

const NOTE: (&str, &[u8]) = ("note", b"salvaged");

#[test]
fn what_can_be_read_of_a_damaged_store_is_taken_over_and_the_rest_is_named() {
    let (dir, store) = open();
    let path = dir.path().join("store");
    let meta = |name: &str, bytes: Vec<u8>| Op::PutMeta {
        name: name.into(),
        bytes: bytes.into(),
    };
    // Enough that not all lies in one page.
    for n in 0..80 {
        let name = format!("{n:02}");
        let bytes = if n == 40 {
            b"Quittenmarke".repeat(8_000)
        } else {
            vec![1; 9_000]
        };
        store.write_blocking(vec![meta(&name, bytes)]).unwrap();
    }
    write(&store, 1..1_000);
    // So that what comes is not read back when it is opened.
    drop(store);
    drop(Store::open(&path, options()).unwrap());
    let mut db = std::fs::read(path.join("db")).unwrap();
    let word = b"QuittenmarkeQuittenmarke";
    let places = (0..db.len()).filter(|at| db[*at..].starts_with(word));
    let places: Vec<usize> = places.collect();
    assert!(!places.is_empty(), "the value is in the file");
    places.into_iter().for_each(|at| db[at] ^= 0xFF);
    std::fs::write(path.join("db"), db).unwrap();
    let scratch = dir.path().join("new");
    // One that was broken off is kept too.
    std::fs::create_dir(&scratch).unwrap();
    let done = salvage(&path, &scratch, NOTE).unwrap();
    assert!(dir.path().join("store.damaged-1").exists() && !scratch.exists());
    assert_eq!(done.aside, dir.path().join("store.damaged-2"));
    assert!(done.aside.join("db").exists());
    assert_eq!(done.unread, ["policy"]);
    let new = Store::open(&path, options()).unwrap();
    assert_eq!(new.meta("note").unwrap().unwrap(), "salvaged");
    assert_eq!(new.meta("00").unwrap().unwrap().len(), 9_000);
    assert_eq!(new.meta("40").unwrap(), None);
}

#[test]
fn a_second_liaison_is_told_so() {
    let (dir, store) = open();
    let path = dir.path().join("store");
    let error = Store::open(&path, options()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("another liaison runs on this folder")
    );
    assert!(matches!(
        salvage(&path, &dir.path().join("new"), NOTE),
        Err(StoreError::InUse { .. })
    ));
    store.close();
    drop(store);
    Store::open(&path, options()).unwrap();
}

#[test]
fn a_full_disk_refuses_the_write_and_the_store_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let full = Options {
        min_free_bytes: u64::MAX,
        ..options()
    };
    let store = Store::open(dir.path(), full).unwrap();
    let error = store
        .write_blocking(vec![insert(record(1, 5))])
        .unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert_eq!(store.last(), Arrival::ZERO);
    drop(store);
    let store = Store::open(dir.path(), options()).unwrap();
    assert_eq!(store.last(), Arrival::ZERO);
    write(&store, 1..2);
}

#[test]
fn a_store_that_lost_acknowledged_records_is_not_opened() {
    let (dir, store) = open();
    let path = dir.path().join("store");
    write(&store, 1..100);
    drop(store);
    let kept = std::fs::read(path.join("db")).unwrap();
    let store = Store::open(&path, options()).unwrap();
    write(&store, 100..200);
    drop(store);
    // As if the log had been cut at a damaged message.
    for file in std::fs::read_dir(&path).unwrap() {
        let file = file.unwrap().path();
        if file
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("snap.")
        {
            std::fs::remove_file(file).unwrap();
        }
    }
    std::fs::write(path.join("db"), kept).unwrap();
    let error = Store::open(&path, options()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    // Out of the way, a new one can begin.
    let scratch = dir.path().join("new");
    let done = salvage(&path, &scratch, NOTE).unwrap();
    assert!(done.aside.join("db").exists() && !scratch.exists());
    assert_eq!(Store::open(&path, options()).unwrap().last(), Arrival::ZERO);
}

#[test]
fn garbage_in_the_file_is_an_error_and_no_panic() {
    let (dir, store) = open();
    let path = dir.path().join("store");
    write(&store, 1..1_000);
    drop(store);
    let good = std::fs::read(path.join("db")).unwrap();
    for (from, to) in [(0, good.len()), (0, 4_096), (good.len() / 2, good.len())] {
        let mut bad = good.clone();
        bad[from..to].fill(0xA5);
        std::fs::write(path.join("db"), &bad).unwrap();
        let opened = Store::open(&path, options());
        assert!(
            matches!(opened, Err(StoreError::Corrupt { .. })),
            "{from}..{to}: {opened:?}"
        );
    }
    std::fs::write(path.join("conf"), b"nonsense").unwrap();
    let opened = Store::open(&path, options());
    assert!(
        matches!(opened, Err(StoreError::Corrupt { .. })),
        "{opened:?}"
    );
}

#[test]
fn the_largest_values_never_go_to_files_that_nobody_syncs() {
    let (dir, store) = open();
    let text = "\u{1D11E}".repeat(limits::QUARANTINE_CHARS);
    let sample = Quarantined::sample(Millis(1), None, &text, &text, &[7; 9_999]);
    let names: Vec<_> = (0..limits::AUDIENCE as u8).map(agency).collect();
    for n in 1..60 {
        let record = NewRecord {
            class: Bytes::from(vec![n as u8; limits::CLASS_BYTES]),
            audience: Some(names.clone()),
            supersedes: Some(id(9)),
            ..record(3 * n, liaison_protocol::limits::RECORD_BYTES)
        };
        let name = format!("{n:0>width$}", width = limits::STORE_NAME_BYTES);
        let mut ops = vec![
            insert(record),
            Op::PutMeta {
                name,
                bytes: Bytes::from(vec![n as u8; 9_000]),
            },
        ];
        ops.extend((0..5).map(|_| Op::Quarantine(sample.clone())));
        store.write_blocking(ops).unwrap();
    }
    let tombstone = Tombstone {
        author: agency(0),
        reason: 0,
        at: Millis(1),
        by: id(0),
    };
    for n in (1..60).filter(|n| n % 3 != 0) {
        let op = Op::Tombstone {
            id: id(3 * n),
            tombstone: tombstone.clone(),
            erase: true,
        };
        store.write_blocking(vec![op]).unwrap();
    }
    let blobs = std::fs::read_dir(dir.path().join("store/blobs")).unwrap();
    assert_eq!(blobs.count(), 0);
}

#[test]
fn compaction_drops_deleted_bytes_and_keeps_the_rest() {
    let (dir, store) = open();
    let (path, scratch) = (dir.path().join("store"), dir.path().join("scratch"));
    let secret = b"a caveat that has to go for good";
    let doomed = NewRecord {
        bytes: Bytes::from_static(secret),
        ..record(500, 0)
    };
    write(&store, 1..400);
    store.write_blocking(vec![insert(doomed)]).unwrap();
    write(&store, 400..450);
    let tombstone = Tombstone {
        author: agency(2),
        reason: 2,
        at: Millis(9),
        by: id(9),
    };
    store
        .write_blocking(vec![Op::Tombstone {
            id: id(500),
            tombstone,
            erase: true,
        }])
        .unwrap();
    let rows = store.headers(Arrival(1), 1_000).unwrap();
    let (counts, incarnation) = (store.counts().unwrap(), store.incarnation().unwrap());
    assert!(matches!(
        compact(&path, &scratch),
        Err(StoreError::InUse { .. })
    ));
    drop(store);
    let holds = |path: &FsPath| {
        let file = std::fs::read(path.join("db")).unwrap();
        file.windows(secret.len()).any(|w| w == secret)
    };
    assert!(
        holds(&path),
        "deleted bytes stay in the file: that is why there is a compaction"
    );
    compact(&path, &scratch).unwrap();
    assert!(!holds(&path) && !scratch.exists());
    let store = Store::open(&path, options()).unwrap();
    assert_eq!(store.headers(Arrival(1), 1_000).unwrap(), rows);
    assert_eq!(
        (store.counts().unwrap(), store.incarnation().unwrap()),
        (counts, incarnation)
    );
    assert_eq!(
        store.record(Arrival(1)).unwrap(),
        Some(record(1, 600).bytes)
    );
    write(&store, 600..601);
    assert_eq!(store.last(), Arrival(451));
}
