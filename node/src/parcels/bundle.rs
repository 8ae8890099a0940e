//! Bundles: parcels for one agency in a file, made one after another for whoever writes it.

use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::parcel::Parcel;

use super::Parcels;
use super::outbox::{Key, Load, Row, State, Way};
use super::pack::{Counts, PackError};
use crate::store::StoreError;

impl Parcels {
    /// Begins a bundle for an agency: the number of its first parcel. What an earlier bundle
    /// holds that never came onto its medium is packed again.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn begin_bundle(&self, to: AgencyId) -> Result<u64, StoreError> {
        // What was withdrawn from earlier ones at this moment is told in this one.
        self.look(|row| row.to == to).await?;
        let unwritten =
            |row: &Row| row.to == to && row.way == Way::Bundle && row.state == State::Made;
        let unwritten = self.0.outbox.rows(unwritten);
        let keys: Vec<Key> = unwritten.iter().map(Row::key).collect();
        self.drop_rows(&keys).await?;
        // It begins at the beginning, whatever other bundles came to.
        self.look_again(&to);
        self.0.outbox.next_number(&to, self.0.share.now())
    }

    /// The next parcel of the bundle that began with this number; none: it is complete. `again`:
    /// also what earlier bundles hold.
    ///
    /// # Errors
    /// [`PackError`].
    pub async fn pack_bundle(
        &self,
        to: AgencyId,
        first: u64,
        again: bool,
    ) -> Result<Option<Parcel>, PackError> {
        let counts: Counts = std::sync::Arc::new(move |row| {
            row.way == Way::Bundle && (!again || row.number >= first)
        });
        let packed = self.pack(to, Way::Bundle, Load::All, counts).await?;
        Ok(packed.map(|packed| packed.parcel))
    }

    /// These parcels of a bundle are on their medium. Their rows.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn bundle_written(
        &self,
        to: AgencyId,
        ids: &[ParcelId],
    ) -> Result<Vec<Row>, StoreError> {
        let written = |row: &Row| row.to == to && row.way == Way::Bundle && ids.contains(&row.id);
        let rows = self.0.outbox.rows(written);
        for row in &rows {
            if row.state == State::Made {
                self.0.outbox.set(&row.key(), State::Lies).await?;
            }
        }
        Ok(rows)
    }
}
