//! The COSE_Sign1 around a record, byte for byte.

use sha2::{Digest, Sha256};

use super::AAD;
use crate::cbor;
use crate::id::RecordId;
use crate::key::PublicKey;

/// The parts of a record in its one form. All but the payload stands at fixed places.
pub(super) struct Frame<'a> {
    pub key: PublicKey,
    pub payload: &'a [u8],
    pub signature: [u8; 64],
}

impl<'a> Frame<'a> {
    /// Tag 18, an array of four, a byte string of 76 bytes, a map of three: algorithm
    /// EdDSA, content type and key id. The tests compare it with what coset writes.
    const BEFORE_KEY: &'static [u8] =
        b"\xD2\x84\x58\x4C\xA3\x01\x27\x03\x78\x23application/vnd.liaison.record+cbor\x04\x58\x20";
    /// How much of it comes before the protected header.
    const BEFORE_HEADER: usize = 2;
    /// A byte string of 64 bytes.
    const BEFORE_SIGNATURE: &'static [u8] = b"\x58\x40";

    /// None: it is not in that form, or broken.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(Self::BEFORE_KEY)?;
        let (key, rest) = rest.split_first_chunk::<32>()?;
        // The unprotected header: an empty map.
        let rest = rest.strip_prefix(b"\xA0")?;
        let (rest, signature) = rest.split_last_chunk::<64>()?;
        let rest = rest.strip_suffix(Self::BEFORE_SIGNATURE)?;
        Some(Self {
            key: PublicKey::from_bytes(*key),
            payload: cbor::direct::byte_string(rest)?,
            signature: *signature,
        })
    }

    /// The Sig_structure (RFC 9052 section 4.4).
    pub fn to_be_signed(&self) -> Vec<u8> {
        let header = Self::BEFORE_KEY
            .get(Self::BEFORE_HEADER..)
            .unwrap_or_default();
        let mut out = Vec::with_capacity(self.payload.len() + 160);
        out.extend_from_slice(b"\x84\x6ASignature1");
        out.extend_from_slice(header);
        out.extend_from_slice(self.key.as_bytes());
        for part in [AAD, self.payload] {
            // Writing to a Vec cannot fail.
            let _infallible = ciborium::into_writer(serde_bytes::Bytes::new(part), &mut out);
        }
        out
    }
}

/// Bytes of the record with which these begin; none if they do not begin with one in its form.
pub(crate) fn extent(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(Frame::BEFORE_KEY)?;
    let (_, rest) = rest.split_first_chunk::<32>()?;
    let rest = cbor::direct::after_byte_string(rest.strip_prefix(b"\xA0")?)?;
    let rest = rest.strip_prefix(Frame::BEFORE_SIGNATURE)?;
    let (_, rest) = rest.split_first_chunk::<64>()?;
    bytes.len().checked_sub(rest.len())
}

pub(super) fn id_of(tbs: &[u8]) -> RecordId {
    RecordId::from_bytes(Sha256::digest(tbs).into())
}
