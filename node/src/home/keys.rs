//! The keys of a home: the root key, wherever it is kept, and signing keys that leave.

use std::fmt;
use std::fs;
use std::path::Path;

use liaison_protocol::card::AgencyKeys;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::key::{PublicKey, SecretKey};
use liaison_protocol::limits as wire_limits;
use liaison_protocol::record::codes::RevokedState;
use liaison_protocol::record::kinds::contact::{CardKeys, RevokedKey, SigningKeyEntry};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::card::{
    Claim, check_addresses, in_days, newest_contact, next_number, verified, with_keys,
};
use super::{Home, HomeError, InitReport, NodeSecrets, io, write};
use crate::cardfile::CardFile;
use crate::keyring::{replace_file, shred_file};
use crate::limits;
use crate::registry::Agency;

/// The text of a root key's file, for the one act that needs it. Wiped when dropped, never
/// shown.
#[derive(Clone, Default)]
pub struct RootKeyText(Zeroizing<String>);

impl RootKeyText {
    /// What a root key's file holds.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The key.
    ///
    /// # Errors
    /// [`HomeError::KeyFile`].
    pub fn key(&self) -> Result<SecretKey, HomeError> {
        secret("the root key's file", &self.0).map(|bytes| SecretKey::from_bytes(&bytes))
    }
}

impl fmt::Debug for RootKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKeyText(..)")
    }
}

impl Serialize for RootKeyText {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RootKeyText {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(Self::new)
    }
}

/// A signing key that left.
#[derive(Debug)]
pub struct KeyChange {
    /// The card that says so, with a statement under the key that signs now.
    pub card: CardFile,
    /// The key that left.
    pub old: PublicKey,
    /// The key that signs from now on, if the one in use left.
    pub new: Option<SecretKey>,
}

impl Home {
    /// Signs a card on which a signing key has left; the key in use unless another is named, and
    /// in its place comes a new one. Rotated keys leave at `at`; compromised ones were since
    /// `at`. The card follows the newest of ours that is `known`, and a key on any of those may
    /// leave. Nothing is written: [`Self::keep_change`] does that.
    ///
    /// # Errors
    /// [`HomeError::NoRoot`] where the root key is kept elsewhere, [`HomeError::WrongRoot`],
    /// [`HomeError::UnknownKey`], and others as said there.
    pub fn retire_key(
        &self,
        root: Option<&RootKeyText>,
        key: Option<PublicKey>,
        state: RevokedState,
        at: Millis,
        now: Millis,
        known: Option<&Agency>,
    ) -> Result<KeyChange, HomeError> {
        let file = self.card_file()?;
        let root = self.root_key(root, file.agency())?;
        let secrets = self.secrets()?;
        let in_use = secrets.signing.public();
        let old = key.unwrap_or(in_use);
        let Some(mut contact) = newest_contact(&file, known) else {
            return Err(HomeError::UnknownKey { key: old });
        };
        let listed = contact.keys.signing.iter().any(|entry| entry.key == old)
            || contact.keys.revoked.iter().any(|entry| entry.key == old)
            // On a card that this home never had: a lost node's, of which peers told us.
            || known.is_some_and(|k| k.keys.signing_keys().any(|(key, ..)| key == old));
        if !listed {
            return Err(HomeError::UnknownKey { key: old });
        }
        let new = (old == in_use).then(fresh);
        retire(&mut contact.keys, old, state, at);
        if let Some(new) = &new {
            contact.keys.signing.push(entry(new.public(), now));
        }
        trim(&mut contact.keys);
        contact.revision = contact.revision.saturating_add(1);
        if state == RevokedState::Compromised {
            // Above what this home may have signed and does not know of any more: seconds since
            // 1970 are above everything that was counted up from 1.
            contact.revision = contact.revision.max(now.0 / 1000);
        }
        contact.valid_until = in_days(now, wire_limits::CARD_DAYS - 1);
        let card = self.sign_card(&root, contact, now)?;
        let card = verified(card, &mut AgencyKeys::new(file.agency()))?;
        let changed = CardFile::new(card, None);
        let signing = new.as_ref().unwrap_or(&secrets.signing);
        let secrets = NodeSecrets {
            signing: SecretKey::from_bytes(&signing.to_bytes()),
            node: secrets.node,
        };
        let number = next_number(&file);
        let claim = Claim::of(&file, now);
        let changed = self.new_statement(&changed, &secrets, claim, number, now)?;
        Ok(KeyChange {
            card: changed,
            old,
            new,
        })
    }

    /// Writes a change of keys, once it was tried where it has to hold.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub fn keep_change(&self, change: &KeyChange) -> Result<(), HomeError> {
        // In this order: whatever stops us between two of them, `secrets` finds the key that
        // the card names.
        if let Some(new) = &change.new {
            self.write_secret(NEXT, &new.to_bytes())?;
        }
        self.keep_card(&change.card)?;
        self.settle_next()
    }

    /// Makes a home anew for an agency whose node was lost, with the root key from its safe and
    /// any copy of its card: the same agency, with fresh keys in place of the lost ones. The
    /// root key is not written into it.
    ///
    /// # Errors
    /// [`HomeError::WrongRoot`], [`HomeError::Exists`], and others as said there.
    pub fn recover(
        &self,
        root: &RootKeyText,
        old: &CardFile,
        addresses: Option<Vec<String>>,
        state: RevokedState,
        now: Millis,
    ) -> Result<InitReport, HomeError> {
        let agency = old.agency();
        let root = self.root_key(Some(root), agency)?;
        let addresses = addresses.unwrap_or_else(|| {
            let nodes = old.statement().map(|s| s.nodes.iter());
            let addresses = nodes.into_iter().flatten();
            addresses.flat_map(|n| n.addresses.clone()).collect()
        });
        check_addresses(&addresses)?;
        let Some(mut contact) = old.contact().cloned() else {
            return Err(HomeError::WrongRoot);
        };
        self.prepare()?;
        let (signing, node) = (fresh(), fresh());
        let lost: Vec<PublicKey> = contact.keys.signing.iter().map(|e| e.key).collect();
        for key in lost {
            retire(&mut contact.keys, key, state, now);
        }
        contact.keys.signing.push(entry(signing.public(), now));
        trim(&mut contact.keys);
        // The copy may not be the newest card, nor its statement the newest: seconds since 1970
        // are above everything that was counted up from 1.
        let seconds = now.0 / 1000;
        contact.revision = seconds.max(contact.revision.saturating_add(1));
        contact.valid_until = in_days(now, wire_limits::CARD_DAYS - 1);
        let number = seconds.max(next_number(old));
        let revoke_all = self.revoke_all(&root, &contact, now)?;
        let card = self.sign_card(&root, contact, now)?;
        let card = verified(card, &mut AgencyKeys::new(agency))?;
        let claim = Claim {
            addresses,
            hubs: Vec::new(),
            sealing: self.first_keyring(now)?,
        };
        let keys = self.sign_keys(&signing, agency, &node, claim, number, now)?;
        let file = with_keys(&CardFile::new(card, None), keys)?;
        self.furnish(&signing, &node, &revoke_all, &file)?;
        Ok(InitReport {
            agency,
            fingerprint: agency.fingerprint(),
            path: self.dir().to_path_buf(),
        })
    }

    /// The root key: as given, else from the home.
    pub(super) fn root_key(
        &self,
        given: Option<&RootKeyText>,
        agency: AgencyId,
    ) -> Result<SecretKey, HomeError> {
        let path = self.root_path();
        let root = match given {
            Some(text) => text.key()?,
            None if path.exists() => SecretKey::from_bytes(&*self.read_secret("root.key")?),
            None => {
                return Err(HomeError::NoRoot {
                    path: path.display().to_string(),
                });
            }
        };
        if root.public() == PublicKey::from(agency) {
            Ok(root)
        } else {
            Err(HomeError::WrongRoot)
        }
    }

    /// Whether the root key is in the home.
    pub fn has_root(&self) -> bool {
        self.root_path().exists()
    }

    /// Moves the root key out of the home, to a file that is not there yet: written, synced and
    /// read again before it is deleted here.
    ///
    /// # Errors
    /// [`HomeError::NoRoot`] if it is elsewhere already, [`HomeError::Io`]; the key stays then.
    pub fn remove_root(&self, to: &Path) -> Result<(), HomeError> {
        let agency = self.card_file()?.agency();
        let root = self.root_key(None, agency)?;
        if to.exists() {
            let taken = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
            return Err(io(to, taken));
        }
        let text = Zeroizing::new(data_encoding::HEXLOWER.encode(&*root.to_bytes()) + "\n");
        write(to, text.as_bytes(), 0o600)?;
        let again = Zeroizing::new(fs::read_to_string(to).map_err(|e| io(to, e))?);
        if *again != *text {
            return Err(HomeError::KeyFile {
                path: to.display().to_string(),
            });
        }
        // Overwritten first: what is unlinked alone can be read from the disk for long.
        Ok(shred_file(&self.root_path()).map(drop)?)
    }

    /// After a change of the signing key that was cut short: the new key takes its place if the
    /// card names it, and is dropped if not.
    pub(super) fn settle_next(&self) -> Result<(), HomeError> {
        let next = self.keys_dir().join(NEXT);
        if !next.exists() {
            return Ok(());
        }
        let key = SecretKey::from_bytes(&*self.read_secret(NEXT)?).public();
        let card = self.card_file()?;
        let named = card
            .contact()
            .is_some_and(|c| c.keys.signing.iter().any(|entry| entry.key == key));
        if named {
            let path = self.keys_dir().join("signing.key");
            // The old one is overwritten: whoever finds it could sign what looks old enough.
            Ok(replace_file(&next, &path)?)
        } else {
            Ok(shred_file(&next).map(drop)?)
        }
    }

    fn root_path(&self) -> std::path::PathBuf {
        self.keys_dir().join("root.key")
    }
}

/// The file of a signing key that is not on the card yet.
const NEXT: &str = "signing.next.key";

/// A new key.
pub(super) fn fresh() -> SecretKey {
    SecretKey::from_bytes(&Zeroizing::new(rand::random::<[u8; 32]>()))
}

/// A signing key's line on a card, from now on.
pub(super) fn entry(key: PublicKey, now: Millis) -> SigningKeyEntry {
    SigningKeyEntry {
        key,
        // A node set up on a machine whose clock was a little ahead must still be able to sign
        // after the clock was put right.
        from: Millis(now.0.saturating_sub(limits::DAY_MS)),
        until: Millis(
            now.0
                .saturating_add(limits::SIGNING_KEY_DAYS * limits::DAY_MS),
        ),
    }
}

/// Says on a card that a key has left; what was said of it before is never weakened.
pub(super) fn retire(keys: &mut CardKeys, key: PublicKey, state: RevokedState, at: Millis) {
    let known = keys.revoked.iter().position(|entry| entry.key == key);
    let before = known.map(|place| keys.revoked.remove(place));
    let (state, at) = match before {
        Some(before) if before.state == RevokedState::Compromised => (before.state, before.at),
        Some(before) if state == RevokedState::Rotated => (state, before.at.min(at)),
        _ => (state, at),
    };
    keys.revoked.push(RevokedKey { key, state, at });
    keys.signing
        .retain(|entry| entry.key != key || entry.from < at);
    for entry in keys.signing.iter_mut().filter(|entry| entry.key == key) {
        entry.until = entry.until.min(at);
    }
}

/// A card has room for so many keys: those longest out of use leave it. Peers know them from
/// earlier cards.
pub(super) fn trim(keys: &mut CardKeys) {
    while keys.signing.len() > wire_limits::CARD_KEYS {
        let oldest = keys.signing.iter().map(|entry| entry.until).min();
        let place = keys.signing.iter().position(|e| Some(e.until) == oldest);
        keys.signing.remove(place.unwrap_or(0));
    }
    while keys.revoked.len() > wire_limits::CARD_KEYS {
        let age = |e: &RevokedKey| (e.state == RevokedState::Compromised, e.at);
        let oldest = keys.revoked.iter().map(age).min();
        let place = keys.revoked.iter().position(|e| Some(age(e)) == oldest);
        keys.revoked.remove(place.unwrap_or(0));
    }
}

/// 64 hexadecimal digits as a key.
pub(super) fn secret(place: &str, text: &str) -> Result<Zeroizing<[u8; 32]>, HomeError> {
    let wrong = || HomeError::KeyFile {
        path: place.to_owned(),
    };
    let bytes = data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.trim().as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| wrong())?;
    let array: [u8; 32] = bytes.as_slice().try_into().map_err(|_| wrong())?;
    Ok(Zeroizing::new(array))
}
