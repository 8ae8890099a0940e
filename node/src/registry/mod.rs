//! Which agencies this node knows: their cards and keys, and which of them are peers.
//!
//! Trust has two grades: an agency whose card we have is an *author* (its records verify);
//! one whose fingerprint a person confirmed is a *link* (it may connect). Attributes that
//! policies read stay pinned as a person confirmed them, whatever later cards claim.

mod change;
mod parting;
mod peer;
mod sealing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use liaison_protocol::card::{AgencyKeys, CardFault, Learned};
use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::key::PublicKey;
use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::kinds::{Contact, Content, Keys};
use liaison_protocol::record::signed::{SignedRecord, VerifiedRecord};
use tokio::sync::watch;

pub use self::change::{PeerEdit, Unconfirmed};
pub use self::peer::{Peer, Pinned, Revoked};
use crate::audit::note;
use crate::cardfile::CardFile;
use crate::kind;
use crate::policy::{Directory, DirectoryError, PeerAttributes};
use crate::store::{Arrival, Op, Store, StoreError};
use crate::swarm::LinkedPeer;

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
}

/// What is known of an agency.
#[derive(Clone, Debug)]
pub struct Agency {
    /// Its keys, from all its cards.
    pub keys: Arc<AgencyKeys>,
    /// Its newest card.
    pub card: VerifiedRecord,
    /// Its newest keys statement.
    pub statement: Option<VerifiedRecord>,
    /// Its affirmations, by the records that they list, each with the key that it was given
    /// under: [`limits::AFFIRMATIONS_PER_RECORD`](crate::limits::AFFIRMATIONS_PER_RECORD) of
    /// one key for one record.
    pub affirmations: Arc<BTreeMap<RecordId, Vec<(PublicKey, RecordId)>>>,
}

/// Why an agency can't be taken in.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Its card is faulty.
    #[error(transparent)]
    Card(#[from] CardFault),
    /// The card is our own.
    #[error("this is our own card; a node is not its own peer")]
    Own,
    /// Another agency has the alias.
    #[error("'{alias}' already names another agency. Choose another name with --as")]
    AliasTaken {
        /// The alias.
        alias: String,
    },
    /// A circle that can't be joined or left.
    #[error("{says}")]
    Circle {
        /// What is wrong, and what to do.
        says: String,
    },
    /// Nothing that could be confirmed.
    #[error("nothing is changed on the card of '{alias}': policies use what it states")]
    NothingToConfirm {
        /// The alias.
        alias: String,
    },
    /// Not a usable alias.
    #[error(
        "'{alias}' can't be an alias: use a-z, 0-9, '-', '_' and '.', at most 40 characters, not 'self'. Choose one with --as"
    )]
    Alias {
        /// The alias.
        alias: String,
    },
    /// No such peer.
    #[error("no peer is called '{name}'. 'liaison peer list' shows all")]
    NoPeer {
        /// What was typed.
        name: String,
    },
    /// Its link was revoked here; only a person who compared its digits links it again.
    #[error(
        "'{}' was revoked here ({}). To link it again telephone it and give its 30 digits with --fingerprint",
        revoked.alias,
        revoked.reason
    )]
    Revoked {
        /// When and why.
        revoked: Revoked,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored card or peer can't be read.
    #[error("what the store holds of agency {} can't be read: {says}", agency.short())]
    Stored {
        /// The agency.
        agency: AgencyId,
        /// Why.
        says: String,
    },
}

impl Registry {
    /// Reads what the store has, with our own card in front.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn load(store: &Store, own: &CardFile) -> Result<Self, RegistryError> {
        let mut inner = Inner::default();
        inner.take_file(own)?;
        // Those whose link was taken away as well: their records still verify, and their
        // revocations stick.
        let mut known = store.agencies()?;
        known.remove(&own.agency());
        // Revocations stick for our own keys as well, whatever card the folder holds.
        for card in store.cards(&own.agency())?.into_values() {
            match inner.learn_bytes(own.agency(), card) {
                Err(RegistryError::Card(CardFault::Fork { .. })) => {
                    inner.forked.insert(own.agency());
                }
                done => done?,
            }
        }
        for agency in known {
            for card in store.cards(&agency)?.into_values() {
                inner.learn_bytes(agency, card)?;
            }
            if let Some(bytes) = store.meta(&statement_name(&agency))? {
                inner.learn_statement(agency, bytes)?;
            }
        }
        for (agency, bytes) in store.peers()? {
            let peer =
                Peer::from_bytes(&bytes).map_err(|says| RegistryError::Stored { agency, says })?;
            inner.peers.insert(agency, peer);
        }
        inner.load_revoked(store)?;
        for (name, _) in store.metas(FORKED, crate::limits::STORE_ROWS)? {
            inner.forked.extend(
                name.strip_prefix(FORKED)
                    .and_then(|id| id.parse::<AgencyId>().ok()),
            );
        }
        Ok(Self(Arc::new(Shared {
            own: own.agency(),
            inner: RwLock::new(inner),
            changes: watch::Sender::new(0),
            hubs: OnceLock::new(),
        })))
    }

    /// Takes up the affirmations in the store, among these control records.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn load_affirmed(&self, store: &Store) -> Result<(), StoreError> {
        let mut after = Arrival(0);
        loop {
            let rows = store.owed(after, crate::limits::SCAN_ROWS)?;
            let Some((last, _)) = rows.last() else {
                return Ok(());
            };
            after = *last;
            let affirms = |kind: &u8| *kind == kind::number(Kind::Affirm);
            for (arrival, _) in rows.into_iter().filter(|(_, kind)| affirms(kind)) {
                let Some(header) = store.header(arrival)? else {
                    continue;
                };
                let Some(bytes) = store.record(arrival)? else {
                    continue;
                };
                self.write_quietly(|i| {
                    // Its own key may be compromised by now: then it counts no more.
                    if let Err(error) = i.learn_bytes(header.author, bytes) {
                        tracing::info!(id = %header.id.short(), %error, "an affirmation does not count");
                    }
                });
            }
        }
    }

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

    /// Agencies of which two different cards carry the same revision: nothing new is taken
    /// from them until a person has telephoned and added a newer card.
    pub fn forked(&self) -> BTreeSet<AgencyId> {
        self.read(|i| i.forked.clone())
    }

    /// Whether an agency's cards contradict each other.
    pub fn is_forked(&self, agency: &AgencyId) -> bool {
        self.read(|i| i.forked.contains(agency))
    }

    /// Two cards of an agency contradict each other; the operation that keeps it known.
    pub(crate) fn note_fork(&self, agency: AgencyId) -> Op {
        // Heard again it changes nothing, and whoever sends it again wakes nobody.
        if !self.is_forked(&agency) {
            self.write(|i| {
                i.forked.insert(agency);
            });
        }
        Op::PutMeta {
            name: forked_name(&agency),
            bytes: Bytes::new(),
        }
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

    /// How people call an agency: `self`, a peer's alias, or the short id.
    pub fn alias(&self, agency: &AgencyId) -> String {
        if *agency == self.0.own {
            return "self".into();
        }
        self.read(|i| i.peers.get(agency).map(|p| p.alias.clone()))
            .unwrap_or_else(|| agency.short())
    }

    /// What other agencies' files call us: our name, as an alias.
    pub fn own_alias(&self) -> String {
        slug(&self.contact(&self.0.own).map(|c| c.org).unwrap_or_default())
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
        Directory::new(own, peers)
    }

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
        ops.extend(file.keys().map(statement_op));
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
            if let Some(known) = trial {
                i.agencies.insert(agency, known);
            }
            i.peers.insert(agency, peer);
        });
        Ok(known)
    }

    /// Checks a card of a known agency against what we have of it, without keeping it.
    ///
    /// # Errors
    /// [`CardFault`].
    pub fn check_card(&self, card: SignedRecord) -> Result<Option<VerifiedRecord>, CardFault> {
        let agency = card.unverified().envelope.author;
        let Some(keys) = self.keys(&agency) else {
            return Ok(None);
        };
        let mut keys = AgencyKeys::clone(&keys);
        keys.learn(card).map(|(_, card)| Some(card))
    }

    /// Keeps a card, keys statement or affirmation that ingest has verified and committed.
    /// Nobody is told before [`Registry::announce`]: a card that revokes a key and the statement
    /// under its successor come together, and between the two the link must not be cut.
    pub fn learn(&self, record: &VerifiedRecord) {
        let agency = record.author();
        let bytes = record.bytes().clone();
        self.write_quietly(|i| {
            // It verified a moment ago; a fork that came in the same batch leaves the first.
            if let Err(error) = i.learn_bytes(agency, bytes) {
                tracing::warn!(%error, "a card was not taken up");
                if matches!(error, RegistryError::Card(CardFault::Fork { .. })) {
                    i.forked.insert(agency);
                }
            }
        });
    }

    /// Takes up our own card and keys statement after a change.
    ///
    /// # Errors
    /// [`RegistryError::Card`].
    pub fn renew_own(&self, file: &CardFile) -> Result<(), RegistryError> {
        let mut trial = self.agency(&self.0.own);
        Inner::learn_into(&mut trial, file)?;
        self.write(|i| {
            if let Some(own) = trial {
                i.agencies.insert(self.0.own, own);
            }
        });
        Ok(())
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

impl Agency {
    /// What its newest card says.
    pub fn contact(&self) -> Option<&Contact> {
        match &self.card.record().content {
            Content::Contact(contact) => Some(contact),
            _ => None,
        }
    }

    /// Whether its newest keys statement is signed with a key that still stands: else it may be
    /// a thief's, and names no node.
    pub fn is_reachable(&self) -> bool {
        self.statement.as_ref().is_some_and(|statement| {
            let key = statement.key();
            self.keys.stands(&key) || self.keys.is_affirmed(&key, &statement.id())
        })
    }

    /// What its newest keys statement says.
    pub fn statement_body(&self) -> Option<&Keys> {
        keys_of(self.statement.as_ref()?)
    }
}

impl Inner {
    fn take_file(&mut self, file: &CardFile) -> Result<(), RegistryError> {
        let mut agency = self.agencies.remove(&file.agency());
        Self::learn_into(&mut agency, file)?;
        if let Some(agency) = agency {
            self.agencies.insert(file.agency(), agency);
        }
        Ok(())
    }

    /// Takes up a stored keys statement. The key that signed it may have been revoked since, by
    /// a card that the peer sent: that costs the link to this peer, not the start of the node.
    fn learn_statement(&mut self, agency: AgencyId, bytes: Bytes) -> Result<(), RegistryError> {
        match self.learn_bytes(agency, bytes) {
            Err(RegistryError::Card(CardFault::Signature(error))) => {
                tracing::error!(agency = %agency.short(), %error, "its keys statement does not hold any more, so that it can't be reached. Ask it for its newest card, then 'liaison peer add FILE'");
                Ok(())
            }
            done => done,
        }
    }

    fn learn_into(known: &mut Option<Agency>, file: &CardFile) -> Result<(), RegistryError> {
        for record in std::iter::once(file.card()).chain(file.keys()) {
            Self::learn_one(known, file.agency(), record.bytes().clone())?;
        }
        Ok(())
    }

    fn learn_bytes(&mut self, agency: AgencyId, bytes: Bytes) -> Result<(), RegistryError> {
        let mut known = self.agencies.remove(&agency);
        let done = Self::learn_one(&mut known, agency, bytes);
        if let Some(known) = known {
            self.agencies.insert(agency, known);
        }
        done
    }

    fn learn_one(
        known: &mut Option<Agency>,
        agency: AgencyId,
        bytes: Bytes,
    ) -> Result<(), RegistryError> {
        let stored = |says: String| RegistryError::Stored { agency, says };
        let record = SignedRecord::parse(bytes).map_err(|e| stored(e.to_string()))?;
        let mut keys = known
            .as_ref()
            .map_or_else(|| AgencyKeys::new(agency), |a| AgencyKeys::clone(&a.keys));
        match &record.unverified().content {
            Content::Contact(_) => {
                let (learned, card) = keys.learn(record)?;
                let keys = Arc::new(keys);
                match known {
                    Some(known) => {
                        known.keys = keys;
                        if learned == Learned::Newest {
                            known.card = card;
                        }
                    }
                    None => {
                        *known = Some(Agency {
                            keys,
                            card,
                            statement: None,
                            affirmations: Arc::default(),
                        })
                    }
                }
            }
            Content::Keys(_) => {
                let statement = record.verify(&keys).map_err(CardFault::from)?;
                let Some(known) = known else {
                    return Err(stored("a keys statement without a card".into()));
                };
                let number = |r: &VerifiedRecord| keys_of(r).map_or(0, |k| k.number);
                // A thief's statement with a high number must not keep the next one out.
                let newer = known
                    .statement
                    .as_ref()
                    .filter(|_| known.is_reachable())
                    .is_none_or(|old| number(&statement) > number(old));
                if newer {
                    known.statement = Some(statement);
                }
            }
            Content::Affirm(_) => {
                let affirmed = record.verify(&keys).map_err(CardFault::from)?;
                let (Content::Affirm(affirm), Some(known)) =
                    (&affirmed.record().content, known.as_mut())
                else {
                    return Err(stored("an affirmation without a card".into()));
                };
                let records = affirm.records.iter().copied();
                if keys.affirm(affirmed.key(), affirm.key, records) {
                    let by_record = Arc::make_mut(&mut known.affirmations);
                    for record in &affirm.records {
                        let all = by_record.entry(*record).or_default();
                        let word = (affirmed.key(), affirmed.id());
                        let same = all.iter().filter(|(signer, _)| *signer == word.0);
                        let full = same.count() >= crate::limits::AFFIRMATIONS_PER_RECORD;
                        if !full && !all.contains(&word) {
                            all.push(word);
                        }
                    }
                } else {
                    tracing::warn!(agency = %agency.short(), "it affirms more records than are counted; the rest stays marked");
                }
                known.keys = Arc::new(keys);
            }
            _ => return Err(stored("neither card nor keys statement".into())),
        }
        Ok(())
    }
}

fn keys_of(record: &VerifiedRecord) -> Option<&Keys> {
    match &record.record().content {
        Content::Keys(keys) => Some(keys),
        _ => None,
    }
}

/// A name as an alias: small letters, digits and hyphens.
pub fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() || c == '_' || c == '.' {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    let out: String = out.trim_end_matches('-').chars().take(40).collect();
    if out.is_empty() || out == "self" {
        "agency".into()
    } else {
        out
    }
}

/// The operation that keeps a card's exact bytes beside the record itself, so that it is
/// there at the next start before any record is read.
pub fn card_op(card: &VerifiedRecord) -> Option<Op> {
    let Content::Contact(contact) = &card.record().content else {
        return None;
    };
    Some(Op::PutCard {
        agency: card.author(),
        revision: contact.revision,
        bytes: card.bytes().clone(),
    })
}

/// The operation that keeps an agency's newest keys statement.
pub fn statement_op(statement: &VerifiedRecord) -> Op {
    Op::PutMeta {
        name: statement_name(&statement.author()),
        bytes: statement.bytes().clone(),
    }
}

/// Prefix of the stored values that name agencies with contradicting cards.
const FORKED: &str = "forked/";

fn forked_name(agency: &AgencyId) -> String {
    format!("{FORKED}{}", agency.full())
}

fn statement_name(agency: &AgencyId) -> String {
    format!("statement/{}", agency.full())
}
