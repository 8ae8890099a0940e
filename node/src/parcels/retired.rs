//! Parcels that came and open no more, because our half of the key is destroyed: whoever left
//! them at the hub is told, in our next parcel to it, to send anew what was in them.

use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::parcel::Cargo;
use liaison_protocol::seal::SealingId;

use super::Parcels;
use super::outbox::{Key, Row};
use crate::limits;
use crate::store::{Op, Store, StoreError};

/// Prefix of the stored values that hold them, by who left them.
const RETIRED: &str = "parcel-retired/";

/// What is to be told to one agency: keys, and the names of parcels that are sealed to them.
#[derive(Clone, Debug, Default)]
pub(super) struct Retired(Vec<([u8; 8], ParcelId)>);

impl Retired {
    /// What is to be told to an agency.
    pub fn load(store: &Store, to: &AgencyId) -> Result<Self, StoreError> {
        let bytes = store.meta(&name(to))?;
        let all = bytes.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        Ok(Self(all.unwrap_or_default()))
    }

    /// The same, once our own keys statement lists another key than each of them; `listed` is the
    /// one that it lists. Told before that, it would be sent anew to the same key.
    pub fn once_replaced(self, listed: Option<SealingId>) -> Self {
        let is_listed = |(key, _): &([u8; 8], ParcelId)| listed.is_none_or(|l| l.as_bytes() == key);
        if self.0.iter().any(is_listed) {
            return Self::default();
        }
        self
    }

    /// The same as it stands in a letter.
    pub fn cargo(&self) -> Vec<Cargo> {
        let mut keys: Vec<[u8; 8]> = self.0.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        let of = |key: [u8; 8]| {
            let parcels = self.0.iter().filter(|(of, _)| *of == key);
            Cargo::Retired {
                key: SealingId::from_bytes(key),
                parcels: parcels.map(|(_, id)| *id).collect(),
            }
        };
        keys.into_iter().map(of).collect()
    }

    /// The operation that forgets it, if there is something.
    pub fn forget(&self, to: &AgencyId) -> Option<Op> {
        (!self.0.is_empty()).then(|| Op::DeleteMeta { name: name(to) })
    }
}

impl Parcels {
    /// Notes that a parcel opens no more. That `from` left it is the hub's word: an agency that
    /// did not has no use for what it is told.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub(super) async fn note_retired(
        &self,
        from: AgencyId,
        key: SealingId,
        id: ParcelId,
    ) -> Result<(), StoreError> {
        if !self.0.share.registry.is_peer(&from) {
            return Ok(());
        }
        let _one_at_a_time = self.0.packing.of(&from).await;
        let store = &self.0.store;
        let mut retired = Retired::load(store, &from)?;
        let one = (*key.as_bytes(), id);
        if retired.0.contains(&one) {
            return Ok(());
        }
        retired.0.push(one);
        let over = retired.0.len().saturating_sub(limits::RETIRED_PARCELS);
        retired.0.drain(..over);
        let bytes = super::encode(store, &retired.0)?;
        let name = name(&from);
        store.write(vec![Op::PutMeta { name, bytes }]).await?;
        self.wake();
        Ok(())
    }

    /// The addressee has no key any more to these parcels of ours: what is in them and is not
    /// answered is packed again, if we know of another key. Else its next keys statement is waited
    /// for, as for its word.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub(super) async fn take_retired(
        &self,
        from: AgencyId,
        key: SealingId,
        parcels: &[ParcelId],
    ) -> Result<(), StoreError> {
        let now = self.0.share.now();
        let newest = self.0.share.registry.sealing_key(&from, now);
        if newest.is_none_or(|newest| newest.id() == key) {
            return Ok(());
        }
        let theirs = |row: &Row| row.to == from && parcels.contains(&row.id);
        let rows = self.0.outbox.rows(theirs);
        let keys: Vec<Key> = rows.iter().map(Row::key).collect();
        if !keys.is_empty() {
            let (peer, count) = (self.alias(&from), keys.len());
            tracing::info!(%peer, count, "the peer has no key any more to parcels of ours: what is in them is sent again");
        }
        self.lose_rows(&keys).await
    }
}

fn name(agency: &AgencyId) -> String {
    format!("{RETIRED}{}", agency.full())
}
