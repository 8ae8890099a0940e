//! Bundles: one that is whole, and each way in which one is not.

use std::collections::BTreeSet;

use liaison_protocol::parcel::bundle::{BundleFault, Reader};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{bytes_of, hex, on_disk, parcel};

/// A vector of a bundle.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleVector {
    pub what: String,
    /// `ok` or `refused`.
    pub expect: String,
    /// Name of the fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Ids of the parcels that can be had from it.
    pub parcels: Vec<String>,
    /// The file, hexadecimal.
    pub hex: String,
}

named! { name_of, FAULTS, BundleFault {
    Io, NotABundle, CutShort, Size, Changed, End, Trailing, TooMany,
} }

/// Faults of a disk, and of more parcels than a vector should hold.
const OTHERWISE: [&str; 2] = ["Io", "TooMany"];

pub fn cases() -> Vec<(&'static str, BundleVector)> {
    let all = parcel::two();
    let ids: Vec<String> = all.iter().map(|p| p.id().full()).collect();
    // From the words of SPEC.md.
    let begin = b"liaison bundle\r\x01".to_vec();
    let entry = |n: usize| {
        let len = (all[n].bytes().len() as u32).to_be_bytes();
        [len.as_slice(), all[n].id().as_bytes(), all[n].bytes()].concat()
    };
    let end = |of: &[usize]| {
        let ids: Vec<u8> = of.iter().flat_map(|n| *all[*n].id().as_bytes()).collect();
        let count = (of.len() as u32).to_be_bytes();
        [[0; 4].as_slice(), &count, &Sha256::digest(ids)].concat()
    };
    let whole = [begin.clone(), entry(0), entry(1), end(&[0, 1])].concat();
    let changed = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let vector = |what: &str, fault: &str, parcels: &[usize], bytes: &[u8]| BundleVector {
        what: what.into(),
        expect: if fault.is_empty() { "ok" } else { "refused" }.into(),
        fault: (!fault.is_empty()).then(|| fault.to_owned()),
        parcels: parcels.iter().map(|n| ids[*n].clone()).collect(),
        hex: hex(bytes),
    };
    vec![
        ("two-parcels", vector("Two parcels.", "", &[0, 1], &whole)),
        (
            "no-parcel",
            vector(
                "A bundle of nothing.",
                "",
                &[],
                &[begin.clone(), end(&[])].concat(),
            ),
        ),
        (
            "not-a-bundle",
            vector("Another beginning.", "NotABundle", &[], &whole[1..200]),
        ),
        (
            "later-version",
            vector("Version 2.", "NotABundle", &[], &changed(15)[..200]),
        ),
        (
            "cut-short",
            vector(
                "It ends within the second parcel.",
                "CutShort",
                &[0],
                &whole[..5000],
            ),
        ),
        (
            "end-missing",
            vector(
                "It ends behind the second parcel.",
                "CutShort",
                &[0, 1],
                &whole[..16 + 2 * 4132],
            ),
        ),
        (
            "size-unknown",
            vector(
                "A length that no parcel has.",
                "Size",
                &[],
                &changed(19)[..200],
            ),
        ),
        (
            "parcel-changed",
            vector(
                "A bit of the first parcel; the second can be had.",
                "Changed",
                &[1],
                &changed(1000),
            ),
        ),
        (
            "parcel-missing",
            vector(
                "Without its first parcel.",
                "End",
                &[1],
                &[begin, entry(1), end(&[0, 1])].concat(),
            ),
        ),
        (
            "bytes-behind",
            vector(
                "A byte behind the end.",
                "Trailing",
                &[0, 1],
                &[whole.as_slice(), &[0]].concat(),
            ),
        ),
    ]
}

#[test]
fn every_bundle_vector_is_read_as_its_file_says() {
    if super::blessing() {
        return;
    }
    let mut faults = BTreeSet::new();
    for (name, vector) in &on_disk::<BundleVector>("bundle") {
        let bytes = bytes_of(&vector.hex);
        let (mut parcels, mut found) = (Vec::new(), None);
        match Reader::new(bytes.as_ref()) {
            Err(fault) => found = Some(name_of(&fault)),
            Ok(mut reader) => loop {
                match reader.next_parcel() {
                    Ok(Some(parcel)) => parcels.push(parcel.id().full()),
                    Ok(None) => break,
                    Err(fault) => found = Some(name_of(&fault)),
                }
            },
        }
        assert_eq!(found, vector.fault.as_deref(), "{name}");
        assert_eq!(parcels, vector.parcels, "{name}");
        faults.extend(found);
    }
    for name in FAULTS {
        let otherwise = OTHERWISE.contains(name);
        assert!(otherwise || faults.contains(name), "no vector is {name}");
    }
}
