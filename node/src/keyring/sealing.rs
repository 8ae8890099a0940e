//! Our sealing keys: to their public halves peers wrap secrets for us, by their private halves
//! we open the wraps. They leave on schedule, so that a copy of this machine that is taken later
//! opens nothing of what somebody may have recorded on the wire.

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, RecordId};
use liaison_protocol::parcel::{Parcel, ParcelFault, SignedLetter};
use liaison_protocol::seal::{SealFault, SealingId, SealingKey, SealingSecret, Secret, Wrap};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::error::KeyringError;
use super::{Keyring, SEALING, lock, locker};
use crate::limits;

/// One of our sealing keys, in memory.
pub(super) struct Held {
    secret: SealingSecret,
    key: SealingKey,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u8,
    seed: [u8; 32],
    from: u64,
    until: u64,
}

impl Drop for Written {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

const VERSION: u8 = 1;

/// One of our sealing keys, without what is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealingStatus {
    /// The public half, and when peers seal to it.
    pub key: SealingKey,
    /// When its private half is deleted.
    pub deleted_at: Millis,
}

/// What a rotation did: ids of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Made and listed from now on.
    pub made: Vec<SealingId>,
    /// Deleted.
    pub deleted: Vec<SealingId>,
}

impl Rotation {
    /// Whether anything changed.
    pub fn is_empty(&self) -> bool {
        self.made.is_empty() && self.deleted.is_empty()
    }
}

impl Keyring {
    /// Makes a sealing key where the newest is about to leave the keys statement, and deletes
    /// those whose time is over. `now` must come from a clock that is believed.
    ///
    /// # Errors
    /// [`KeyringError`]; what was done until then holds.
    pub fn rotate(&self, now: Millis) -> Result<Rotation, KeyringError> {
        let mut done = Rotation::default();
        let newest = lock(&self.0.sealing)
            .iter()
            .map(|held| held.key.until)
            .max();
        let overlap = limits::SEALING_OVERLAP_DAYS * limits::DAY_MS;
        if newest.is_none_or(|until| until.0 < now.0.saturating_add(overlap)) {
            done.made.push(self.make_sealing(now)?);
        }
        let over: Vec<_> = lock(&self.0.sealing)
            .iter()
            .filter(|held| deleted_at(held.key.until) <= now)
            .map(|held| held.secret.id())
            .collect();
        for id in over {
            self.delete_sealing(&id)?;
            done.deleted.push(id);
        }
        Ok(done)
    }

    /// Makes a new sealing key and deletes all others at once: what was wrapped to them and is
    /// still on its way opens nowhere, and its sender wraps it anew.
    ///
    /// # Errors
    /// [`KeyringError`]; what was done until then holds.
    pub fn retire_all(&self, now: Millis) -> Result<Rotation, KeyringError> {
        let old: Vec<_> = lock(&self.0.sealing)
            .iter()
            .map(|held| held.secret.id())
            .collect();
        let mut done = Rotation::default();
        done.made.push(self.make_sealing(now)?);
        for id in old {
            self.delete_sealing(&id)?;
            done.deleted.push(id);
        }
        Ok(done)
    }

    /// Our sealing keys, the newest first.
    pub fn sealing(&self) -> Vec<SealingStatus> {
        let held = lock(&self.0.sealing);
        let mut keys: Vec<_> = held
            .iter()
            .map(|held| SealingStatus {
                key: held.key.clone(),
                deleted_at: deleted_at(held.key.until),
            })
            .collect();
        keys.sort_by_key(|status| std::cmp::Reverse((status.key.until, status.key.id())));
        keys
    }

    /// Those that the keys statement lists at this moment, the newest first.
    pub fn listed(&self, now: Millis) -> Vec<SealingKey> {
        let keys = self.sealing().into_iter().map(|status| status.key);
        keys.filter(|key| now < key.until)
            .take(liaison_protocol::limits::SEALING_KEYS)
            .collect()
    }

    /// Opens a wrap that was made for us, `own`. Whether the secret is the record's says its
    /// commitment.
    ///
    /// # Errors
    /// [`SealFault::OtherKey`]: the key that it names is not here (any more).
    /// [`SealFault::Closed`]: it does not open.
    pub fn open_wrap(
        &self,
        wrap: &Wrap,
        own: &AgencyId,
        record: &RecordId,
    ) -> Result<Secret, SealFault> {
        let held = lock(&self.0.sealing);
        match held.iter().find(|held| held.secret.id() == wrap.key()) {
            Some(held) => held.secret.open(wrap, own, record),
            None => Err(SealFault::OtherKey { key: wrap.key() }),
        }
    }

    /// Opens a parcel that was made for us, `own`: a letter, whose signature has not been looked
    /// at.
    ///
    /// # Errors
    /// [`ParcelFault::OtherKey`]: the key that it names is not here (any more); else as
    /// [`Parcel::open`].
    pub fn open_parcel(
        &self,
        parcel: &Parcel,
        own: &AgencyId,
    ) -> Result<SignedLetter, ParcelFault> {
        let key = parcel.key();
        let held = lock(&self.0.sealing);
        match held.iter().find(|held| held.secret.id() == key) {
            Some(held) => parcel.open(own, &held.secret),
            None => Err(ParcelFault::OtherKey { key }),
        }
    }

    fn make_sealing(&self, now: Millis) -> Result<SealingId, KeyringError> {
        let secret = SealingSecret::random(&mut rand::rng())?;
        // A node whose clock was a little ahead must not list a key that is not valid yet.
        let from = Millis(now.0.saturating_sub(limits::DAY_MS));
        let until = Millis(
            from.0
                .saturating_add(limits::SEALING_KEY_DAYS * limits::DAY_MS),
        );
        let id = secret.id();
        let key = secret.public(from, until);
        let written = Written {
            version: VERSION,
            seed: *secret.as_bytes(),
            from: from.0,
            until: until.0,
        };
        let name = id.to_string();
        let mut bytes = Zeroizing::new([0u8; 64]);
        let bytes = postcard::to_slice(&written, &mut *bytes).map_err(|_| KeyringError::Form {
            file: format!("{SEALING}/{name}"),
        })?;
        let _one = self.write();
        self.seal_file(SEALING, &name, bytes)?;
        locker::sync(&self.0.dir.join(SEALING))?;
        lock(&self.0.sealing).push(Held { secret, key });
        Ok(id)
    }

    fn delete_sealing(&self, id: &SealingId) -> Result<(), KeyringError> {
        self.destroy_file(SEALING, &id.to_string())?;
        lock(&self.0.sealing).retain(|held| held.secret.id() != *id);
        Ok(())
    }

    /// Reads them at the start. One that does not open is quarantined: peers wrap anew.
    pub(super) fn load_sealing(&self) -> Result<(), KeyringError> {
        for name in locker::names(&self.0.dir.join(SEALING))? {
            let read = self.read_file(SEALING, &name, |bytes| {
                let written = postcard::from_bytes::<Written>(bytes).ok()?;
                if written.version != VERSION {
                    return None;
                }
                let secret = SealingSecret::from_bytes(&written.seed).ok()?;
                let key = secret.public(Millis(written.from), Millis(written.until));
                (secret.id().to_string() == name).then_some(Held { secret, key })
            });
            match read {
                Ok(held) => lock(&self.0.sealing).extend(held),
                Err(KeyringError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// When the private half of a key that leaves the statement at `until` is deleted.
fn deleted_at(until: Millis) -> Millis {
    Millis(
        until
            .0
            .saturating_add(limits::SEALING_KEPT_DAYS * limits::DAY_MS),
    )
}
