//! Small parcels that fill the outbox: each of a record that was pushed alone to an agency that
//! stays away. What is in many of them leaves anew in one.

use std::collections::BTreeMap;

use liaison_protocol::id::AgencyId;

use super::Parcels;
use super::outbox::{Row, State, Way};
use crate::limits;
use crate::store::StoreError;

impl Parcels {
    /// Makes room in the outbox: small parcels at a hub are to be discarded, of the agency that
    /// one is made for, or of the one that has the most. What is owed stays where it is. Nothing,
    /// where there are fewer than [`limits::MERGED_PARCELS`] of them.
    ///
    /// # Errors
    /// The store can't be written.
    pub(super) async fn merge(&self, hub: AgencyId, to: &AgencyId) -> Result<(), StoreError> {
        let is_small = |row: &Row| row.size as usize <= limits::MERGED_PARCEL_BYTES;
        let small = |row: &Row| {
            let shared = !row.owed && !row.records.is_empty();
            row.way == Way::Hub(hub) && row.state == State::Lies && shared && is_small(row)
        };
        let mut all: BTreeMap<AgencyId, Vec<Row>> = BTreeMap::new();
        for row in self.0.outbox.rows(small) {
            all.entry(row.to).or_default().push(row);
        }
        all.retain(|_, rows| rows.len() >= limits::MERGED_PARCELS);
        let most = || all.values().max_by_key(|rows| rows.len());
        let Some(rows) = all.get(to).or_else(most) else {
            return Ok(());
        };
        let since = self.0.share.now();
        for row in rows {
            // Whatever a hub does with it: its addressee takes the one that follows.
            self.void(row).await?;
            let unwanted = State::Unwanted { since };
            self.0.outbox.set(&row.key(), unwanted).await?;
        }
        if let Some(row) = rows.first() {
            let (peer, count) = (self.alias(&row.to), rows.len());
            tracing::info!(%peer, count, "small parcels are taken back: what is in them leaves in one");
            self.look_again(&row.to);
        }
        Ok(())
    }
}
