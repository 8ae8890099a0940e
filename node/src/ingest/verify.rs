//! Whose word is it?

use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::{SignedRecord, VerifiedRecord};

use super::fault::IngestFault;
use crate::registry::Registry;

/// Checks a record's signature under the keys that we know of its author. A card is checked
/// under its root key and against the cards that we have.
pub fn verify(registry: &Registry, record: SignedRecord) -> Result<VerifiedRecord, IngestFault> {
    let author = record.unverified().envelope.author;
    if registry.is_forked(&author) {
        return Err(IngestFault::Forked { author });
    }
    if matches!(record.unverified().content, Content::Contact(_)) {
        return registry
            .check_card(record)?
            .ok_or(IngestFault::UnknownAuthor { author });
    }
    let keys = registry
        .keys(&author)
        .ok_or(IngestFault::UnknownAuthor { author })?;
    Ok(record.verify(&keys)?)
}
