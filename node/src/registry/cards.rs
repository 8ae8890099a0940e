//! What cards, keys statements and affirmations teach, from the store and as they come.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock, RwLock};

use bytes::Bytes;
use liaison_protocol::card::{AgencyKeys, CardFault, Learned};
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::record::codes::Kind;
use liaison_protocol::record::kinds::Content;
use liaison_protocol::record::signed::{SignedRecord, VerifiedRecord};
use tokio::sync::watch;

use super::agency::keys_of;
use super::{Agency, Inner, Peer, Registry, RegistryError, Shared};
use crate::cardfile::CardFile;
use crate::kind;
use crate::store::{Arrival, CardRow, Op, Store, StoreError};

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
        inner.load_cards(store, own.agency())?;
        for agency in known {
            inner.load_cards(store, agency)?;
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
        inner.load_former(store)?;
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
            let mut kept = BTreeSet::new();
            if record.kind() == Kind::Contact {
                kept = i.proofs(&agency);
                kept.insert(record.id());
            }
            let learned = i.learn_bytes(agency, bytes.clone());
            if matches!(learned, Err(RegistryError::Card(CardFault::Fork { .. }))) {
                i.keep_revoking(agency, &record.id(), bytes);
            }
            i.supersede(agency, &kept);
            // It verified a moment ago; a fork that came in the same batch leaves the first.
            if let Err(error) = learned {
                tracing::warn!(%error, "a card was not taken up");
                if matches!(error, RegistryError::Card(CardFault::Fork { .. })) {
                    i.forked.insert(agency);
                }
            }
        });
    }

    /// What is to be done to the cards in the store, told once: those that nothing rests on any
    /// more leave; what the others teach is the same without them.
    pub fn card_ops(&self) -> Vec<Op> {
        if self.read(|i| i.card_ops.is_empty()) {
            return Vec::new();
        }
        let mut ops = Vec::new();
        self.write_quietly(|i| ops = std::mem::take(&mut i.card_ops));
        ops
    }

    /// Whether our own card and keys statement can be taken up, before they are written.
    ///
    /// # Errors
    /// [`RegistryError::Card`]: another card of ours has its revision, say.
    pub fn try_own(&self, file: &CardFile) -> Result<(), RegistryError> {
        Inner::learn_into(&mut self.agency(&self.0.own), file)
    }

    /// Takes up our own card and keys statement after a change.
    ///
    /// # Errors
    /// [`RegistryError::Card`].
    pub fn renew_own(&self, file: &CardFile) -> Result<(), RegistryError> {
        // A peer may bring another card of ours meanwhile: that counts as well.
        let mut done = Ok(());
        self.write(|i| {
            let mut own = i.agencies.get(&self.0.own).cloned();
            done = Inner::learn_into(&mut own, file);
            if let (Ok(()), Some(own)) = (&done, own) {
                i.agencies.insert(self.0.own, own);
            }
        });
        done
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

    /// Takes in what a card revokes that was refused because its agency's cards contradict each
    /// other: a thief of the root key could otherwise keep it from being heard. The operations
    /// that keep it; none for anything else, or if it says nothing new.
    pub(crate) fn learn_revoked(&self, agency: AgencyId, bytes: &Bytes) -> Vec<Op> {
        let Ok(card) = SignedRecord::parse(bytes.clone()) else {
            return Vec::new();
        };
        let Some(keys) = self.keys(&agency).filter(|_| card.kind() == Kind::Contact) else {
            return Vec::new();
        };
        let id = card.id();
        let mut trial = AgencyKeys::clone(&keys);
        if trial.learn_revoked(card.clone()).is_err() || trial.proofs() == keys.proofs() {
            return Vec::new();
        }
        let mut ops = Vec::new();
        self.write(|i| {
            let before = i.proofs(&agency);
            if let Some(known) = i.agencies.get_mut(&agency) {
                let mut keys = AgencyKeys::clone(&known.keys);
                if keys.learn_revoked(card).is_ok() {
                    known.keys = Arc::new(keys);
                }
            }
            i.keep_revoking(agency, &id, bytes.clone());
            i.supersede(agency, &before);
            ops = std::mem::take(&mut i.card_ops);
        });
        ops
    }
}

impl Inner {
    /// Takes up the stored cards of an agency, however many they are: the newest first, so that
    /// two older ones of one revision are no fork.
    fn load_cards(&mut self, store: &Store, agency: AgencyId) -> Result<(), RegistryError> {
        let stored = |says: String| RegistryError::Stored { agency, says };
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = store.cards(&agency, after.as_ref(), crate::limits::SCAN_PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (row, bytes) in page {
                let card = SignedRecord::parse(bytes).map_err(|e| stored(e.to_string()))?;
                let Content::Contact(contact) = &card.unverified().content else {
                    return Err(stored("not a card".into()));
                };
                found.push((contact.revision, card.id(), row));
            }
        }
        found.sort_by(|a, b| b.cmp(a));
        // What only revokes says nothing before a card is known.
        found.sort_by_key(|(_, _, row)| row.is_revoking());
        for (_, _, row) in &found {
            let Some(bytes) = store.card(row)? else {
                continue;
            };
            if row.is_revoking() {
                self.learn_stored_revoked(agency, bytes)?;
                continue;
            }
            match self.learn_bytes(agency, bytes) {
                Err(RegistryError::Card(CardFault::Fork { .. })) => {
                    self.forked.insert(agency);
                }
                done => done?,
            }
        }
        let proofs = self.proofs(&agency);
        let rest = found.into_iter().filter(|(_, id, _)| !proofs.contains(id));
        self.card_ops
            .extend(rest.map(|(_, _, row)| Op::DropCard(row)));
        Ok(())
    }

    fn learn_stored_revoked(
        &mut self,
        agency: AgencyId,
        bytes: Bytes,
    ) -> Result<(), RegistryError> {
        let stored = |says: String| RegistryError::Stored { agency, says };
        let card = SignedRecord::parse(bytes).map_err(|e| stored(e.to_string()))?;
        if let Some(known) = self.agencies.get_mut(&agency) {
            let mut keys = AgencyKeys::clone(&known.keys);
            keys.learn_revoked(card)?;
            known.keys = Arc::new(keys);
        }
        Ok(())
    }

    /// Of this card the revocations alone count, also after the next start.
    fn keep_revoking(&mut self, agency: AgencyId, id: &RecordId, bytes: Bytes) {
        if self.proofs(&agency).contains(id) {
            let row = CardRow::revoking(&agency, id);
            self.card_ops.push(Op::PutCard { row, bytes });
        }
        self.card_ops.push(Op::DropCard(CardRow::new(&agency, id)));
    }

    /// The cards that what is known of an agency's keys rests on.
    fn proofs(&self, agency: &AgencyId) -> BTreeSet<RecordId> {
        let known = self.agencies.get(agency);
        known.map(|known| known.keys.proofs()).unwrap_or_default()
    }

    /// Of the cards that the store kept, nothing rests on some any more.
    fn supersede(&mut self, agency: AgencyId, kept: &BTreeSet<RecordId>) {
        if !kept.is_empty() {
            let proofs = self.proofs(&agency);
            let rest = kept.difference(&proofs);
            for id in rest {
                let rows = [CardRow::new(&agency, id), CardRow::revoking(&agency, id)];
                self.card_ops.extend(rows.map(Op::DropCard));
            }
        }
    }

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

    pub(super) fn learn_into(
        known: &mut Option<Agency>,
        file: &CardFile,
    ) -> Result<(), RegistryError> {
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
                let learned = keys.learn(record);
                let keys = Arc::new(keys);
                let (learned, card) = match (learned, known.as_mut()) {
                    // What it revokes counts.
                    (Err(fork @ CardFault::Fork { .. }), Some(known)) => {
                        known.keys = keys;
                        return Err(fork.into());
                    }
                    (learned, _) => learned?,
                };
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

/// The operation that keeps a card's exact bytes beside the record itself, so that it is
/// there at the next start before any record is read.
pub fn card_op(card: &VerifiedRecord) -> Option<Op> {
    (card.kind() == Kind::Contact).then(|| Op::PutCard {
        row: CardRow::new(&card.author(), &card.id()),
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

pub(super) fn forked_name(agency: &AgencyId) -> String {
    format!("{FORKED}{}", agency.full())
}

fn statement_name(agency: &AgencyId) -> String {
    format!("statement/{}", agency.full())
}
