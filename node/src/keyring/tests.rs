//! The keyring on a real disk: what opens it, what it keeps, what destroying leaves.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::seal::{SealFault, SealingId, Secret};

use super::*;
use crate::limits;

const DAY: u64 = limits::DAY_MS;

fn words() -> MasterKey {
    MasterKey::from_words(MasterKind::Passphrase, b"correct horse battery").expect("long enough")
}

/// With a key file: Argon2id is slow on purpose.
fn by_file(dir: &Path) -> MasterKey {
    let path = dir.join("keyring.key");
    match MasterKey::from_file(&path) {
        Ok(key) => key,
        Err(_) => MasterKey::make_file(&path).expect("key file"),
    }
}

fn entry(n: u8) -> Entry {
    Entry {
        id: RecordId::from_bytes([n; 32]),
        secret: Secret::from_bytes(&[n ^ 0xff; 32]),
        thread: RecordId::from_bytes([1; 32]),
        author: AgencyId::from_bytes([2; 32]),
        exclude: BTreeSet::new(),
        opened_by: Some(SealingId::from_bytes([3; 8])),
        expires: Some(Millis(9)),
    }
}

/// What of an entry can be compared.
fn parts(
    entry: &Entry,
) -> (
    RecordId,
    [u8; 32],
    RecordId,
    Option<SealingId>,
    Option<Millis>,
) {
    let secret = *entry.secret.as_bytes();
    (
        entry.id,
        secret,
        entry.thread,
        entry.opened_by,
        entry.expires,
    )
}

/// Every byte of every file below a folder.
fn all_bytes(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(dir).expect("folder").flatten() {
        match entry.path() {
            path if path.is_dir() => bytes.extend(all_bytes(&path)),
            path => bytes.extend(fs::read(path).expect("file")),
        }
    }
    bytes
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn what_was_put_in_is_there_after_a_restart_and_in_clear_nowhere() {
    let home = tempfile::tempdir().expect("folder");
    let dir = home.path().join("keyring");
    let keyring = Keyring::open(&dir, &by_file(home.path())).expect("made");
    keyring.put(&entry(7)).expect("put");
    keyring.put_all(&[entry(8), entry(9)]).expect("put");
    drop(keyring);
    let keyring = Keyring::open(&dir, &by_file(home.path())).expect("opened");
    let back = keyring.get(&entry(7).id).expect("get").expect("there");
    assert_eq!(parts(&back), parts(&entry(7)));
    assert_eq!(keyring.entries().expect("entries").len(), 3);
    assert_eq!(keyring.damaged(), []);
    assert!(!contains(&all_bytes(&dir), entry(7).secret.as_bytes()));
    assert!(!contains(&all_bytes(&dir), &entry(7).author.as_bytes()[..]));
}

#[test]
fn what_is_destroyed_is_gone_and_its_bytes_were_overwritten() {
    let home = tempfile::tempdir().expect("folder");
    let dir = home.path().join("keyring");
    let keyring = Keyring::open(&dir, &by_file(home.path())).expect("made");
    keyring.put(&entry(7)).expect("put");
    let file = dir.join("entries").join(entry(7).id.full());
    // A second name for the same file keeps what was in it.
    let second = home.path().join("second");
    fs::hard_link(&file, &second).expect("link");
    let before = fs::read(&second).expect("file");
    assert!(keyring.destroy(&entry(7).id).expect("destroyed"));
    assert!(!keyring.holds(&entry(7).id) && !file.exists());
    let after = fs::read(&second).expect("file");
    assert!(!contains(&after, &before[..64]), "overwritten");
    assert!(keyring.get(&entry(7).id).expect("get").is_none());
    assert!(!keyring.destroy(&entry(7).id).expect("nothing there"));
}

#[test]
fn another_key_opens_nothing_and_changes_nothing() {
    let home = tempfile::tempdir().expect("folder");
    let dir = home.path().join("keyring");
    Keyring::open(&dir, &by_file(home.path()))
        .expect("made")
        .put(&entry(7))
        .expect("put");
    let before = all_bytes(&dir);
    fs::remove_file(home.path().join("keyring.key")).expect("removed");
    let error = Keyring::open(&dir, &by_file(home.path())).expect_err("another key");
    assert!(matches!(error, KeyringError::Locked { .. }), "{error}");
    let error = Keyring::open(&dir, &words()).expect_err("another sort");
    assert!(matches!(error, KeyringError::OtherSort { .. }), "{error}");
    assert!(before == all_bytes(&dir));
}

#[test]
fn a_passphrase_takes_the_place_of_a_key_file() {
    let home = tempfile::tempdir().expect("folder");
    let dir = home.path().join("keyring");
    let old = by_file(home.path());
    Keyring::open(&dir, &old)
        .expect("made")
        .put(&entry(7))
        .expect("put");
    change_master(&dir, &old, &words(), |_, _| {}).expect("changed");
    assert_eq!(
        kind_of(&dir).expect("heading"),
        Some(MasterKind::Passphrase)
    );
    assert!(Keyring::open(&dir, &old).is_err());
    let other = MasterKey::from_words(MasterKind::Passphrase, b"incorrect horse!").expect("words");
    assert!(matches!(
        Keyring::open(&dir, &other),
        Err(KeyringError::Locked { .. })
    ));
    let keyring = Keyring::open(&dir, &words()).expect("opened");
    let back = keyring.get(&entry(7).id).expect("get").expect("there");
    assert_eq!(parts(&back), parts(&entry(7)));
    assert!(matches!(
        MasterKey::from_words(MasterKind::Passphrase, b" short "),
        Err(KeyringError::Short)
    ));
}

#[test]
fn who_kept_a_copy_from_before_a_change_reads_nothing_that_came_after_it() {
    let home = tempfile::tempdir().expect("folder");
    let dir = home.path().join("keyring");
    let old = by_file(home.path());
    let keyring = Keyring::open(&dir, &old).expect("made");
    keyring.put(&entry(7)).expect("put");
    keyring.keep(Shelf::Drafts, "draft", &1u8).expect("kept");
    drop(keyring);
    let second = home.path().join("second");
    fs::hard_link(dir.join("master"), &second).expect("link");
    let before = fs::read(dir.join("master")).expect("heading");
    change_master(&dir, &old, &words(), |_, _| {}).expect("changed");
    assert!(!contains(&fs::read(&second).expect("file"), &before[..64]));
    let keyring = Keyring::open(&dir, &words()).expect("opened");
    keyring.put(&entry(8)).expect("put");
    assert_eq!(keyring.entries().expect("all open").len(), 2);
    let draft: Option<u8> = keyring.kept(Shelf::Drafts, "draft").expect("read");
    assert_eq!((draft, keyring.damaged()), (Some(1), vec![]));
    drop(keyring);
    // The old heading, put in the place of the new one.
    fs::write(dir.join("master"), &before).expect("heading");
    let keyring = Keyring::open(&dir, &old).expect("opened");
    for n in [7, 8] {
        assert!(matches!(
            keyring.get(&entry(n).id),
            Err(KeyringError::Damaged { .. })
        ));
    }
}

#[test]
fn a_change_that_was_interrupted_goes_on_and_nothing_is_taken_for_damaged() {
    let home = tempfile::tempdir().expect("folder");
    let dir = home.path().join("keyring");
    let old = by_file(home.path());
    let keyring = Keyring::open(&dir, &old).expect("made");
    for n in 1..=3 {
        keyring.put(&entry(n)).expect("put");
    }
    drop(keyring);
    // As a stop in the middle leaves it: one file is under the new key.
    let heading = fs::read(dir.join("master")).expect("heading");
    let left = fs::read(dir.join("entries").join(entry(3).id.full())).expect("entry");
    change_master(&dir, &old, &words(), |_, _| {}).expect("changed");
    fs::rename(dir.join("master"), dir.join("master.next")).expect("heading");
    fs::write(dir.join("master"), &heading).expect("heading");
    fs::write(dir.join("entries").join(entry(3).id.full()), left).expect("entry");
    for key in [&old, &words()] {
        let error = Keyring::open(&dir, key).expect_err("half changed");
        assert!(matches!(error, KeyringError::Changing { .. }), "{error}");
    }
    let other = MasterKey::from_words(MasterKind::Passphrase, b"incorrect horse!").expect("words");
    assert!(change_master(&dir, &old, &other, |_, _| {}).is_err());
    change_master(&dir, &old, &words(), |_, _| {}).expect("carried on");
    let keyring = Keyring::open(&dir, &words()).expect("opened");
    assert_eq!(keyring.entries().expect("all open").len(), 3);
    assert!(keyring.damaged().is_empty() && !dir.join("master.next").exists());
    drop(keyring);
    // And a stop just before its end.
    fs::copy(dir.join("master"), dir.join("master.next")).expect("heading");
    Keyring::open(&dir, &words()).expect("opened");
    assert!(!dir.join("master.next").exists());
}

#[test]
fn many_files_are_changed_in_batches_and_a_fault_in_the_middle_loses_none() {
    let home = tempfile::tempdir().expect("folder");
    let dir = home.path().join("keyring");
    let old = by_file(home.path());
    let keyring = Keyring::open(&dir, &old).expect("made");
    let count = 2 * limits::KEYRING_BATCH + 5;
    let entries: Vec<Entry> = (0..count)
        .map(|n| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&n.to_be_bytes());
            Entry {
                id: RecordId::from_bytes(id),
                ..entry(7)
            }
        })
        .collect();
    keyring.put_all(&entries).expect("put");
    drop(keyring);
    let unfinished = |n: usize| {
        let name = format!("{}{}", entries[n].id.full(), locker::UNFINISHED);
        dir.join("entries").join(name)
    };
    // What a stop in the middle of a write left, and where nothing can be written.
    fs::write(unfinished(1), "cut").expect("left");
    fs::create_dir(unfinished(count - 1)).expect("in the way");
    let mut steps = Vec::new();
    let new = MasterKey::make_file(&home.path().join("new.key")).expect("key file");
    let error = change_master(&dir, &old, &new, |done, of| steps.push((done, of)));
    assert!(matches!(error, Err(KeyringError::Io { .. })), "{error:?}");
    for key in [&old, &new] {
        let error = Keyring::open(&dir, key).expect_err("half changed");
        assert!(matches!(error, KeyringError::Changing { .. }), "{error}");
    }
    fs::remove_dir(unfinished(count - 1)).expect("out of the way");
    steps.clear();
    change_master(&dir, &old, &new, |done, of| steps.push((done, of))).expect("carried on");
    assert_eq!(steps, [256, 512, 517].map(|done| (done, count)));
    let keyring = Keyring::open(&dir, &new).expect("opened");
    assert_eq!(keyring.entries().expect("all open").len(), count);
    assert_eq!(keyring.damaged(), []);
    assert!(!unfinished(1).exists());
}

#[test]
fn what_is_damaged_swapped_or_foreign_is_told_one_by_one_and_set_aside() {
    let home = tempfile::tempdir().expect("folder");
    let dir = home.path().join("keyring");
    let keyring = Keyring::open(&dir, &by_file(home.path())).expect("made");
    keyring
        .put_all(&[entry(1), entry(2), entry(3), entry(4)])
        .expect("put");
    let path = |n| dir.join("entries").join(entry(n).id.full());
    let mut bytes = fs::read(path(1)).expect("file");
    bytes[60] ^= 1;
    fs::write(path(1), bytes).expect("damaged");
    fs::copy(path(3), path(2)).expect("another's in its place");
    fs::write(path(4), []).expect("emptied");
    fs::write(dir.join("entries/readme.txt"), "hello").expect("foreign");
    let held = keyring.entries().expect("entries");
    assert_eq!(held.len(), 1);
    assert_eq!(parts(&held[0]), parts(&entry(3)));
    let told: BTreeSet<String> = keyring.damaged().into_iter().map(|d| d.file).collect();
    let name = |n| format!("entries/{}", entry(n).id.full());
    let expected = [name(1), name(2), name(4), "entries/readme.txt".into()];
    assert_eq!(told, expected.into_iter().collect());
    // Nothing is lost before a person decides, and an erasure reaches it there.
    assert_eq!(
        fs::read_dir(dir.join("quarantine"))
            .expect("folder")
            .count(),
        4
    );
    assert!(keyring.destroy(&entry(1).id).expect("destroyed"));
    assert_eq!(
        fs::read_dir(dir.join("quarantine"))
            .expect("folder")
            .count(),
        3
    );
}

#[test]
fn a_keyring_without_its_heading_is_not_begun_anew() {
    let home = tempfile::tempdir().expect("folder");
    let dir = home.path().join("keyring");
    let master = by_file(home.path());
    Keyring::open(&dir, &master)
        .expect("made")
        .put(&entry(1))
        .expect("put");
    fs::remove_file(dir.join("master")).expect("removed");
    let error = Keyring::open(&dir, &master).expect_err("no heading");
    assert!(matches!(error, KeyringError::Heading { .. }), "{error}");
    fs::write(dir.join("master"), "format = 2\n").expect("newer");
    let error = Keyring::open(&dir, &master).expect_err("newer");
    assert!(
        matches!(error, KeyringError::Format { found: 2, .. }),
        "{error}"
    );
}

#[test]
fn a_write_that_was_cut_short_leaves_nothing() {
    let home = tempfile::tempdir().expect("folder");
    let dir = home.path().join("keyring");
    let master = by_file(home.path());
    let keyring = Keyring::open(&dir, &master).expect("made");
    let half = dir
        .join("entries")
        .join(format!("{}.new", entry(1).id.full()));
    fs::write(&half, b"half").expect("half");
    drop(keyring);
    let keyring = Keyring::open(&dir, &master).expect("opened");
    assert!(!half.exists());
    assert_eq!(
        (
            keyring.entries().expect("none").len(),
            keyring.damaged().len()
        ),
        (0, 0)
    );
}

#[test]
fn sealing_keys_come_before_the_old_ones_leave_and_go_on_schedule() {
    let home = tempfile::tempdir().expect("folder");
    let dir = home.path().join("keyring");
    let master = by_file(home.path());
    let keyring = Keyring::open(&dir, &master).expect("made");
    let start = 1_000 * DAY;
    let mut most = 0;
    for day in 0..200 {
        let now = Millis(start + day * DAY);
        keyring.rotate(now).expect("rotated");
        let listed = keyring.listed(now);
        // Whoever last heard from us nine days ago has a key that holds.
        let left = (limits::SEALING_OVERLAP_DAYS - 1) * DAY;
        assert!(
            listed.iter().any(|k| k.until.0 >= now.0 + left),
            "day {day}"
        );
        assert!(listed.iter().all(|k| k.is_valid_at(now)), "day {day}");
        let keys = keyring.sealing();
        assert!(keys.iter().all(|k| k.deleted_at > now), "day {day}");
        most = most.max(keys.len());
    }
    assert!(most <= 4, "{most} keys at once");
    let now = Millis(start + 200 * DAY);
    let before = keyring.sealing();
    drop(keyring);
    let keyring = Keyring::open(&dir, &master).expect("opened");
    assert_eq!(keyring.sealing(), before, "as they were written");
    let done = keyring.retire_all(now).expect("retired");
    assert_eq!(done.deleted.len(), before.len());
    let after = keyring.listed(now);
    assert_eq!(after.iter().map(|k| k.id()).collect::<Vec<_>>(), done.made);
    assert_eq!(
        fs::read_dir(dir.join("sealing")).expect("folder").count(),
        1
    );
}

#[test]
fn a_wrap_opens_as_long_as_its_sealing_key_is_kept() {
    let home = tempfile::tempdir().expect("folder");
    let keyring = Keyring::open(&home.path().join("keyring"), &by_file(home.path())).expect("made");
    let now = Millis(1_000 * DAY);
    keyring.rotate(now).expect("rotated");
    let (own, id) = (AgencyId::from_bytes([2; 32]), entry(1).id);
    let key = keyring.listed(now).remove(0);
    let wrap = key
        .wrap(&entry(1).secret, &own, &id, &mut rand::rng())
        .expect("wrapped");
    let opened = keyring.open_wrap(&wrap, &own, &id).expect("opened");
    assert_eq!(opened.as_bytes(), entry(1).secret.as_bytes());
    let other = keyring.open_wrap(&wrap, &own, &entry(2).id);
    assert!(matches!(other, Err(SealFault::Closed { .. })));
    keyring.retire_all(now).expect("retired");
    let gone = keyring.open_wrap(&wrap, &own, &id);
    assert!(matches!(gone, Err(SealFault::OtherKey { .. })));
}

#[test]
fn only_one_has_it_open() {
    let home = tempfile::tempdir().expect("folder");
    let dir = home.path().join("keyring");
    let master = by_file(home.path());
    let keyring = Keyring::open(&dir, &master).expect("made");
    assert!(matches!(
        Keyring::open(&dir, &master),
        Err(KeyringError::InUse { .. })
    ));
    keyring.close();
    Keyring::open(&dir, &master).expect("opened");
}

#[test]
fn files_and_drafts_are_kept_and_destroyed() {
    let home = tempfile::tempdir().expect("folder");
    let dir = home.path().join("keyring");
    let keyring = Keyring::open(&dir, &by_file(home.path())).expect("made");
    let value = ("Amara-Marker".to_owned(), vec![1u64, 2, 3]);
    keyring.keep(Shelf::Files, "3F7K", &value).expect("kept");
    let back: Option<(String, Vec<u64>)> = keyring.kept(Shelf::Files, "3F7K").expect("read");
    assert_eq!(back, Some(value.clone()));
    assert_eq!(keyring.kept_names(Shelf::Files).expect("names"), ["3F7K"]);
    assert!(!contains(&all_bytes(&dir), b"Amara-Marker"));
    // Another sort of value is no panic.
    keyring.keep(Shelf::Files, "other", &7u8).expect("kept");
    let error = keyring
        .kept::<String>(Shelf::Files, "other")
        .expect_err("a number");
    assert!(matches!(error, KeyringError::Damaged { .. }), "{error}");
    assert!(keyring.drop_kept(Shelf::Files, "3F7K").expect("dropped"));
    let gone: Option<(String, Vec<u64>)> = keyring.kept(Shelf::Files, "3F7K").expect("read");
    assert_eq!(gone, None);
    for name in ["", "../x", "a/b", &"x".repeat(65)] {
        assert!(matches!(
            keyring.keep(Shelf::Drafts, name, &value),
            Err(KeyringError::Name { .. })
        ));
    }
    let long = "x".repeat(limits::KEYRING_FILE_BYTES);
    assert!(matches!(
        keyring.keep(Shelf::Drafts, "long", &long),
        Err(KeyringError::TooLarge { .. })
    ));
}

#[test]
fn a_full_keyring_says_so_before_the_next_start_would_fail() {
    let dir = tempfile::tempdir().expect("folder");
    let master = by_file(dir.path());
    let keyring = Keyring::open_for(&dir.path().join("keyring"), &master, 10).expect("opened");
    for n in 1..=8 {
        keyring.put(&entry(n)).expect("room");
    }
    assert_eq!(keyring.is_nearly_full(), None);
    keyring.put(&entry(9)).expect("room");
    let says = keyring.is_nearly_full().expect("nearly full");
    assert!(
        says.contains("holds 9 secrets") && says.contains("10 are the most"),
        "{says}"
    );
    // One that is there already takes no room; of two that don't fit, neither is in.
    keyring.put_all(&[entry(9), entry(10)]).expect("room");
    let full = keyring.put_all(&[entry(10), entry(11)]);
    assert!(
        matches!(full, Err(KeyringError::Full { most: 10 })),
        "{full:?}"
    );
    assert!(!keyring.holds(&entry(11).id));
    assert!(keyring.destroy(&entry(1).id).expect("destroyed"));
    keyring.put(&entry(11)).expect("room again");
    drop(keyring);
    let keyring = Keyring::open_for(&dir.path().join("keyring"), &master, 10).expect("opened");
    assert!(keyring.put(&entry(12)).is_err());
}

#[test]
fn what_two_destroy_at_once_is_counted_once() {
    let dir = tempfile::tempdir().expect("folder");
    let keyring = Keyring::open_for(dir.path(), &words(), 2).expect("a keyring");
    keyring.put(&entry(1)).expect("kept");
    for _ in 0..50 {
        keyring.put(&entry(2)).expect("there is room for it");
        let together = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    together.wait();
                    keyring.destroy(&entry(2).id).expect("destroyed");
                });
            }
        });
    }
    keyring.put(&entry(2)).expect("there is room for it");
    let full = keyring.put(&entry(3));
    assert!(
        matches!(full, Err(KeyringError::Full { most: 2 })),
        "{full:?}"
    );
}

/// Whoever reads beside a writer may have the bytes open that are being overwritten: that is no
/// damage, and the file that has come in their place is not moved away for it.
#[test]
fn what_is_read_while_it_is_replaced_is_not_taken_for_damaged() {
    let home = tempfile::tempdir().expect("folder");
    let dir = home.path().join("keyring");
    let keyring = Keyring::open(&dir, &by_file(home.path())).expect("made");
    let over = std::sync::atomic::AtomicBool::new(false);
    // A value that fills several pages, so that a look at it takes a while.
    let value = |n: u64| vec![n; 6_000];
    keyring
        .keep(Shelf::Drafts, "d-3f7k9q2m", &value(1_000_000))
        .expect("kept");
    keyring.put(&entry(7)).expect("put");
    std::thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let kept = keyring.kept::<Vec<u64>>(Shelf::Drafts, "d-3f7k9q2m");
                    assert_eq!(kept.expect("opens").expect("is there").len(), 6_000);
                    let entry = keyring.get(&entry(7).id).expect("opens");
                    assert!(entry.is_none_or(|entry| entry.expires == Some(Millis(9))));
                    for id in keyring.ids().expect("listed") {
                        assert_eq!(id, super::tests::entry(7).id);
                    }
                }
            });
        }
        let written = (0..150).try_for_each(|n| {
            let kept = keyring.keep(Shelf::Drafts, "d-3f7k9q2m", &value(1_000_000 + n));
            kept.map_err(|e| format!("keep {n}: {e}"))?;
            let gone = keyring.destroy(&entry(7).id);
            gone.map_err(|e| format!("destroy {n}: {e}"))?;
            keyring.put(&entry(7)).map_err(|e| format!("put {n}: {e}"))
        });
        over.store(true, Ordering::Relaxed);
        written.expect("written");
    });
    assert_eq!(keyring.damaged(), []);
    let aside = fs::read_dir(dir.join("quarantine")).expect("folder");
    assert_eq!(aside.count(), 0, "nothing was moved away");
}
