//! The secret of a record, wrapped to one recipient. It travels beside the record, so that
//! each recipient is sent its own only, and a later one can be made to a newer key.

use std::fmt;

use super::key::SealingId;

/// Bytes of the encapsulated key: ML-KEM-768 (1,088) and X25519 (32).
pub(crate) const ENC_BYTES: usize = 1120;
/// Bytes of the wrapped secret: 32 and a tag.
const TEXT_BYTES: usize = 48;

/// A wrap. Anybody can make one; only that it opens, to the secret that the record commits
/// to, says anything.
#[derive(Clone, PartialEq, Eq)]
pub struct Wrap {
    key: SealingId,
    enc: Box<[u8; ENC_BYTES]>,
    text: [u8; TEXT_BYTES],
}

impl Wrap {
    /// Bytes of a wrap: the key's name, the encapsulated key, the wrapped secret.
    pub const BYTES: usize = 8 + ENC_BYTES + TEXT_BYTES;

    /// None: another length.
    pub(super) fn of(key: SealingId, enc: &[u8], text: &[u8]) -> Option<Self> {
        let enc: &[u8; ENC_BYTES] = enc.try_into().ok()?;
        Some(Self {
            key,
            enc: Box::new(*enc),
            text: text.try_into().ok()?,
        })
    }

    /// Out of its bytes; none for another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk::<8>()?;
        let (enc, text) = rest.split_at_checked(ENC_BYTES)?;
        Self::of(SealingId::from_bytes(*key), enc, text)
    }

    /// Its [`Wrap::BYTES`] bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        [
            self.key.as_bytes().as_slice(),
            self.enc.as_slice(),
            self.text.as_slice(),
        ]
        .concat()
    }

    /// The key that it is wrapped to.
    pub fn key(&self) -> SealingId {
        self.key
    }

    pub(super) fn enc(&self) -> &[u8] {
        self.enc.as_slice()
    }

    pub(super) fn text(&self) -> &[u8] {
        self.text.as_slice()
    }
}

impl fmt::Debug for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wrap(to {})", self.key)
    }
}
