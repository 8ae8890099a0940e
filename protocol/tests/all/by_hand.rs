//! A sealed record and a parcel, opened from the words of `SPEC.md` ("Sealing", "Parcels") with primitives
//! taken directly: none of the library's code, and neither its HPKE nor its X-Wing.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use ciborium::Value;
use hkdf::Hkdf;
use ml_kem::DecapsulationKey768;
use ml_kem::kem::Decapsulate;
use sha2::{Digest, Sha256};
use shake::{ExtendableOutput, Shake256, Update, XofReader};

use crate::raw::{encode, sig_structure};

/// What a recipient has in its hands in the end.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    pub id: [u8; 32],
    pub stub: Vec<u8>,
    pub secret: [u8; 32],
    pub inside: Vec<u8>,
}

/// Opens a frame as `recipient`, whose private sealing key this seed is.
pub fn open(frame: &[u8], recipient: &[u8; 32], seed: &[u8; 32]) -> Result<Opened, &'static str> {
    // frame = record || wrap as a CBOR byte string
    let mut rest = frame;
    let record: Value = ciborium::from_reader(&mut rest).map_err(|_| "no record")?;
    let wrap: Value = ciborium::from_reader(&mut rest).map_err(|_| "no wrap")?;
    let wrap = wrap
        .into_bytes()
        .map_err(|_| "the wrap is no byte string")?;
    if !rest.is_empty() || wrap.len() != 1176 {
        return Err("not one wrap");
    }
    let Value::Tag(18, record) = record else {
        return Err("tag");
    };
    let parts = record.into_array().map_err(|_| "array")?;
    let protected = parts[0].as_bytes().ok_or("protected header")?;
    let payload = parts[2].as_bytes().ok_or("payload")?;
    let id: [u8; 32] =
        Sha256::digest(sig_structure(protected, b"liaison/1 record", payload)).into();

    // wrap = key_id (8) || enc (1,120) || ct (48)
    let (key_id, rest) = wrap.split_at(8);
    let (enc, ct) = rest.split_at(1120);
    let info = [b"liaison/1 wrap".as_slice(), recipient, key_id].concat();
    let secret: [u8; 32] = hpke_open(seed, key_id, enc, ct, &info, &id)?
        .try_into()
        .map_err(|_| "32 bytes")?;

    let payload: Value = ciborium::from_reader(payload.as_slice()).map_err(|_| "payload")?;
    let Parts {
        stub,
        commitment,
        text,
    } = taken_apart(payload)?;
    if derive(&secret, b"commitment") != commitment.as_slice() {
        return Err("commitment");
    }
    let key = Key::from(derive(&secret, b"content key"));
    let mut inside = ChaCha20Poly1305::new(&key)
        .decrypt(
            &Nonce::from([0; 12]),
            Payload {
                msg: &text,
                aad: &stub,
            },
        )
        .map_err(|_| "text")?;
    let classes = [1024, 4096, 16384, 49152];
    let class = inside.len();
    while inside.last() == Some(&0) {
        inside.pop();
    }
    if inside.pop() != Some(0x80) {
        return Err("padding");
    }
    if classes.into_iter().find(|c| inside.len() < *c) != Some(class) {
        return Err("size class");
    }
    Ok(Opened {
        id,
        stub,
        secret,
        inside,
    })
}

/// Opens a parcel as `addressee`: the payload of its letter, whose signature by the key that it
/// names verifies.
pub fn open_parcel(
    parcel: &[u8],
    addressee: &[u8; 32],
    seed: &[u8; 32],
) -> Result<Vec<u8>, &'static str> {
    let classes = [4096, 16384, 65536, 262_144, 1_048_576];
    if !classes.contains(&parcel.len()) {
        return Err("length");
    }
    // parcel = key_id (8) || enc (1,120) || ct
    let (key_id, rest) = parcel.split_at(8);
    let (enc, ct) = rest.split_at(1120);
    let info = [b"liaison/1 parcel".as_slice(), addressee, key_id].concat();
    let mut signed = hpke_open(seed, key_id, enc, ct, &info, &[])?;
    while signed.last() == Some(&0) {
        signed.pop();
    }
    if signed.pop() != Some(0x80) {
        return Err("padding");
    }
    let fits = |class: &usize| signed.len() + 1 + 1144 <= *class;
    if classes.into_iter().find(fits) != Some(parcel.len()) {
        return Err("size class");
    }
    let mut rest = signed.as_slice();
    let letter: Value = ciborium::from_reader(&mut rest).map_err(|_| "no CBOR")?;
    let Value::Tag(18, letter) = letter else {
        return Err("tag");
    };
    let parts = letter.into_array().map_err(|_| "array")?;
    let protected = parts[0].as_bytes().ok_or("protected header")?;
    let payload = parts[2].as_bytes().ok_or("payload")?;
    let signature: [u8; 64] = parts[3]
        .as_bytes()
        .and_then(|s| s.as_slice().try_into().ok())
        .ok_or("signature")?;
    let kid: [u8; 32] = protected[protected.len() - 32..].try_into().expect("32");
    let due = crate::raw::protected_as("application/vnd.liaison.letter+cbor", &kid);
    if !rest.is_empty() || *protected != due {
        return Err("header");
    }
    let key = ed25519_dalek::VerifyingKey::from_bytes(&kid).map_err(|_| "key")?;
    let message = sig_structure(protected, b"liaison/1 letter", payload);
    key.verify_strict(&message, &ed25519_dalek::Signature::from_bytes(&signature))
        .map_err(|_| "signature")?;
    Ok(payload.clone())
}

/// A payload taken apart.
pub struct Parts {
    /// All of it but the text, as its bytes.
    pub stub: Vec<u8>,
    pub commitment: Vec<u8>,
    pub text: Vec<u8>,
}

/// The parts of the payload of a sealed record.
pub fn taken_apart(mut payload: Value) -> Result<Parts, &'static str> {
    let map = payload.as_map_mut().ok_or("map")?;
    let body = map
        .iter_mut()
        .find(|(key, _)| key.as_text() == Some("body"))
        .and_then(|(_, body)| body.as_map_mut())
        .ok_or("body")?;
    let field = |name: &str| {
        let at = body.iter().position(|(key, _)| key.as_text() == Some(name));
        at.and_then(|at| body[at].1.as_bytes().cloned())
    };
    let commitment = field("commitment").ok_or("commitment")?;
    let text = field("text").ok_or("text")?;
    body.retain(|(key, _)| key.as_text() != Some("text"));
    Ok(Parts {
        stub: encode(&payload),
        commitment,
        text,
    })
}

/// HKDF-SHA-256 with the salt of seals.
pub fn derive(secret: &[u8; 32], label: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    Hkdf::<Sha256>::new(Some(b"liaison/1 seal"), secret)
        .expand(label, &mut out)
        .expect("32 bytes");
    out
}

/// The text of a padded inside.
pub fn encrypt(secret: &[u8; 32], stub: &[u8], padded: &[u8]) -> Vec<u8> {
    let key = Key::from(derive(secret, b"content key"));
    let payload = Payload {
        msg: padded,
        aad: stub,
    };
    ChaCha20Poly1305::new(&key)
        .encrypt(&Nonce::from([0; 12]), payload)
        .expect("encrypts")
}

/// X-Wing's public key of a seed, to name it.
fn key_id(seed: &[u8; 32]) -> [u8; 8] {
    let (ml_kem, _, public) = expanded(seed);
    let hash = Sha256::new()
        .chain_update(b"liaison/1 sealing key")
        .chain_update(ml_kem::kem::KeyExport::to_bytes(ml_kem.encapsulation_key()))
        .chain_update(public)
        .finalize();
    hash[..8].try_into().expect("8 bytes")
}

fn expanded(seed: &[u8; 32]) -> (DecapsulationKey768, [u8; 32], [u8; 32]) {
    let mut shake = Shake256::default();
    shake.update(seed);
    let mut bytes = [0; 96];
    shake.finalize_xof().read(&mut bytes);
    let (d_z, x) = bytes.split_at(64);
    let ml_kem = DecapsulationKey768::from_seed(d_z.try_into().expect("64 bytes"));
    let x: [u8; 32] = x.try_into().expect("32 bytes");
    let public = x25519_dalek::x25519(x, x25519_dalek::X25519_BASEPOINT_BYTES);
    (ml_kem, x, public)
}

/// X-Wing's decapsulation.
fn xwing(seed: &[u8; 32], enc: &[u8]) -> [u8; 32] {
    let (ml_kem, x, public) = expanded(seed);
    let (ct_m, ct_x) = enc.split_at(1088);
    let ss_m = ml_kem.decapsulate(&ct_m.try_into().expect("1,088 bytes"));
    let ct_x: [u8; 32] = ct_x.try_into().expect("32 bytes");
    let ss_x = x25519_dalek::x25519(x, ct_x);
    let label = [0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c];
    <sha3::Sha3_256 as sha3::Digest>::new()
        .chain_update(ss_m)
        .chain_update(ss_x)
        .chain_update(ct_x)
        .chain_update(public)
        .chain_update(label)
        .finalize()
        .into()
}

/// RFC 9180: OpenBase with X-Wing, HKDF-SHA-256, ChaCha20Poly1305.
fn hpke_open(
    seed: &[u8; 32],
    named: &[u8],
    enc: &[u8],
    ct: &[u8],
    info: &[u8],
    aad: &[u8],
) -> Result<Vec<u8>, &'static str> {
    if named != key_id(seed) {
        return Err("another sealing key");
    }
    let shared = xwing(seed, enc);
    let context = [
        vec![0],
        extract(&[], b"psk_id_hash", &[]),
        extract(&[], b"info_hash", info),
    ]
    .concat();
    let secret = extract(&shared, b"secret", &[]);
    let key: [u8; 32] = expand(&secret, b"key", &context);
    let nonce: [u8; 12] = expand(&secret, b"base_nonce", &context);
    let payload = Payload { msg: ct, aad };
    ChaCha20Poly1305::new(&Key::from(key))
        .decrypt(&Nonce::from(nonce), payload)
        .map_err(|_| "it does not open")
}

const SUITE: &[u8] = b"HPKE\x64\x7a\x00\x01\x00\x03";

/// `LabeledExtract`
fn extract(salt: &[u8], label: &[u8], ikm: &[u8]) -> Vec<u8> {
    let ikm = [b"HPKE-v1", SUITE, label, ikm].concat();
    Hkdf::<Sha256>::extract(Some(salt), &ikm).0.to_vec()
}

/// `LabeledExpand`
fn expand<const N: usize>(prk: &[u8], label: &[u8], info: &[u8]) -> [u8; N] {
    let length = (N as u16).to_be_bytes();
    let info = [&length, b"HPKE-v1".as_slice(), SUITE, label, info].concat();
    let mut out = [0; N];
    Hkdf::<Sha256>::from_prk(prk)
        .expect("a PRK")
        .expand(&info, &mut out)
        .expect("short");
    out
}
