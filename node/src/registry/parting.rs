//! How an agency stops being a peer: in order (`peer remove`), or at once (`peer revoke`).

use std::collections::{BTreeMap, BTreeSet};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;

use super::{Inner, Peer, Registry, RegistryError, Revoked};
use crate::limits;
use crate::store::{Op, Store};

/// Prefix of the stored values that name revoked agencies.
const REVOKED: &str = "revoked/";
/// Prefix of the stored values that say what removed agencies were called.
const FORMER: &str = "former/";

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

    /// Takes a peer's link away. Its cards stay, so that its records still verify, and its name,
    /// so that the policy goes on speaking of it.
    ///
    /// # Errors
    /// [`RegistryError::Store`].
    pub async fn unlink(&self, store: &Store, agency: &AgencyId) -> Result<(), RegistryError> {
        let alias = self.peer(agency).map(|p| p.alias);
        let mut ops = vec![Op::DeletePeer { peer: *agency }];
        ops.extend(alias.iter().map(|alias| Op::PutMeta {
            name: former_name(agency),
            bytes: alias.clone().into(),
        }));
        store.write(ops).await?;
        self.write(|i| {
            i.peers.remove(agency);
            i.former.extend(alias.map(|alias| (*agency, alias)));
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

    /// Reads what removed agencies were called.
    pub(super) fn load_former(&mut self, store: &Store) -> Result<(), RegistryError> {
        for (name, bytes) in store.metas(FORMER, limits::STORE_ROWS)? {
            let Some(agency) = name
                .strip_prefix(FORMER)
                .and_then(|id| id.parse::<AgencyId>().ok())
            else {
                continue;
            };
            let alias = String::from_utf8(bytes.to_vec()).map_err(|e| RegistryError::Stored {
                agency,
                says: e.to_string(),
            })?;
            self.former.insert(agency, alias);
        }
        Ok(())
    }

    pub(super) fn last_alias(&self, agency: &AgencyId) -> Option<String> {
        let peer = self.peers.get(agency).map(|p| &p.alias);
        let revoked = || self.revoked.get(agency).map(|r| &r.alias);
        peer.or_else(revoked)
            .or_else(|| self.former.get(agency))
            .cloned()
    }

    /// What those are called that are no peers any more, or are leaving; without names that are
    /// another's by now.
    pub(super) fn former_aliases(&self) -> BTreeMap<AgencyId, String> {
        let taken: BTreeSet<&str> = self.peers.values().map(|p| p.alias.as_str()).collect();
        let leaving = self.peers.iter().filter(|(_, p)| p.leaving.is_some());
        let leaving = leaving.map(|(agency, p)| (*agency, p.alias.clone()));
        let gone = self.former.keys().chain(self.revoked.keys());
        let gone = gone.filter(|agency| !self.peers.contains_key(agency));
        gone.filter_map(|agency| Some((*agency, self.last_alias(agency)?)))
            .filter(|(_, alias)| !taken.contains(alias.as_str()))
            .chain(leaving)
            .collect()
    }
}

/// The operation that forgets what an agency was called: it is a peer again, or another has the
/// name.
pub(super) fn forget_former(agency: &AgencyId) -> Op {
    Op::DeleteMeta {
        name: former_name(agency),
    }
}

fn former_name(agency: &AgencyId) -> String {
    format!("{FORMER}{}", agency.full())
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
