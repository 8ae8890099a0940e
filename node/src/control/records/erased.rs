//! What was retracted does not come back by an import of the same rows: of a record of our own
//! that was retracted, a digest of what it said stays here.

use data_encoding::HEXLOWER;
use liaison_protocol::id::RecordId;
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::Content;
use sha2::{Digest, Sha256};

use crate::control::api::ApiError;
use crate::node::Node;
use crate::store::Op;

/// Notes that our record of this text was retracted.
pub(super) fn note(id: &RecordId, fields: &Fields, content: &Content) -> Result<Op, ApiError> {
    Ok(Op::PutMeta {
        name: name(fields, content)?,
        bytes: id.as_bytes().to_vec().into(),
    })
}

impl Node {
    /// Refuses a row that says what a retracted record of ours said. Whoever means it pushes it.
    pub(in crate::control) fn not_retracted(
        &self,
        fields: &Fields,
        content: &Content,
    ) -> Result<(), ApiError> {
        let Some(bytes) = self.store.meta(&name(fields, content)?)? else {
            return Ok(());
        };
        let id = <[u8; 32]>::try_from(bytes.as_ref()).map(RecordId::from_bytes);
        let id = id.map_or_else(|_| "a record".into(), |id| id.short());
        Err(ApiError::new(
            "refused",
            format!(
                "The row says what {id} said, which was retracted. If it is right now, push it as \
                 a record of its own."
            ),
        ))
    }
}

/// Kind, title, language and body: what a row makes, without what depends on the day.
fn name(fields: &Fields, content: &Content) -> Result<String, ApiError> {
    let mut hasher = Sha256::new();
    let body = content.to_json()?.to_string();
    for part in [content.kind().as_str(), &fields.title, &fields.lang, &body] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = HEXLOWER.encode(&hasher.finalize());
    Ok(format!("retracted/{digest}"))
}
