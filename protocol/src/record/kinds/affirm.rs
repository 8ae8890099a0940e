//! An author's list of what it did sign with a key that others had as well.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::in_order;
use crate::id::RecordId;
use crate::key::PublicKey;

/// The author's word that it made these records itself, although their key was compromised.
/// Signed with another key of the author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affirm {
    /// The compromised key.
    pub key: PublicKey,
    /// Records under that key: 1 to [`crate::limits::AFFIRM_RECORDS`].
    #[serde(deserialize_with = "in_order")]
    pub records: BTreeSet<RecordId>,
}
