//! Which agencies this node knows: their cards and keys, and which of them are peers.
//!
//! Trust has two grades: an agency whose card we have is an *author* (its records verify);
//! one whose fingerprint a person confirmed is a *link* (it may connect). Attributes that
//! policies read stay pinned as a person confirmed them, whatever later cards claim.

mod agency;
mod cards;
mod change;
mod error;
mod links;
mod parting;
mod peer;
mod sealing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use liaison_protocol::card::AgencyKeys;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::kinds::Contact;
use tokio::sync::watch;

pub use self::agency::Agency;
pub use self::cards::{card_op, statement_op};
pub use self::change::{PeerEdit, Unconfirmed};
pub use self::error::RegistryError;
use self::peer::slug;
pub use self::peer::{Peer, Pinned, Revoked};
use crate::audit::note;
use crate::policy::{Directory, DirectoryError, PeerAttributes};
use crate::store::Op;

/// The agencies that this node knows. Clones share it.
#[derive(Clone, Debug)]
pub struct Registry(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    own: AgencyId,
    inner: RwLock<Inner>,
    changes: watch::Sender<u64>,
    /// What the configuration calls the hubs that this agency uses.
    hubs: OnceLock<Vec<String>>,
}

#[derive(Debug, Default)]
struct Inner {
    agencies: BTreeMap<AgencyId, Agency>,
    peers: BTreeMap<AgencyId, Peer>,
    /// Agencies of which two different cards carry the same revision.
    forked: BTreeSet<AgencyId>,
    /// Agencies whose link a person revoked.
    revoked: BTreeMap<AgencyId, Revoked>,
    /// What agencies were called here that were removed since.
    former: BTreeMap<AgencyId, String>,
    /// Cards that the store is to keep otherwise, or that nothing rests on any more.
    card_ops: Vec<Op>,
}

impl Registry {
    /// Our own agency.
    pub fn own(&self) -> AgencyId {
        self.0.own
    }

    /// Tells when agencies or peers changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// The keys of an agency that we know.
    pub fn keys(&self, agency: &AgencyId) -> Option<Arc<AgencyKeys>> {
        self.read(|i| i.agencies.get(agency).map(|a| a.keys.clone()))
    }

    /// The agencies of which a key was compromised, or all were revoked.
    pub fn with_lost_keys(&self) -> Vec<AgencyId> {
        self.read(|i| {
            let lost = i.agencies.iter().filter(|(_, a)| a.keys.any_lost());
            lost.map(|(agency, _)| *agency).collect()
        })
    }

    /// An author's affirmations that list a record, under keys that stand.
    pub fn affirmations(&self, author: &AgencyId, record: &RecordId) -> Vec<RecordId> {
        self.read(|i| {
            let agency = i.agencies.get(author)?;
            let all = agency.affirmations.get(record)?.iter();
            let standing = all.filter(|(signer, _)| agency.keys.stands(signer));
            Some(standing.map(|(_, id)| *id).collect())
        })
        .unwrap_or_default()
    }

    /// What is known of an agency.
    pub fn agency(&self, agency: &AgencyId) -> Option<Agency> {
        self.read(|i| i.agencies.get(agency).cloned())
    }

    /// What an agency's newest card says.
    pub fn contact(&self, agency: &AgencyId) -> Option<Contact> {
        self.agency(agency).and_then(|a| a.contact().cloned())
    }

    /// An agency's country: as pinned for a peer, else as its card says.
    pub fn country(&self, agency: &AgencyId) -> String {
        self.read(|i| {
            let pinned = i.peers.get(agency).map(|p| p.pinned.country.clone());
            pinned.or_else(|| {
                let contact = i.agencies.get(agency)?.contact()?;
                Some(contact.country.as_str().to_owned())
            })
        })
        .unwrap_or_default()
    }

    /// The peers, by agency.
    pub fn peers(&self) -> BTreeMap<AgencyId, Peer> {
        self.read(|i| i.peers.clone())
    }

    /// A peer by agency.
    pub fn peer(&self, agency: &AgencyId) -> Option<Peer> {
        self.read(|i| i.peers.get(agency).cloned())
    }

    /// Whether an agency is a peer.
    pub fn is_peer(&self, agency: &AgencyId) -> bool {
        self.read(|i| i.peers.contains_key(agency))
    }

    /// A peer by alias, or by agency id.
    ///
    /// # Errors
    /// [`RegistryError::NoPeer`].
    pub fn find(&self, name: &str) -> Result<(AgencyId, Peer), RegistryError> {
        self.read(|i| {
            i.peers
                .iter()
                .find(|(agency, p)| p.alias == name || agency.full() == name)
                .map(|(agency, p)| (*agency, p.clone()))
        })
        .inspect(|(agency, _)| note(|note| note.peer(*agency)))
        .ok_or_else(|| RegistryError::NoPeer {
            name: liaison_protocol::id::clip(name),
        })
    }

    /// The peer that is called so, leaving ones included; says nothing of it in the audit log.
    pub fn find_quietly(&self, alias: &str) -> Option<AgencyId> {
        self.read(|i| {
            let mut peers = i.peers.iter();
            peers.find(|(_, p)| p.alias == alias).map(|(id, _)| *id)
        })
    }

    /// How people call an agency: `self`, a peer's alias, or the short id.
    pub fn alias(&self, agency: &AgencyId) -> String {
        if *agency == self.0.own {
            return "self".into();
        }
        self.read(|i| i.peers.get(agency).map(|p| p.alias.clone()))
            .unwrap_or_else(|| agency.short())
    }

    /// The name by which the policy may speak of an agency: a peer's alias, or the one that it had
    /// when it was removed or revoked. It is the agency's for as long as a rule uses it.
    pub fn last_alias(&self, agency: &AgencyId) -> Option<String> {
        self.read(|i| i.last_alias(agency))
    }

    /// Who was called so here when it was removed or revoked, and is no peer now.
    pub fn formerly(&self, alias: &str) -> Option<AgencyId> {
        self.read(|i| {
            let mut former = i.former_aliases().into_iter();
            former
                .find(|(_, had)| had == alias)
                .map(|(agency, _)| agency)
        })
    }

    /// What other agencies' files call us: our name, as an alias.
    pub fn own_alias(&self) -> String {
        slug(&self.contact(&self.0.own).map(|c| c.org).unwrap_or_default())
    }

    /// The agencies as policy sees them.
    ///
    /// # Errors
    /// [`DirectoryError`]: an alias or code that policy does not take.
    pub fn directory(&self) -> Result<Directory, DirectoryError> {
        self.directory_of(self.peers())
    }

    /// As [`Self::directory`], with one peer added or replaced.
    ///
    /// # Errors
    /// As there.
    pub fn directory_with(
        &self,
        agency: AgencyId,
        peer: Peer,
    ) -> Result<Directory, DirectoryError> {
        let mut peers = self.peers();
        peers.insert(agency, peer);
        self.directory_of(peers)
    }

    fn directory_of(&self, peers: BTreeMap<AgencyId, Peer>) -> Result<Directory, DirectoryError> {
        let own = self.contact(&self.0.own).as_ref().map(Pinned::of);
        let peers: Vec<PeerAttributes> = peers
            .iter()
            .filter(|(_, p)| p.leaving.is_none())
            .map(|(agency, p)| p.attributes(*agency))
            .collect();
        let alias = self.own_alias();
        let own = own
            .unwrap_or_default()
            .attributes(self.0.own, &alias, &Default::default());
        // Their records are here still, and what the policy says of them by name holds.
        let former = self.read(Inner::former_aliases);
        Ok(Directory::new(own, peers)?.with_former(former))
    }

    fn read<T>(&self, f: impl FnOnce(&Inner) -> T) -> T {
        f(&self.0.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells that agencies or peers changed.
    pub fn announce(&self) {
        self.0.changes.send_modify(|n| *n += 1);
    }

    fn write(&self, f: impl FnOnce(&mut Inner)) {
        self.write_quietly(f);
        self.announce();
    }

    fn write_quietly(&self, f: impl FnOnce(&mut Inner)) {
        f(&mut self.0.inner.write().unwrap_or_else(PoisonError::into_inner));
    }
}
