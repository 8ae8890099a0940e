//! `vectors/`: written by cases here, read back from disk and judged as a second
//! implementation would.

/// Names of the variants of an enum, exhaustive by construction.
macro_rules! named {
    ($function:ident, $all:ident, $enum:ident { $($variant:ident,)+ }) => {
        fn $function(fault: &$enum) -> &'static str {
            match fault { $($enum::$variant { .. } => stringify!($variant),)+ }
        }

        const $all: &[&str] = &[$(stringify!($variant),)+];
    };
}

mod bad;
mod bundle;
mod cards;
mod good;
mod mailbox;
mod parcel;
mod records;
mod repair;
mod seal;
mod signatures;
mod wire;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

pub fn blessing() -> bool {
    std::env::var_os("LIAISON_BLESS").is_some_and(|v| v == "1")
}

/// Every vector that the cases make, by its path in `vectors/`.
fn made() -> BTreeMap<String, String> {
    let records = [
        good::cases(),
        bad::cases(),
        signatures::cases(),
        cards::cases(),
    ];
    let files = files("records", records.concat())
        .chain(files("wire", wire::cases()))
        .chain(files("seal", seal::cases()))
        .chain(files("parcel", parcel::cases()))
        .chain(files("mailbox", mailbox::cases()))
        .chain(files("bundle", bundle::cases()));
    let mut all = BTreeMap::new();
    let mut put = |path: String, text: String| {
        assert!(
            all.insert(path.clone(), text).is_none(),
            "{path} is made twice"
        );
    };
    files.for_each(|(path, text)| put(path, text));
    put(
        "repair/two-missing-on-each-side.json".into(),
        pretty(&repair::case()),
    );
    put("cards/narova.txt".into(), cards::file());
    all
}

/// The files of these cases: what is expected to go well stands apart.
fn files<T: Serialize>(
    folder: &str,
    cases: Vec<(&'static str, T)>,
) -> impl Iterator<Item = (String, String)> {
    cases.into_iter().map(move |(name, vector)| {
        let says = serde_json::to_value(&vector).expect("json");
        let sort = match says["expect"] == "ok" {
            true => "good",
            false => "bad",
        };
        (format!("{folder}/{sort}/{name}.json"), pretty(&vector))
    })
}

fn pretty<T: Serialize>(vector: &T) -> String {
    serde_json::to_string_pretty(vector).expect("json") + "\n"
}

fn files_on_disk() -> BTreeMap<String, String> {
    fn walk(folder: &Path, root: &Path, out: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).expect("vectors") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                walk(&path, root, out);
            } else {
                let name = path
                    .strip_prefix(root)
                    .expect("below")
                    .to_str()
                    .expect("UTF-8");
                out.insert(
                    name.replace('\\', "/"),
                    std::fs::read_to_string(&path).expect("text"),
                );
            }
        }
    }
    let mut out = BTreeMap::new();
    walk(&folder(), &folder(), &mut out);
    out.remove("README.md").expect("vectors/README.md");
    out
}

#[test]
fn the_folder_holds_what_the_cases_make() {
    let made = made();
    if blessing() {
        for (name, text) in &made {
            let path = folder().join(name);
            std::fs::create_dir_all(path.parent().expect("folder")).expect("folder");
            std::fs::write(path, text).expect("written");
        }
    }
    let found = files_on_disk();
    let names = |of: &BTreeMap<String, String>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&found),
        names(&made),
        "files and cases differ: add the case, delete the file, or LIAISON_BLESS=1"
    );
    for (name, text) in &made {
        assert!(
            found.get(name) == Some(text),
            "{name} differs: LIAISON_BLESS=1 and look at the diff"
        );
    }
}

/// The vectors below this folder, as `good/name`.
fn on_disk<T: DeserializeOwned>(folder: &str) -> BTreeMap<String, T> {
    let read = |(path, text): (String, String)| {
        let name = path.strip_prefix(folder)?.strip_prefix('/')?;
        let name = name.strip_suffix(".json")?.to_owned();
        let vector = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
        Some((name, vector))
    };
    files_on_disk().into_iter().filter_map(read).collect()
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn bytes_of(hex: &str) -> Bytes {
    data_encoding::HEXLOWER
        .decode(hex.as_bytes())
        .expect("hexadecimal")
        .into()
}

/// X-Wing's seed.
fn seed_of(hex: &str) -> [u8; 32] {
    bytes_of(hex).as_ref().try_into().expect("32 bytes")
}

/// As a seal pads: a one, then zeros.
fn padded(text: &[u8], len: usize) -> Vec<u8> {
    let mut out = [text, &[0x80]].concat();
    out.resize(len, 0);
    out
}

/// A fault's text says all of these, and there is something that it must say.
fn mentioned(name: &str, text: &str, mentions: &[String]) {
    assert!(!mentions.is_empty(), "{name}: {text}");
    for piece in mentions {
        assert!(text.contains(piece), "{name}: '{piece}' is not in: {text}");
    }
}
