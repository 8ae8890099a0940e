//! Recalls: a copy taken back from one peer, by the node that released it.

use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::RecallReason;
use liaison_protocol::record::envelope::Fields;
use liaison_protocol::record::kinds::{Content, Recall};
use liaison_protocol::record::signed::SignedRecord;

use super::{WithdrawalError, envelope};
use crate::ingest::{IngestFault, Statement};
use crate::limits;
use crate::node::Node;
use crate::store::{Arrival, Direction, Flags, Header, StoreError};

impl Node {
    /// Takes back from a peer the copies of these records that this node released to it. The
    /// recalls are owed, so they go whatever policy says; each goes only for as long as the
    /// gates do not let the peer have the record: change policy or list first. Left out: what
    /// was not released to the peer, what is recalled already, and what is erased here, for
    /// which a retraction or a recall is owed to the peer already. The ids of the recalls made.
    ///
    /// # Errors
    /// [`WithdrawalError`]; what was made before it stands.
    pub async fn recall(
        &self,
        records: &[RecordId],
        peer: &AgencyId,
        reason: RecallReason,
    ) -> Result<Vec<RecordId>, WithdrawalError> {
        let mut made = Vec::new();
        for some in records.chunks(limits::RECALLS) {
            let mut statements = Vec::new();
            for of in some {
                if let Some((arrival, header)) = self.held(of)?
                    && !header.flags.contains(Flags::ERASED)
                {
                    statements.extend(self.recall_of(arrival, &header, peer, reason)?);
                }
            }
            if !statements.is_empty() {
                let ids = self.ingest.own(statements, Vec::new()).await?;
                made.extend(ids.into_iter().map(|(id, _)| id));
            }
        }
        Ok(made)
    }

    /// Whether a peer has a copy that this node released and did not recall since.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn is_out(
        &self,
        arrival: Arrival,
        header: &Header,
        peer: &AgencyId,
    ) -> Result<bool, StoreError> {
        let line = self.store.ledger_entry(peer, arrival)?;
        let sent = line.is_some_and(|l| l.direction == Direction::Sent);
        Ok(sent && self.store.recalled(&header.id, peer)?.is_none())
    }

    fn recall_of(
        &self,
        arrival: Arrival,
        header: &Header,
        peer: &AgencyId,
        reason: RecallReason,
    ) -> Result<Option<Statement>, WithdrawalError> {
        if !self.is_out(arrival, header, peer)? {
            return Ok(None);
        }
        let fields = self.fields_of(arrival)?;
        Ok(Some(recall_from(&fields, header, peer, reason)))
    }

    pub(super) fn fields_of(&self, arrival: Arrival) -> Result<Fields, WithdrawalError> {
        let bytes = self.store.record(arrival)?;
        let header = self.store.header(arrival)?;
        let id = header.map_or(RecordId::from_bytes([0; 32]), |h| h.id);
        let bytes = bytes.ok_or(WithdrawalError::Erased { id })?;
        let signed = SignedRecord::parse(bytes).map_err(IngestFault::from)?;
        Ok(signed.unverified().envelope.fields.clone())
    }
}

/// A recall of a record, with an envelope made from this one.
pub(super) fn recall_from(
    fields: &Fields,
    header: &Header,
    peer: &AgencyId,
    reason: RecallReason,
) -> Statement {
    Statement {
        fields: envelope("Recall", fields),
        content: Content::Recall(Recall {
            of: header.id,
            to: *peer,
            reason,
        }),
        audience: Some(vec![*peer]),
    }
}
