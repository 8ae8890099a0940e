//! Which keys an agency signs with: what its cards, signed by its root key, say.
//!
//! Revocations are sticky: a node unites all that it ever saw, so an old card brought back
//! takes none of them away.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::Arc;

use crate::clock::{Hlc, Millis};
use crate::id::{AgencyId, RecordId};
use crate::key::{PublicKey, Verifier};
use crate::limits;
use crate::record::codes::{Kind, RevokedState};
use crate::record::kinds::{Contact, Content};
use crate::record::signed::{SignatureFault, SignedRecord, VerifiedRecord};

/// The keys of one agency, as far as its cards that we have seen tell.
#[derive(Clone, Debug)]
pub struct AgencyKeys {
    agency: AgencyId,
    root: Option<Verifier>,
    signing: BTreeMap<PublicKey, SigningKey>,
    /// The card that says so.
    revoked_all: Option<RecordId>,
    newest: Option<(u64, RecordId)>,
    /// Records that the author says it did make under a compromised key: the record, that key,
    /// and the key under which it says so.
    affirmed: Arc<BTreeSet<(RecordId, PublicKey, PublicKey)>>,
}

#[derive(Clone, Debug)]
struct SigningKey {
    verifier: Option<Verifier>,
    from: Millis,
    until: Millis,
    revoked: Option<(RevokedState, Millis)>,
    by: Proofs,
}

/// The cards that say what is known of a key.
#[derive(Clone, Copy, Debug, Default)]
struct Proofs {
    from: Option<RecordId>,
    until: Option<RecordId>,
    revoked: Option<RecordId>,
}

/// How a key stands for a record of a kind, made at a time.
#[derive(Clone, Debug)]
pub enum KeyStanding {
    /// The author may sign with it.
    Good(Verifier),
    /// It is on no card that we have.
    Unknown,
    /// The record's time is outside its validity.
    OutsideValidity,
    /// It was rotated before the record was made, or all keys were revoked.
    Revoked,
    /// It was revoked as compromised: nothing more is taken under it, whatever its time, but
    /// what the author affirms, which verifies under it.
    Compromised(Verifier),
    /// The root key signs cards and nothing else; other keys sign everything but cards.
    WrongUse,
    /// It is no point of the curve, or one of small order: everybody can sign with it.
    Weak,
}

/// How a key stands today, whatever was signed with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// In use, or its time is over.
    Current,
    /// Rotated: what it signed before this stands.
    Rotated(Millis),
    /// Compromised since then, as far as the author knows: what it signed may be a thief's.
    Compromised(Millis),
    /// All keys of the agency were revoked.
    AllRevoked,
    /// On no card that we have.
    Unknown,
}

/// What became of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learned {
    /// It is the newest that we have.
    Newest,
    /// We had it, or a newer one; its revocations count all the same.
    Older,
}

/// Why a card is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardFault {
    /// The record is no contact record.
    #[error("{} is not a card: its kind is {kind}", id.short())]
    NotACard {
        /// The record.
        id: RecordId,
        /// Its kind.
        kind: Kind,
    },
    /// Its signature does not verify under the root key that it names.
    #[error(transparent)]
    Signature(#[from] SignatureFault),
    /// Two cards of the same revision that differ: the root key is used in two places, or
    /// stolen. Nothing new is taken from this agency until a person decides, but revocations.
    #[error(
        "two different cards of {} carry revision {revision}: telephone the agency; nothing new is taken from it until you decide",
        agency.short()
    )]
    Fork {
        /// The agency.
        agency: AgencyId,
        /// The revision that both carry.
        revision: u64,
    },
}

impl AgencyKeys {
    /// Knows the root key and nothing else.
    pub fn new(agency: AgencyId) -> Self {
        Self {
            agency,
            root: PublicKey::from(agency).verifier(),
            signing: BTreeMap::new(),
            revoked_all: None,
            newest: None,
            affirmed: Arc::default(),
        }
    }

    /// The agency.
    pub fn agency(&self) -> AgencyId {
        self.agency
    }

    /// Revision and id of the newest card learned.
    pub fn newest(&self) -> Option<(u64, RecordId)> {
        self.newest
    }

    /// The cards that all this rests on, the newest among them: learned again, in whatever order,
    /// they come to the same. At most three a key, and two.
    pub fn proofs(&self) -> BTreeSet<RecordId> {
        let of_keys = self.signing.values();
        let of_keys = of_keys.flat_map(|k| [k.by.from, k.by.until, k.by.revoked]);
        let newest = self.newest.map(|(_, id)| id);
        let all = of_keys.chain([self.revoked_all, newest]);
        all.flatten().collect()
    }

    /// Takes in a card that verifies under this agency's root key.
    ///
    /// # Errors
    /// [`CardFault`]: not a card, not signed by the root, or a fork, of which the revocations
    /// are taken in all the same.
    pub fn learn(&mut self, card: SignedRecord) -> Result<(Learned, VerifiedRecord), CardFault> {
        let card = self.card(card)?;
        let Content::Contact(contact) = &card.record().content else {
            return Err(not_a_card(card.id(), card.kind()));
        };
        if let Some((revision, id)) = self.newest
            && revision == contact.revision
            && id != card.id()
            // Whoever holds the root key could otherwise keep this from being heard.
            && !contact.keys.revoke_all
        {
            self.revoke(contact, card.id());
            return Err(CardFault::Fork {
                agency: self.agency,
                revision,
            });
        }
        self.list(contact, card.id());
        self.revoke(contact, card.id());
        let newer = self
            .newest
            .is_none_or(|(revision, _)| contact.revision > revision);
        let learned = if newer {
            self.newest = Some((contact.revision, card.id()));
            Learned::Newest
        } else {
            Learned::Older
        };
        Ok((learned, card))
    }

    /// Takes in what a card revokes and nothing else of it: one that is refused because another
    /// carries its revision.
    ///
    /// # Errors
    /// [`CardFault`]: not a card, or not signed by the root.
    pub fn learn_revoked(&mut self, card: SignedRecord) -> Result<VerifiedRecord, CardFault> {
        let card = self.card(card)?;
        if let Content::Contact(contact) = &card.record().content {
            self.revoke(contact, card.id());
        }
        Ok(card)
    }

    fn card(&self, card: SignedRecord) -> Result<VerifiedRecord, CardFault> {
        let kind = card.kind();
        if kind != Kind::Contact {
            return Err(not_a_card(card.id(), kind));
        }
        Ok(card.verify(self)?)
    }

    /// Takes in the author's word, given under `signer`, that it made these records under
    /// `key`: they are taken and shown as its own although `key` is compromised. Whether there
    /// was room for all ([`limits::AFFIRMED_RECORDS`]).
    pub fn affirm(
        &mut self,
        signer: PublicKey,
        key: PublicKey,
        records: impl IntoIterator<Item = RecordId>,
    ) -> bool {
        let mut affirmed = std::mem::take(&mut self.affirmed);
        let set = Arc::make_mut(&mut affirmed);
        let (mut room, mut cleared) = (true, false);
        for record in records {
            let word = (record, key, signer);
            if set.len() >= limits::AFFIRMED_RECORDS && !set.contains(&word) {
                // What a thief said under a key that was revoked since counts for nothing.
                if !cleared {
                    set.retain(|(_, _, signer)| self.stands(signer));
                    cleared = true;
                }
                if set.len() >= limits::AFFIRMED_RECORDS {
                    room = false;
                    continue;
                }
            }
            set.insert(word);
        }
        self.affirmed = affirmed;
        room
    }

    /// Whether the author has affirmed a record that it made under `key`. A word given under a
    /// key that was compromised itself does not count.
    pub fn is_affirmed(&self, key: &PublicKey, record: &RecordId) -> bool {
        let first = PublicKey::from_bytes([0; 32]);
        self.affirmed
            .range((*record, *key, first)..)
            .take_while(|(r, k, _)| r == record && k == key)
            .any(|(_, _, signer)| self.stands(signer))
    }

    /// How a signing key stands today.
    pub fn state(&self, key: &PublicKey) -> KeyState {
        if *key == PublicKey::from(self.agency) {
            return KeyState::Current;
        }
        if self.revoked_all.is_some() {
            return KeyState::AllRevoked;
        }
        match self.signing.get(key).map(|known| known.revoked) {
            None => KeyState::Unknown,
            Some(None) => KeyState::Current,
            Some(Some((RevokedState::Rotated, at))) => KeyState::Rotated(at),
            Some(Some((RevokedState::Compromised, at))) => KeyState::Compromised(at),
        }
    }

    /// Its signing keys, each with the first moment of its validity and the first after it, in
    /// milliseconds; a key that is only known as revoked has an empty one.
    pub fn signing_keys(&self) -> impl Iterator<Item = (PublicKey, Millis, Millis)> {
        self.signing.iter().map(|(key, k)| (*key, k.from, k.until))
    }

    /// Whether what this key signed stands: it is in use, or left in order.
    pub fn stands(&self, key: &PublicKey) -> bool {
        matches!(self.state(key), KeyState::Current | KeyState::Rotated(_))
    }

    /// Whether a key was compromised, or all were revoked: what is held under it needs a mark.
    pub fn any_lost(&self) -> bool {
        let compromised =
            |k: &SigningKey| matches!(k.revoked, Some((RevokedState::Compromised, _)));
        self.revoked_all.is_some() || self.signing.values().any(compromised)
    }

    fn list(&mut self, contact: &Contact, card: RecordId) {
        for entry in &contact.keys.signing {
            let Some(key) = self.key(entry.key) else {
                continue;
            };
            if entry.from < key.from {
                (key.from, key.by.from) = (entry.from, Some(card));
            }
            if entry.until > key.until {
                (key.until, key.by.until) = (entry.until, Some(card));
            }
        }
    }

    fn revoke(&mut self, contact: &Contact, card: RecordId) {
        for entry in &contact.keys.revoked {
            let Some(key) = self.key(entry.key) else {
                continue;
            };
            let worse = match key.revoked {
                None => true,
                Some((RevokedState::Rotated, at)) => {
                    entry.state == RevokedState::Compromised || entry.at < at
                }
                Some((RevokedState::Compromised, _)) => false,
            };
            if worse {
                key.revoked = Some((entry.state, entry.at));
                key.by.revoked = Some(card);
            }
        }
        if contact.keys.revoke_all {
            self.revoked_all.get_or_insert(card);
        }
    }

    /// A key, for which there may be no room ([`limits::AGENCY_KEYS`]): then it is unknown for
    /// good, and nothing has to be known of its revocation.
    fn key(&mut self, key: PublicKey) -> Option<&mut SigningKey> {
        let full = self.signing.len() >= limits::AGENCY_KEYS;
        match self.signing.entry(key) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(_) if full => None,
            Entry::Vacant(new) => Some(new.insert(SigningKey {
                verifier: key.verifier(),
                // Never valid, until a card lists it: in whatever order cards come, they come
                // to the same.
                from: Millis(u64::MAX),
                until: Millis(0),
                revoked: None,
                by: Proofs::default(),
            })),
        }
    }

    /// How `key` stands for a record of `kind`, made at `created`. Cards are signed by the
    /// root key and by nothing else; the root key signs nothing else.
    pub fn standing(&self, key: &PublicKey, kind: Kind, created: Hlc) -> KeyStanding {
        let is_root = *key == PublicKey::from(self.agency);
        match (kind == Kind::Contact, is_root) {
            (true, true) => {
                return match &self.root {
                    Some(root) => KeyStanding::Good(root.clone()),
                    None => KeyStanding::Weak,
                };
            }
            (true, false) | (false, true) => return KeyStanding::WrongUse,
            (false, false) => {}
        }
        if self.revoked_all.is_some() {
            return KeyStanding::Revoked;
        }
        let Some(known) = self.signing.get(key) else {
            return KeyStanding::Unknown;
        };
        let Some(verifier) = &known.verifier else {
            return KeyStanding::Weak;
        };
        let made = created.wall();
        match known.revoked {
            Some((RevokedState::Compromised, _)) => {
                return KeyStanding::Compromised(verifier.clone());
            }
            Some((RevokedState::Rotated, at)) if made >= at => return KeyStanding::Revoked,
            _ => {}
        }
        if made < known.from || made >= known.until {
            return KeyStanding::OutsideValidity;
        }
        KeyStanding::Good(verifier.clone())
    }
}

fn not_a_card(id: RecordId, kind: Kind) -> CardFault {
    CardFault::NotACard { id, kind }
}
