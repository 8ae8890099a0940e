//! How an agency stops being a peer: in order (`peer remove`), or at once (`peer revoke`).

use std::collections::BTreeMap;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;

use super::{Inner, Peer, Registry, RegistryError, Revoked};
use crate::limits;
use crate::store::{Op, Store};

/// Prefix of the stored values that name revoked agencies.
const REVOKED: &str = "revoked/";

impl Registry {
    /// Begins to remove a peer: from now on only what is owed passes, both ways.
    ///
    /// # Errors
    /// [`RegistryError::Store`], [`RegistryError::NoPeer`], [`RegistryError::Revoked`].
    pub async fn leave(
        &self,
        store: &Store,
        agency: &AgencyId,
        now: Millis,
    ) -> Result<(), RegistryError> {
        let Some(peer) = self.peer(agency) else {
            return Err(RegistryError::NoPeer {
                name: agency.short(),
            });
        };
        let peer = Peer {
            leaving: peer.leaving.or(Some(now)),
            ..peer
        };
        self.put(store, *agency, peer).await
    }

    /// Takes a peer's link away. Its cards stay, so that its records still verify.
    ///
    /// # Errors
    /// [`RegistryError::Store`].
    pub async fn unlink(&self, store: &Store, agency: &AgencyId) -> Result<(), RegistryError> {
        store.write(vec![Op::DeletePeer { peer: *agency }]).await?;
        self.write(|i| {
            i.peers.remove(agency);
        });
        Ok(())
    }

    /// Takes a peer's link away at once, before the disk has it: a full write queue must not
    /// hold the cut up. [`Registry::keep_revoked`] then makes it last.
    pub fn revoke(&self, agency: &AgencyId, revoked: Revoked) {
        self.write(|i| {
            i.peers.remove(agency);
            i.revoked.insert(*agency, revoked);
        });
    }

    /// Makes a revocation last beyond the next start.
    ///
    /// # Errors
    /// [`RegistryError::Store`].
    pub async fn keep_revoked(
        &self,
        store: &Store,
        agency: &AgencyId,
    ) -> Result<(), RegistryError> {
        let Some(revoked) = self.revoked().remove(agency) else {
            return Ok(());
        };
        let ops = vec![
            Op::DeletePeer { peer: *agency },
            Op::PutMeta {
                name: revoked_name(agency),
                bytes: revoked.to_bytes(),
            },
        ];
        store.write(ops).await?;
        Ok(())
    }

    /// The agencies whose link a person here revoked. Their cards stay, and their records that
    /// others bring still verify.
    pub fn revoked(&self) -> BTreeMap<AgencyId, Revoked> {
        self.read(|i| i.revoked.clone())
    }

    /// Whether a peer is being removed, so that only what is owed passes.
    pub fn is_leaving(&self, agency: &AgencyId) -> bool {
        self.read(|i| i.peers.get(agency).is_some_and(|p| p.leaving.is_some()))
    }
}

impl Inner {
    /// Reads who was revoked.
    pub(super) fn load_revoked(&mut self, store: &Store) -> Result<(), RegistryError> {
        for (name, bytes) in store.metas(REVOKED, limits::STORE_ROWS)? {
            let Some(agency) = name
                .strip_prefix(REVOKED)
                .and_then(|id| id.parse::<AgencyId>().ok())
            else {
                continue;
            };
            let revoked = Revoked::from_bytes(&bytes)
                .map_err(|says| RegistryError::Stored { agency, says })?;
            self.revoked.insert(agency, revoked);
        }
        Ok(())
    }
}

/// The operation that forgets that an agency was revoked: a person linked it again.
pub(super) fn forget_revoked(agency: &AgencyId) -> Op {
    Op::DeleteMeta {
        name: revoked_name(agency),
    }
}

fn revoked_name(agency: &AgencyId) -> String {
    format!("{REVOKED}{}", agency.full())
}
