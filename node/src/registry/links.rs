//! Who is linked, and over which hubs: what the transport goes by.

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;

use super::cards::forked_name;
use super::{Agency, Inner, Registry, RegistryError, card_op, parting, statement_op};
use crate::cardfile::CardFile;
use crate::store::{Op, Store};
use crate::swarm::LinkedPeer;

impl Registry {
    /// Takes in a card file that a person vouches for, and makes its agency a peer. Answers
    /// whether it was one already.
    ///
    /// # Errors
    /// [`RegistryError`]; nothing is changed then.
    pub async fn link(
        &self,
        store: &Store,
        file: &CardFile,
        alias: String,
        circles: Vec<String>,
        confirmed: bool,
        now: Millis,
    ) -> Result<bool, RegistryError> {
        let agency = file.agency();
        if let Some(revoked) = self.revoked().remove(&agency)
            && !confirmed
        {
            return Err(RegistryError::Revoked { revoked });
        }
        let known = self.is_peer(&agency);
        let peer = self.as_peer(file, alias, circles, confirmed, now)?;
        // Tried on a copy first: a fork or a faulty card must leave everything as it was.
        let mut trial = self.read(|i| i.agencies.get(&agency).cloned());
        Inner::learn_into(&mut trial, file)?;
        let mut ops = vec![Op::PutPeer {
            peer: agency,
            bytes: peer.to_bytes(),
        }];
        ops.extend(card_op(file.card()));
        // One statement is kept: that of an old file must not take the newer one's place.
        let newest = trial.as_ref().and_then(|known| known.statement.as_ref());
        let of_file = file
            .keys()
            .filter(|s| newest.is_some_and(|n| n.id() == s.id()));
        ops.extend(of_file.map(statement_op));
        // The name is this agency's from now on: whoever rules speak of by it, it keeps it.
        let before: Vec<AgencyId> = self.read(|i| {
            let same = i
                .former
                .iter()
                .filter(|(id, had)| **id == agency || **had == peer.alias);
            same.map(|(id, _)| *id).collect()
        });
        ops.extend(before.iter().map(parting::forget_former));
        // A person has telephoned: what the newest card says holds again.
        if confirmed {
            ops.push(Op::DeleteMeta {
                name: forked_name(&agency),
            });
            ops.push(parting::forget_revoked(&agency));
        }
        store.write(ops).await?;
        self.write(|i| {
            if confirmed {
                i.forked.remove(&agency);
                i.revoked.remove(&agency);
            }
            // Of what is known by now: another card may have come while this was written.
            let mut known = i.agencies.get(&agency).cloned();
            if Inner::learn_into(&mut known, file).is_ok()
                && let Some(known) = known
            {
                i.agencies.insert(agency, known);
            }
            i.former.retain(|id, _| !before.contains(id));
            i.peers.insert(agency, peer);
        });
        Ok(known)
    }

    /// Says which hubs this agency uses, by alias or agency id; once, before it is asked.
    pub fn use_hubs(&self, names: &[String]) {
        // Said again it changes nothing: the configuration is read at the start.
        let _said = self.0.hubs.set(names.to_vec());
    }

    /// The hubs that this agency uses, the preferred one first: those of the configuration that
    /// are peers at this moment.
    pub fn hubs(&self) -> Vec<AgencyId> {
        self.read(|i| self.hubs_of(i))
    }

    fn hubs_of(&self, inner: &Inner) -> Vec<AgencyId> {
        let mut found: Vec<AgencyId> = Vec::new();
        for name in self.0.hubs.get().into_iter().flatten() {
            let peer = inner.peers.iter().find(|(agency, peer)| {
                peer.leaving.is_none() && (peer.alias == *name || agency.full() == *name)
            });
            if let Some((agency, _)) = peer
                && !found.contains(agency)
            {
                found.push(*agency);
            }
        }
        found
    }

    /// The hubs that a peer can be reached through, as its keys statement lists them: those
    /// that are peers of ours as well.
    pub fn hubs_of_peer(&self, agency: &AgencyId) -> Vec<AgencyId> {
        self.read(|i| {
            let known = i.agencies.get(agency);
            let statement = known.and_then(Agency::statement_body);
            let listed = statement.map(|s| s.hubs.iter()).into_iter().flatten();
            listed
                .filter(|hub| i.peers.contains_key(hub))
                .copied()
                .collect()
        })
    }

    /// The peers as the transport wants them.
    pub fn linked(&self) -> Vec<LinkedPeer> {
        self.read(|i| {
            let ours = self.hubs_of(i);
            i.peers
                .keys()
                .filter_map(|agency| {
                    let known = i.agencies.get(agency)?;
                    let statement = known.statement_body().filter(|_| known.is_reachable())?;
                    Some(LinkedPeer {
                        agency: *agency,
                        node_keys: statement.nodes.iter().map(|n| *n.key.as_bytes()).collect(),
                        addresses: statement
                            .nodes
                            .iter()
                            .flat_map(|n| n.addresses.iter().cloned())
                            .collect(),
                        hubs: statement.hubs.clone(),
                        is_our_hub: ours.contains(agency),
                    })
                })
                .collect()
        })
    }
}
