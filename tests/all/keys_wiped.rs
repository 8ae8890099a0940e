//! A key that has left a machine lies nowhere on its disk, also not where the file system has
//! only forgotten it: what a second name of the same file shows.

use std::path::{Path, PathBuf};

use liaison_tests::process::{Site, run, succeeded};

use crate::crash::BINARY;

/// A second name for a file, and what stands in it.
fn kept(file: &Path, to: PathBuf) -> (PathBuf, Vec<u8>) {
    std::fs::hard_link(file, &to).expect("a second name");
    let bytes = std::fs::read(&to).expect("a key");
    assert!(bytes.len() >= 64, "no key in {}", file.display());
    (to, bytes)
}

/// Nothing of the digits is left in a file.
fn is_wiped((file, before): &(PathBuf, Vec<u8>)) {
    let now = std::fs::read(file).expect("a file");
    for piece in before.chunks(16).filter(|piece| piece.len() == 16) {
        let left = now.windows(16).any(|window| window == piece);
        assert!(!left, "{} is readable still", file.display());
    }
}

#[test]
fn a_root_key_that_was_taken_away_and_a_signing_key_that_left_are_overwritten() {
    let dir = tempfile::tempdir().expect("folder");
    let site = Site::init(BINARY, &dir.path().join("a"), "Border Police of Narova");
    let keys = site.home.dir().join("keys");
    let signing = kept(&keys.join("signing.key"), dir.path().join("signing"));
    let node = site.start();
    node.ok(&["keys", "rotate", "--yes"]);
    assert_eq!(node.terminate(), Some(0));
    let now = std::fs::read(keys.join("signing.key")).expect("the new key");
    assert_ne!(now, signing.1);
    is_wiped(&signing);

    let root = kept(&keys.join("root.key"), dir.path().join("root"));
    let safe = dir.path().join("safe");
    let to = safe.to_string_lossy();
    let remove = ["keys", "root", "remove", "--to", &to];
    succeeded(&run(BINARY.as_ref(), site.home.dir(), &remove, ""));
    assert!(!keys.join("root.key").exists());
    assert_eq!(std::fs::read(&safe).expect("in the safe"), root.1);
    is_wiped(&root);
}
