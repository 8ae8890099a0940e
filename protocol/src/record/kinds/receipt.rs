//! What became of a withdrawn or recalled copy, in its holder's word.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::id::RecordId;
use crate::record::codes::ReceiptWhat;

/// A holder's answer to a retraction or a recall. Of several with the same `for`, the one
/// made last holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The retraction or recall that it answers.
    pub r#for: RecordId,
    /// The record that this one concerned.
    pub of: RecordId,
    /// What the holder did.
    pub what: ReceiptWhat,
    /// When it did.
    pub at: Millis,
    /// Why it did no more, at most [`crate::limits::NOTE_CHARS`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Those that the holder passed the record on to; none: it passed it on to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub further: Option<Further>,
}

/// Holders behind a holder, counted all the way and named nowhere, so that an author learns
/// how far an erasure is and not who had the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Further {
    /// Holders that were asked to erase.
    pub asked: u32,
    /// Those of them that said that they did: at most `asked`.
    pub erased: u32,
}
