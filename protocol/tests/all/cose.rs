//! A record is plain COSE_Sign1: verified here with a COSE and an Ed25519 library and the
//! words of `SPEC.md`, without a line of ours.

use coset::{CborSerializable, CoseSign1, TaggedCborSerializable, iana};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::cast;

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// 32 bytes in base 32, most significant bit first, filled up with zero bits.
fn base32(bytes: &[u8]) -> String {
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |b| (b >> (7 - at % 8)) & 1);
    (0..bytes.len() * 8)
        .step_by(5)
        .map(|at| {
            let value = (0..5).fold(0, |n, i| (n << 1) | bit(at + i));
            CROCKFORD[usize::from(value)] as char
        })
        .collect()
}

#[test]
fn any_cose_library_verifies_a_record() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/records/good");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).expect("vectors") {
        let path = file.expect("entry").path();
        let text = std::fs::read_to_string(&path).expect("text");
        let vector: serde_json::Value = serde_json::from_str(&text).expect("json");
        let hex = vector["hex"].as_str().expect("hex");
        let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hex");

        let cose = CoseSign1::from_tagged_slice(&bytes).expect("tagged COSE_Sign1");
        let header = &cose.protected.header;
        let eddsa = coset::RegisteredLabelWithPrivate::Assigned(iana::Algorithm::EdDSA);
        assert_eq!(header.alg, Some(eddsa));
        assert!(cose.unprotected.is_empty());
        let key: [u8; 32] = header.key_id.as_slice().try_into().expect("32 bytes");
        let key = VerifyingKey::from_bytes(&key).expect("a point");
        cose.verify_signature(b"liaison/1 record", |signature, tbs| {
            key.verify_strict(tbs, &Signature::from_slice(signature)?)
        })
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));

        let id = Sha256::digest(cose.tbs_data(b"liaison/1 record"));
        assert_eq!(vector["id"], base32(&id), "{}", path.display());

        let payload = cose.payload.as_deref().expect("payload");
        let tree = ciborium::Value::from_slice(payload).expect("CBOR");
        assert_eq!(
            vector["payload"].as_str(),
            Some(crate::raw::diagnostic(&tree).as_str())
        );
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn the_fingerprint_is_what_its_words_say() {
    let digest = Sha256::new()
        .chain_update(b"liaison/1 fingerprint")
        .chain_update(cast::narova().as_bytes())
        .finalize();
    let groups: Vec<String> = (0..6)
        .map(|group| {
            let piece = &digest[group * 5..group * 5 + 5];
            let number = piece.iter().fold(0u64, |n, b| n * 256 + u64::from(*b));
            format!("{:05}", number % 100_000)
        })
        .collect();
    assert_eq!(groups.join(" "), cast::narova().fingerprint());
}
