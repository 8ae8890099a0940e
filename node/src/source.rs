//! The store as the search index reads it.

use std::sync::Arc;

use liaison_protocol::record::signed::SignedRecord;

use crate::kind;
use crate::search::{RecordSource, SourceFault, Sourced};
use crate::store::{Arrival, Flags, Header, Store};

/// Reads records for the index.
pub struct StoreSource {
    store: Store,
}

impl StoreSource {
    /// Over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    fn sourced(&self, arrival: Arrival, header: &Header) -> Result<Option<Sourced>, SourceFault> {
        // Of a sealed record nothing is indexed, not even that it is there.
        if header.flags.contains(Flags::ERASED)
            || header.flags.contains(Flags::LOCKED)
            || kind::is_sealed(header)
        {
            return Ok(None);
        }
        let fault = |e: crate::store::StoreError| SourceFault(e.to_string());
        let Some(bytes) = self.store.record(arrival).map_err(fault)? else {
            return Ok(None);
        };
        let Ok(signed) = SignedRecord::parse(bytes) else {
            tracing::error!(record = %header.id.short(), "a stored record can't be read; it is not indexed");
            return Ok(None);
        };
        Ok(Some(Sourced {
            arrival: arrival.0,
            id: header.id,
            record: Arc::new(signed.unverified().clone()),
            received: header.received,
            hidden: header.flags.contains(Flags::SUPERSEDED)
                || header.flags.contains(Flags::RETRACTED),
        }))
    }
}

impl RecordSource for StoreSource {
    fn records(&self, from: u64, limit: usize) -> Result<Vec<Sourced>, SourceFault> {
        let fault = |e: crate::store::StoreError| SourceFault(e.to_string());
        let mut after = Arrival(from);
        loop {
            let headers = self.store.headers(after.next(), limit).map_err(fault)?;
            let Some((last, _)) = headers.last() else {
                return Ok(Vec::new());
            };
            after = *last;
            let mut out = Vec::with_capacity(headers.len());
            for (arrival, header) in &headers {
                out.extend(self.sourced(*arrival, header)?);
            }
            // A stretch of erased records only is no end.
            if !out.is_empty() {
                return Ok(out);
            }
        }
    }

    fn record(&self, arrival: u64) -> Result<Option<Sourced>, SourceFault> {
        let fault = |e: crate::store::StoreError| SourceFault(e.to_string());
        let arrival = Arrival(arrival);
        match self.store.header(arrival).map_err(fault)? {
            Some(header) => self.sourced(arrival, &header),
            None => Ok(None),
        }
    }
}
