//! Records put together by hand, from the words of `SPEC.md` and without the library's
//! code, so that each can be wrong in exactly one way.

use ciborium::Value;
use ed25519_dalek::{Signer, SigningKey};
use liaison_protocol::record::signed::Record;
use sha2::{Digest, Sha256, Sha512};

/// A COSE_Sign1 in its parts.
pub struct Raw {
    /// The tag's head, empty for none.
    pub tag: Vec<u8>,
    /// The head of the array.
    pub array: Vec<u8>,
    /// The encoded map of the protected header, without the byte string around it.
    pub protected: Vec<u8>,
    /// The encoded map of the unprotected header.
    pub unprotected: Vec<u8>,
    /// The payload; none: detached.
    pub payload: Option<Vec<u8>>,
    pub signature: Vec<u8>,
}

/// A CBOR head in its shortest form.
pub fn head(major: u8, n: u64) -> Vec<u8> {
    let first = major << 5;
    match n {
        0..=23 => vec![first | n as u8],
        24..=0xFF => vec![first | 24, n as u8],
        0x100..=0xFFFF => [vec![first | 25], (n as u16).to_be_bytes().to_vec()].concat(),
        0x1_0000..=0xFFFF_FFFF => [vec![first | 26], (n as u32).to_be_bytes().to_vec()].concat(),
        _ => [vec![first | 27], n.to_be_bytes().to_vec()].concat(),
    }
}

pub fn bstr(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len() as u64), bytes.to_vec()].concat()
}

pub fn tstr(text: &str) -> Vec<u8> {
    [head(3, text.len() as u64), text.as_bytes().to_vec()].concat()
}

pub const CONTENT_TYPE: &str = "application/vnd.liaison.record+cbor";

/// `{1: -8, 3: content type, 4: key id}`
pub fn protected(kid: &[u8]) -> Vec<u8> {
    protected_as(CONTENT_TYPE, kid)
}

pub fn protected_as(content_type: &str, kid: &[u8]) -> Vec<u8> {
    [
        head(5, 3),
        head(0, 1),
        head(1, 7),
        head(0, 3),
        tstr(content_type),
        head(0, 4),
        bstr(kid),
    ]
    .concat()
}

/// `["Signature1", protected, external_aad, payload]`
pub fn sig_structure(protected: &[u8], aad: &[u8], payload: &[u8]) -> Vec<u8> {
    [
        head(4, 4),
        tstr("Signature1"),
        bstr(protected),
        bstr(aad),
        bstr(payload),
    ]
    .concat()
}

pub const AAD: &[u8] = b"liaison/1 record";

/// A key of the cast, for the Ed25519 library used directly.
pub fn key(name: &str) -> SigningKey {
    SigningKey::from_bytes(&super::cast::secret(name).to_bytes())
}

impl Raw {
    /// A record of these bytes, signed rightly.
    pub fn signed(payload: Vec<u8>, by: &SigningKey) -> Self {
        let protected = protected(by.verifying_key().as_bytes());
        Self::with(protected, payload, by, AAD)
    }

    pub fn with(protected: Vec<u8>, payload: Vec<u8>, by: &SigningKey, aad: &[u8]) -> Self {
        let signature = by.sign(&sig_structure(&protected, aad, &payload));
        Self {
            tag: head(6, 18),
            array: head(4, 4),
            protected,
            unprotected: head(5, 0),
            payload: Some(payload),
            signature: signature.to_bytes().to_vec(),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let payload = match &self.payload {
            Some(payload) => bstr(payload),
            None => vec![0xF6],
        };
        [
            self.tag.clone(),
            self.array.clone(),
            bstr(&self.protected),
            self.unprotected.clone(),
            payload,
            bstr(&self.signature),
        ]
        .concat()
    }

    pub fn id(&self) -> [u8; 32] {
        let payload = self.payload.clone().unwrap_or_default();
        Sha256::digest(sig_structure(&self.protected, AAD, &payload)).into()
    }
}

/// The payload of a record, as a tree.
pub fn payload_of(record: &Record) -> Value {
    let signed = record
        .sign(&super::cast::secret("narova signing"))
        .expect("signs");
    let outer: Value = ciborium::from_reader(signed.bytes().as_ref()).expect("CBOR");
    let Value::Tag(18, inner) = outer else {
        panic!("tag 18")
    };
    let parts = inner.into_array().expect("array");
    let payload = parts[2].as_bytes().expect("payload");
    ciborium::from_reader(payload.as_slice()).expect("CBOR")
}

/// The value at a path in a tree, to be changed.
pub fn at<'a>(tree: &'a mut Value, path: &[&str]) -> &'a mut Value {
    let mut here = tree;
    for step in path {
        here = match here {
            Value::Map(entries) => {
                let found = entries
                    .iter()
                    .position(|(k, _)| k.as_text() == Some(step))
                    .unwrap_or_else(|| panic!("no {step}"));
                &mut entries[found].1
            }
            Value::Array(items) => &mut items[step.parse::<usize>().expect("index")],
            other => panic!("{step} in {other:?}"),
        };
    }
    here
}

/// The tree as deterministic CBOR, floats, tags and nulls left standing.
pub fn encode(tree: &Value) -> Vec<u8> {
    match tree {
        Value::Map(entries) => {
            let mut entries: Vec<(Vec<u8>, Vec<u8>)> = entries
                .iter()
                .map(|(k, v)| (encode(k), encode(v)))
                .collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            let mut out = head(5, entries.len() as u64);
            for (key, value) in entries {
                out.extend(key);
                out.extend(value);
            }
            out
        }
        Value::Array(items) => {
            let mut out = head(4, items.len() as u64);
            items.iter().for_each(|item| out.extend(encode(item)));
            out
        }
        other => {
            let mut out = Vec::new();
            ciborium::into_writer(other, &mut out).expect("encodes");
            out
        }
    }
}

/// Diagnostic notation (RFC 8949 section 8).
pub fn diagnostic(tree: &Value) -> String {
    match tree {
        Value::Map(entries) => {
            let parts: Vec<String> = entries
                .iter()
                .map(|(k, v)| format!("{}: {}", diagnostic(k), diagnostic(v)))
                .collect();
            format!("{{{}}}", parts.join(", "))
        }
        Value::Array(items) => {
            let parts: Vec<String> = items.iter().map(diagnostic).collect();
            format!("[{}]", parts.join(", "))
        }
        Value::Bytes(bytes) => format!("h'{}'", data_encoding::HEXLOWER.encode(bytes)),
        Value::Text(text) => serde_json::to_string(text).expect("json"),
        Value::Integer(n) => i128::from(*n).to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Null => "null".to_owned(),
        other => format!("{other:?}"),
    }
}

/// A signature by the key's own holder that lax verification accepts: R = identity,
/// S = k·a. Strict verification refuses R of small order.
pub fn lax_signature(by: &SigningKey, message: &[u8]) -> Vec<u8> {
    use curve25519_dalek::scalar::Scalar;
    let hash = Sha512::new()
        .chain_update(super::cast::IDENTITY)
        .chain_update(by.verifying_key().as_bytes())
        .chain_update(message)
        .finalize();
    let k = Scalar::from_bytes_mod_order_wide(&hash.into());
    let s = k * by.to_scalar();
    [super::cast::IDENTITY, s.to_bytes()].concat()
}

/// `bytes` with the only place of `old` replaced.
pub fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let places: Vec<usize> = (0..bytes.len())
        .filter(|at| bytes[*at..].starts_with(old))
        .collect();
    assert_eq!(places.len(), 1, "one place of {old:02x?}");
    [&bytes[..places[0]], new, &bytes[places[0] + old.len()..]].concat()
}
