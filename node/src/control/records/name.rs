//! Names: the record and the agencies that an officer means.

use liaison_protocol::id::{AgencyId, IdPrefix, RecordId};
use liaison_protocol::record::signed::{Record, SignedRecord};

use crate::audit::note;
use crate::control::api::ApiError;
use crate::ingest::IngestFault;
use crate::node::Node;
use crate::store::{Arrival, Direction, Header};

impl Node {
    /// The agencies that a name stands for: an alias, a circle, or a whole id.
    pub(super) fn named(&self, name: &str) -> Option<Vec<AgencyId>> {
        if let Ok((agency, _)) = self.registry.find(name) {
            return Some(vec![agency]);
        }
        let members = self.policies.current().members(name);
        (!members.is_empty()).then_some(members)
    }

    /// A distribution list out of names. Empty stays empty: nobody.
    pub(in crate::control) fn audience(
        &self,
        to: Option<&[String]>,
    ) -> Result<Option<Vec<AgencyId>>, ApiError> {
        let Some(to) = to else { return Ok(None) };
        let mut all = Vec::new();
        for name in to {
            let agencies = self.named(name).ok_or_else(|| {
                let shown = liaison_protocol::id::clip(name);
                ApiError::new(
                    "not-found",
                    format!("'{shown}' is no peer and no circle here"),
                )
                .with_remedy("'liaison peer list' shows the names")
            })?;
            all.extend(agencies);
        }
        all.sort_unstable();
        all.dedup();
        Ok(Some(all))
    }

    /// The record whose id begins so.
    pub(in crate::control) fn find(&self, text: &str) -> Result<(Arrival, Header), ApiError> {
        let prefix: IdPrefix = text.parse()?;
        let found = self.store.find(&prefix, crate::limits::AMBIGUOUS)?;
        let arrival = match found.as_slice() {
            [] => return Err(ApiError::no_record(text)),
            [(_, arrival)] => *arrival,
            several => {
                let ids: Vec<RecordId> = several.iter().map(|(id, _)| *id).collect();
                return Err(ApiError::ambiguous(text, &ids));
            }
        };
        let header = self
            .store
            .header(arrival)?
            .ok_or_else(|| ApiError::no_record(text))?;
        note(|note| note.record(header.id));
        Ok((arrival, header))
    }

    pub(in crate::control) fn own_word(&self, header: &Header, done: &str) -> Result<(), ApiError> {
        if header.author == self.registry.own() {
            return Ok(());
        }
        let author = self.registry.alias(&header.author);
        Err(ApiError::new(
            "refused",
            format!(
                "{} is the word of {author}; only its author can have it {done}",
                header.id.short()
            ),
        )
        .with_remedy(
            "tell the author, or push a record of your own that contradicts it (refs: contradicts)",
        ))
    }

    /// What a record of the store states.
    pub(in crate::control) fn statement(&self, arrival: Arrival) -> Result<Record, ApiError> {
        let bytes = self.store.record(arrival)?.ok_or_else(|| {
            ApiError::new(
                "not-found",
                "the record was erased; only its tombstone is left",
            )
            .with_remedy("'liaison push FILE' makes a new record")
        })?;
        let signed = SignedRecord::parse(bytes).map_err(IngestFault::from)?;
        Ok(signed.unverified().clone())
    }

    /// Aliases of those who hold a record, as far as the ledger says.
    pub(super) fn holders(&self, arrival: Arrival) -> Result<Vec<String>, ApiError> {
        let mut holders: Vec<String> = self
            .store
            .ledgers_for(arrival)?
            .into_iter()
            .filter(|(_, line)| matches!(line.direction, Direction::Sent | Direction::Received))
            .map(|(peer, _)| self.registry.alias(&peer))
            .collect();
        holders.sort();
        Ok(holders)
    }
}
