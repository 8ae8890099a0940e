//! A record under seal: what everybody sees of it. What it says, only its recipients can read
//! ([`crate::seal`]).

use std::collections::BTreeSet;
use std::fmt;

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::in_order;
use crate::clock::Millis;
use crate::id::AgencyId;
use crate::limits;
use crate::seal::{Commitment, TAG_BYTES};

/// The body of a sealed record. Recipients see each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// Who can open it beside its author: 1 to [`limits::RECIPIENTS`].
    #[serde(deserialize_with = "in_order")]
    pub recipients: BTreeSet<AgencyId>,
    /// When its author waits no longer; at most [`limits::RESPOND_DAYS`] after it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub respond_by: Option<Millis>,
    /// To the secret that opens it.
    pub commitment: Commitment,
    /// What it says, as nobody can read it.
    pub text: Ciphertext,
}

/// Bytes under seal: padded content of a size class, and [`TAG_BYTES`] that prove it unchanged.
#[derive(Clone, PartialEq, Eq)]
pub struct Ciphertext(Vec<u8>);

impl Ciphertext {
    /// Wraps bytes of any length; the form limits refuse one that has no [`Ciphertext::class`].
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its size class in bytes of padded content; none if its length is that of no class.
    pub fn class(&self) -> Option<usize> {
        let padded = self.0.len().checked_sub(TAG_BYTES)?;
        let mut classes = limits::SIZE_CLASSES.into_iter();
        classes.find(|class| *class == padded)
    }
}

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ciphertext({} bytes)", self.0.len())
    }
}

impl Serialize for Ciphertext {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() {
            s.serialize_str(&BASE64.encode(&self.0))
        } else {
            s.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Ciphertext {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if !d.is_human_readable() {
            return serde_bytes::ByteBuf::deserialize(d).map(|bytes| Self(bytes.into_vec()));
        }
        let text = String::deserialize(d)?;
        let bytes = BASE64.decode(text.as_bytes());
        bytes.map(Self).map_err(de::Error::custom)
    }
}
