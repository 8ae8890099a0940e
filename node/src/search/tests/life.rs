//! The index over its life: changes, restarts, damage.

use super::*;

#[test]
fn what_is_forgotten_is_gone_before_and_after_the_commit_and_a_restart() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    for i in 1..=20 {
        shelf.put(i, trend("Route", "2031-03", "SYR", i));
    }
    let search = Search::open(dir.path(), 1, shelf.clone()).expect("open");
    search.flush().expect("flush");
    shelf.erase(5);
    search.forget(5);
    shelf.hide(6);
    search.forget(6);
    let all = Options {
        include_hidden: true,
        ..Options::default()
    };
    let check = |search: &Search| {
        assert_eq!(count(search, "kind:trend"), 18);
        let outcome = search.query(&parse("kind:trend"), &all).expect("outcome");
        assert_eq!(outcome.count, 19);
        assert!(!outcome.arrivals.contains(&5) && outcome.arrivals.contains(&6));
    };
    check(&search);
    search.flush().expect("flush");
    check(&search);
    search.close();
    check(&search);
    drop(search);
    let search = Search::open(dir.path(), 1, shelf.clone()).expect("open");
    assert_eq!(search.unindexed(), 0);
    check(&search);
    // Killed before the change was committed: found by the check at the next start.
    drop(search);
    shelf.erase(7);
    shelf.hide(8);
    let search = Search::open(dir.path(), 1, shelf).expect("open");
    search.flush().expect("flush");
    assert_eq!(count(&search, "kind:trend"), 16);
    let outcome = search.query(&parse(""), &all).expect("outcome");
    assert!(outcome.notes.is_empty() && outcome.count == 18);
}

#[test]
fn a_restart_in_the_middle_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    let mut next = 0;
    for round in 0..6 {
        let search = Search::open(dir.path(), 1, shelf.clone()).expect("open");
        for _ in 0..300 {
            next += 1;
            shelf.put(next, trend("Route", "2031-03", "SYR", 1));
            search.added(next);
        }
        assert_eq!(count(&search, "kind:trend"), next);
        if round % 2 == 0 {
            search.flush().expect("flush");
            assert_eq!(count(&search, "kind:trend"), next);
        }
        if round % 3 == 0 {
            search.close();
        }
    }
}

#[test]
fn an_index_that_does_not_fit_is_built_anew() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    for i in 1..=300 {
        shelf.put(i, trend("Route", "2031-03", "SYR", 1));
    }
    let open = |incarnation| {
        let search = Search::open(dir.path(), incarnation, shelf.clone()).expect("open");
        let behind = search.shared.state().upto == 0;
        assert_eq!(count(&search, "kind:trend"), 300);
        search.flush().expect("flush");
        assert_eq!(count(&search, "kind:trend"), 300);
        search.close();
        behind
    };
    let files = |part: &str| -> Vec<std::path::PathBuf> {
        let all = std::fs::read_dir(dir.path().join("index")).expect("dir");
        all.map(|entry| entry.expect("entry").path())
            .filter(|path| path.to_string_lossy().ends_with(part))
            .collect()
    };
    assert!(open(1));
    assert!(!open(1));
    assert!(open(2), "another incarnation");
    assert!(!open(2));
    for path in files("meta.json") {
        std::fs::write(path, "{").expect("write");
    }
    assert!(open(2), "a broken list of files");
    let mut parts = files(".fast");
    parts.extend(files(".idx"));
    assert!(!parts.is_empty());
    for path in parts {
        let mut bytes = std::fs::read(&path).expect("read");
        let middle = bytes.len() / 3;
        bytes[middle] ^= 0x40;
        std::fs::write(path, bytes).expect("write");
    }
    assert!(open(2), "a changed bit");
    assert!(!open(2));
    std::fs::remove_dir_all(dir.path().join("index")).expect("remove");
    assert!(open(2), "missing");
    let held = Search::open(dir.path(), 2, shelf.clone()).expect("open");
    assert!(matches!(
        Search::open(dir.path(), 2, shelf.clone()),
        Err(SearchError::Open { .. })
    ));
    drop(held);
}

#[test]
fn an_index_that_is_given_up_is_built_anew_while_queries_go_on() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    for i in 1..=300 {
        shelf.put(i, trend("Route", "2031-03", "SYR", 1));
    }
    let search = Search::open(dir.path(), 1, shelf.clone()).expect("open");
    search.flush().expect("flush");
    shelf.erase(1);
    search.shared.give_up();
    assert_eq!(count(&search, "kind:trend"), 299);
    search.flush().expect("flush");
    assert_eq!(search.unindexed(), 0);
    assert_eq!(count(&search, "kind:trend"), 299);
}

#[test]
fn a_store_that_cannot_be_read_is_an_error_and_not_an_empty_answer() {
    let dir = tempfile::tempdir().expect("dir");
    let shelf = Arc::new(Shelf::default());
    shelf.broken.store(true, Ordering::SeqCst);
    let search = Search::open(dir.path(), 1, shelf).expect("open");
    assert!(matches!(
        search.query(&parse(""), &Options::default()),
        Err(SearchError::Source(_))
    ));
    assert!(search.flush().is_err());
}
