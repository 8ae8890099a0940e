//! The mailbox on a real disk: bounds, order, what a restart finds.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use super::*;

const ROOM: Room = Room {
    parcels: 100,
    bytes: 1_000_000,
    total: 10_000_000,
};

fn agency(n: u8) -> AgencyId {
    AgencyId::from_bytes([n; 32])
}

/// A parcel that says who it is, of 1 for 2, that ends at 1000.
fn parcel(n: u64) -> (Held, Vec<u8>) {
    let bytes = format!("parcel {n}").into_bytes();
    let held = Held {
        id: ParcelId::from_bytes(digest(&bytes)),
        from: agency(1),
        to: agency(2),
        size: bytes.len() as u32,
        owed: false,
        kept: Millis(n),
        expires: Millis(1_000),
    };
    (held, bytes)
}

async fn keep(mailbox: &Mailbox, held: Held, bytes: &[u8]) {
    match mailbox.admit(held).expect("room") {
        Admission::Room(deposit) => {
            let (half, rest) = bytes.split_at(bytes.len() / 2);
            let deposit = mailbox.write(deposit, half.to_vec()).await.expect("room");
            let deposit = mailbox.write(deposit, rest.to_vec()).await.expect("room");
            mailbox.keep(deposit).await.expect("kept");
        }
        Admission::Waits => panic!("it waits already"),
    }
}

async fn fetch(mailbox: &Mailbox, to: u8, held: &Held) -> Option<Vec<u8>> {
    let opened = mailbox
        .open_parcel(&agency(to), &held.id)
        .await
        .expect("read");
    let bytes = mailbox.read(&opened?, 0, held.size).await;
    Some(bytes.expect("its bytes"))
}

#[tokio::test]
async fn all_of_it_has_an_end_and_the_last_tenth_is_for_what_is_owed() {
    let dir = tempfile::tempdir().expect("folder");
    let room = Room { total: 100, ..ROOM };
    let mailbox = Mailbox::open(dir.path().join("mailbox"), room).expect("a mailbox");
    // Each of another depositor for another addressee, so that no other bound is near.
    let admit = |n: u8, size: u32, owed: bool| {
        let held = Held {
            id: ParcelId::from_bytes([n; 32]),
            from: agency(2 * n),
            to: agency(2 * n + 1),
            size,
            owed,
            kept: Millis(1),
            expires: Millis(1_000),
        };
        mailbox.admit(held)
    };
    let mut coming = Vec::new();
    for n in 1..=3 {
        coming.push(admit(n, 30, false).expect("room"));
    }
    assert_eq!(admit(4, 1, false).err(), Some(Refusal::Disk));
    coming.push(admit(5, 10, true).expect("room for what is owed"));
    assert_eq!(admit(6, 1, true).err(), Some(Refusal::Disk));
    // What does not come leaves its room to others.
    drop(coming.pop());
    assert!(admit(7, 10, true).is_ok());
}

/// Each stream of a depositor is given room before another has brought the same.
#[tokio::test]
async fn what_comes_by_several_streams_at_once_is_kept_once_and_leaves_nothing_behind() {
    for apart in [0, 1] {
        let dir = tempfile::tempdir().expect("folder");
        let mailbox = Mailbox::open(dir.path().into(), ROOM).expect("a mailbox");
        let (held, bytes) = parcel(1);
        let mut coming = Vec::new();
        for n in 0..4 {
            let held = Held {
                kept: Millis(1 + apart * n),
                to: agency(if n < 3 { 2 } else { 3 }),
                ..held
            };
            let Ok(Admission::Room(deposit)) = mailbox.admit(held) else {
                panic!("room");
            };
            let deposit = mailbox.write(deposit, bytes.clone()).await;
            coming.push(deposit.expect("room"));
        }
        for deposit in coming {
            mailbox.keep(deposit).await.expect("kept");
        }
        assert_eq!(files(dir.path()).len(), 1, "{apart} ms apart");
        assert_eq!(mailbox.usage().parcels, 1);
        assert_eq!(fetch(&mailbox, 2, &held).await, Some(bytes));
        let gone = mailbox.discard(&agency(1), &[held.id]).await.expect("gone");
        assert_eq!(gone.gone, [held]);
        assert_eq!(files(dir.path()), BTreeSet::new(), "{apart} ms apart");
        assert_eq!(mailbox.usage(), Usage::default());
    }
}

#[tokio::test]
async fn what_lies_there_twice_is_there_once_after_a_start() {
    let dir = tempfile::tempdir().expect("folder");
    let mailbox = Mailbox::open(dir.path().into(), ROOM).expect("a mailbox");
    let (held, bytes) = parcel(1);
    keep(&mailbox, held, &bytes).await;
    drop(mailbox);
    let of = |to: u8| dir.path().join(agency(to).full());
    let name = files(&of(2)).pop_first().expect("a file");
    std::fs::create_dir(of(3)).expect("a folder");
    for (to, later) in [(2, "-5-"), (3, "-6-")] {
        let twice = of(to).join(name.replace("-1-", later));
        std::fs::copy(of(2).join(&name), twice).expect("copied");
    }
    let mailbox = Mailbox::open(dir.path().into(), ROOM).expect("a mailbox");
    assert_eq!(files(dir.path()), BTreeSet::from([name]));
    assert_eq!(all_for(&mailbox, 2), [held]);
    assert_eq!(mailbox.usage().parcels, 1);
    assert!(!of(3).exists());
}

fn all_for(mailbox: &Mailbox, to: u8) -> Vec<Held> {
    let mut position = Position::default();
    let next = || mailbox.next(&agency(to), &mut position, Millis(0));
    std::iter::from_fn(next).collect()
}

fn files(dir: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for entry in std::fs::read_dir(dir).expect("a folder").flatten() {
        if entry.path().is_dir() {
            all.extend(files(&entry.path()));
        } else {
            all.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    all
}

#[tokio::test]
async fn what_is_kept_waits_after_a_restart_and_leaves_when_it_arrived() {
    let dir = tempfile::tempdir().expect("folder");
    let open = || Mailbox::open(dir.path().join("mailbox"), ROOM).expect("a mailbox");
    let mailbox = open();
    for n in 0..5 {
        let (held, bytes) = parcel(n);
        keep(
            &mailbox,
            Held {
                owed: n == 3,
                ..held
            },
            &bytes,
        )
        .await;
    }
    assert_eq!(mailbox.usage().parcels, 5);
    let before = all_for(&mailbox, 2);
    assert_eq!(
        before.first().map(|h| h.kept),
        Some(Millis(3)),
        "owed first"
    );
    drop(mailbox);
    let mailbox = open();
    assert_eq!(all_for(&mailbox, 2), before);
    assert_eq!(mailbox.usage().parcels, 5);
    let (held, bytes) = parcel(1);
    assert_eq!(fetch(&mailbox, 2, &held).await, Some(bytes));
    assert_eq!(
        mailbox.done(&agency(2), &held.id).await.expect("gone"),
        [held]
    );
    assert_eq!(fetch(&mailbox, 2, &held).await, None);
    drop(mailbox);
    assert_eq!(open().usage().parcels, 4);
    assert_eq!(files(dir.path()).len(), 4);
}

#[tokio::test]
async fn another_agency_neither_finds_nor_discards_a_parcel() {
    let dir = tempfile::tempdir().expect("folder");
    let mailbox = Mailbox::open(dir.path().into(), ROOM).expect("a mailbox");
    let (held, bytes) = parcel(1);
    keep(&mailbox, held, &bytes).await;
    for other in [1, 3] {
        assert_eq!(mailbox.waits(&agency(other), &held.id), None);
        assert_eq!(fetch(&mailbox, other, &held).await, None);
        assert!(
            mailbox
                .done(&agency(other), &held.id)
                .await
                .expect("none")
                .is_empty()
        );
    }
    for other in [2, 3] {
        let gone = mailbox.discard(&agency(other), &[held.id]).await;
        assert_eq!(gone.expect("none"), Discarded::default());
        assert_eq!(mailbox.holding(&agency(other), None, 9), (vec![], false));
    }
    // The same bytes of another depositor are another parcel, which each takes back alone.
    let copy = Held {
        from: agency(3),
        ..held
    };
    keep(&mailbox, copy, &bytes).await;
    let elsewhere = Held {
        to: agency(4),
        ..copy
    };
    assert_eq!(mailbox.admit(elsewhere).err(), Some(Refusal::NotCarried));
    let gone = mailbox.discard(&agency(3), &[held.id]).await.expect("gone");
    assert_eq!((gone.gone, gone.untouched), (vec![copy], vec![held.id]));
    assert_eq!(all_for(&mailbox, 2), [held]);
    let gone = mailbox.discard(&agency(1), &[held.id]).await.expect("gone");
    assert_eq!((gone.gone, gone.untouched), (vec![held], vec![held.id]));
    assert_eq!(files(dir.path()), BTreeSet::new());
}

#[tokio::test]
async fn it_is_said_that_nobody_had_a_parcel_only_where_that_is_known() {
    let dir = tempfile::tempdir().expect("folder");
    let open = || Mailbox::open(dir.path().into(), ROOM).expect("a mailbox");
    let mailbox = open();
    for n in 0..3 {
        let (held, bytes) = parcel(n);
        keep(&mailbox, held, &bytes).await;
    }
    let ids: Vec<ParcelId> = (0..3).map(|n| parcel(n).0.id).collect();
    let untouched = async |mailbox: &Mailbox, n: usize| {
        let gone = mailbox.discard(&agency(1), &[ids[n]]).await.expect("gone");
        assert_eq!(gone.gone.len(), 1, "{n}");
        !gone.untouched.is_empty()
    };
    assert!(untouched(&mailbox, 0).await);
    // Begun is as good as given.
    let (held, _) = parcel(1);
    let opened = mailbox.open_parcel(&agency(2), &held.id).await;
    assert!(opened.expect("read").is_some());
    assert!(!untouched(&mailbox, 1).await);
    // Who had it before a restart is not known.
    drop(mailbox);
    let mailbox = open();
    assert!(!untouched(&mailbox, 2).await);
    let (held, bytes) = parcel(4);
    keep(&mailbox, held, &bytes).await;
    let gone = mailbox.discard(&agency(1), &[held.id]).await.expect("gone");
    assert_eq!(gone.untouched, [held.id]);
}

#[tokio::test]
async fn a_quota_is_kept_also_by_what_is_on_its_way() {
    let dir = tempfile::tempdir().expect("folder");
    let room = Room {
        parcels: 10,
        ..ROOM
    };
    let mailbox = Mailbox::open(dir.path().into(), room).expect("a mailbox");
    let of = |n: u64, from: u8, to: u8, owed: bool| Held {
        from: agency(from),
        to: agency(to),
        owed,
        ..parcel(n).0
    };
    let mut coming = Vec::new();
    // Half of what may wait for one agency, from one depositor.
    for n in 0..4 {
        coming.push(mailbox.admit(of(n, 1, 2, false)).expect("room"));
    }
    let full = mailbox.admit(of(5, 1, 2, false)).err();
    assert_eq!(full, Some(Refusal::AddresseeFull));
    // Nine tenths of what one depositor may have.
    for n in 10..15 {
        coming.push(mailbox.admit(of(n, 1, 3, true)).expect("room"));
    }
    let full = mailbox.admit(of(20, 1, 4, false)).err();
    assert_eq!(full, Some(Refusal::DepositorFull));
    coming.push(
        mailbox
            .admit(of(20, 1, 4, true))
            .expect("room for what is owed"),
    );
    let full = mailbox.admit(of(21, 1, 4, true)).err();
    assert_eq!(full, Some(Refusal::DepositorFull));
    // Others have room, and what does not come leaves its own.
    coming.push(mailbox.admit(of(22, 5, 2, false)).expect("room"));
    coming.clear();
    assert_eq!(mailbox.usage(), Usage::default());
    assert!(mailbox.admit(of(21, 1, 4, false)).is_ok());
}

#[tokio::test]
async fn what_has_ended_is_not_shown_and_leaves() {
    let dir = tempfile::tempdir().expect("folder");
    let mailbox = Mailbox::open(dir.path().into(), ROOM).expect("a mailbox");
    let (held, bytes) = parcel(1);
    keep(&mailbox, held, &bytes).await;
    let (later, bytes) = parcel(2);
    let later = Held {
        expires: Millis(2_000),
        ..later
    };
    keep(&mailbox, later, &bytes).await;
    assert_eq!(mailbox.next_end(), Some(held.expires));
    assert!(mailbox.expire(Millis(999)).await.expect("none").is_empty());
    let mut position = Position::default();
    let next = mailbox.next(&agency(2), &mut position, Millis(1_000));
    assert_eq!(next, Some(later));
    assert_eq!(mailbox.expire(Millis(1_000)).await.expect("gone"), [held]);
    assert_eq!(files(dir.path()).len(), 1);
}

#[tokio::test]
async fn who_is_no_peer_any_more_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("folder");
    let mailbox = Mailbox::open(dir.path().into(), ROOM).expect("a mailbox");
    for (n, from, to) in [(1, 1, 2), (2, 2, 1), (3, 1, 3), (4, 3, 1)] {
        let (held, bytes) = parcel(n);
        let held = Held {
            from: agency(from),
            to: agency(to),
            ..held
        };
        keep(&mailbox, held, &bytes).await;
    }
    let gone = mailbox.keep_only(|a| *a != agency(2)).await.expect("gone");
    assert_eq!(gone.len(), 2);
    assert_eq!(mailbox.usage().parcels, 2);
    assert_eq!(files(dir.path()).len(), 2);
    assert!(!dir.path().join(agency(2).full()).exists());
}

#[tokio::test]
async fn what_does_not_come_whole_is_not_kept_and_what_was_damaged_is_not_given() {
    let dir = tempfile::tempdir().expect("folder");
    let mailbox = Mailbox::open(dir.path().into(), ROOM).expect("a mailbox");
    let (held, bytes) = parcel(1);
    let Ok(Admission::Room(deposit)) = mailbox.admit(held) else {
        panic!("room");
    };
    let deposit = mailbox.write(deposit, b"par".to_vec()).await.expect("room");
    assert_eq!(files(dir.path()).len(), 1);
    drop(deposit);
    assert_eq!(files(dir.path()).len(), 0);
    assert_eq!(mailbox.usage(), Usage::default());
    keep(&mailbox, held, &bytes).await;
    let folder = dir.path().join(agency(2).full());
    let name = files(&folder).pop_first().expect("a file");
    std::fs::write(folder.join(name), b"parcel 9").expect("damaged");
    let damaged = mailbox.open_parcel(&agency(2), &held.id).await.err();
    assert!(
        matches!(damaged, Some(MailboxError::Damaged { .. })),
        "{damaged:?}"
    );
    assert_eq!(mailbox.holding(&agency(1), None, 9), (vec![], false));
    assert_eq!(mailbox.aside(), 1);
}

#[tokio::test]
async fn what_is_no_parcel_is_set_aside_and_what_was_cut_short_is_deleted() {
    let dir = tempfile::tempdir().expect("folder");
    let mailbox = Mailbox::open(dir.path().into(), ROOM).expect("a mailbox");
    let (held, bytes) = parcel(1);
    keep(&mailbox, held, &bytes).await;
    let folder = dir.path().join(agency(2).full());
    let name = files(&folder).pop_first().expect("a file");
    for other in [
        "notes.txt",
        &name.to_lowercase(),
        &name.replace("-1-", "-01-"),
    ] {
        std::fs::write(folder.join(other), b"x").expect("a file");
    }
    std::fs::write(folder.join("incoming-7"), b"half").expect("a file");
    std::fs::write(dir.path().join("readme"), b"x").expect("a file");
    std::os::unix::fs::symlink("/etc/passwd", folder.join(name.replace("other", "owed")))
        .expect("a link");
    drop(mailbox);
    let mailbox = Mailbox::open(dir.path().into(), ROOM).expect("a mailbox");
    assert_eq!(all_for(&mailbox, 2), [held]);
    assert_eq!(mailbox.aside(), 5);
    assert_eq!(files(&folder), BTreeSet::from([name]));
}

#[tokio::test]
async fn who_collects_is_told_of_what_comes() {
    let dir = tempfile::tempdir().expect("folder");
    let mailbox = Mailbox::open(dir.path().into(), ROOM).expect("a mailbox");
    let mut watch = mailbox.watch(&agency(2));
    let other = mailbox.watch(&agency(3));
    let (held, bytes) = parcel(1);
    keep(&mailbox, held, &bytes).await;
    watch.changed().await.expect("told");
    assert!(!other.has_changed().expect("open"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The index against a plain list.
    #[test]
    fn the_index_agrees_with_a_plain_list(
        steps in prop::collection::vec((0u8..6, 0u8..4, 0u8..4, 0u8..8, any::<bool>()), 1..80)
    ) {
        let mut index = Index::default();
        let mut model: Vec<Held> = Vec::new();
        for (what, from, to, n, owed) in steps {
            let id = ParcelId::from_bytes([n; 32]);
            let (from, to) = (agency(from), agency(to));
            let gone = |model: &mut Vec<Held>, leaves: &dyn Fn(&Held) -> bool| {
                let (gone, stays): (Vec<_>, Vec<_>) = model.drain(..).partition(leaves);
                *model = stays;
                gone
            };
            match what {
                0..=2 => {
                    let held = Held {
                        id, from, to, owed,
                        size: 100 + u32::from(n),
                        kept: Millis(model.len() as u64),
                        expires: Millis(u64::from(n)),
                    };
                    let new = !model.iter().any(|h| h.id == id && h.from == from);
                    if index.reserve(&ROOM, &held).is_ok() {
                        index.insert(held);
                        if new {
                            model.push(held);
                        }
                    }
                }
                3 => {
                    let found = index.for_addressee(&to, &id);
                    let removed = index.remove_all(found.into_iter().map(|(seq, _)| seq));
                    prop_assert_eq!(removed, gone(&mut model, &|h| h.id == id && h.to == to));
                }
                4 => {
                    let found = index.of_depositor(&from, &id);
                    let removed = index.remove_all(found.map(|(seq, _)| seq));
                    prop_assert_eq!(removed, gone(&mut model, &|h| h.id == id && h.from == from));
                }
                _ => {
                    let ended = index.ended(Millis(u64::from(n)));
                    let removed = index.remove_all(ended).len();
                    prop_assert_eq!(removed, gone(&mut model, &|h| h.expires.0 <= u64::from(n)).len());
                }
            }
            prop_assert_eq!(index.usage().parcels, model.len() as u64);
            let bytes: u64 = model.iter().map(|h| u64::from(h.size)).sum();
            prop_assert_eq!(index.usage().bytes, bytes);
            for a in (0..4).map(agency) {
                let mut position = Position::default();
                let shown: Vec<Held> =
                    std::iter::from_fn(|| index.next(&a, &mut position)).collect();
                let mut due: Vec<Held> = model.iter().filter(|h| h.to == a).copied().collect();
                due.sort_by_key(|h| !h.owed);
                prop_assert_eq!(shown, due);
                let mut mine: Vec<Held> =
                    model.iter().filter(|h| h.from == a).copied().collect();
                mine.sort_by_key(|h| h.id);
                let held: Vec<Held> = index.holding(&a, None).collect();
                prop_assert_eq!(&held, &mine);
                let after = mine.first().map(|h| h.id);
                let rest: Vec<Held> = index.holding(&a, after).collect();
                prop_assert_eq!(rest.as_slice(), mine.get(1..).unwrap_or_default());
            }
        }
    }
}
