//! What was refused as no record: a ring of samples for the person who has to ask the
//! courier about them.

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::limits;

/// One sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// When it came, by our clock.
    pub at: Millis,
    /// Who brought it; none: it came from here.
    pub courier: Option<AgencyId>,
    /// What is wrong, for a person.
    pub reason: String,
    /// Where in it, for a person.
    pub place: String,
    /// Its first bytes, at most [`limits::QUARANTINE_BYTES`].
    #[serde(with = "serde_bytes")]
    pub head: Vec<u8>,
    /// SHA-256 of all its bytes.
    pub sha256: [u8; 32],
    /// Length of all its bytes.
    pub length: u64,
}

impl Quarantined {
    /// A sample of `bytes`; long texts and bytes are cut.
    pub fn sample(
        at: Millis,
        courier: Option<AgencyId>,
        reason: &str,
        place: &str,
        bytes: &[u8],
    ) -> Self {
        let clip = |text: &str| text.chars().take(limits::QUARANTINE_CHARS).collect();
        Self {
            at,
            courier,
            reason: clip(reason),
            place: clip(place),
            head: bytes
                .iter()
                .take(limits::QUARANTINE_BYTES)
                .copied()
                .collect(),
            sha256: Sha256::digest(bytes).into(),
            length: bytes.len() as u64,
        }
    }
}
