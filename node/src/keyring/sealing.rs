//! Our sealing keys: to their public halves peers wrap secrets for us, by their private halves
//! we open the wraps. They leave on schedule, so that a copy of this machine that is taken later
//! opens nothing of what somebody may have recorded on the wire.

use liaison_protocol::clock::Millis;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::error::KeyringError;
use super::secret::{SealingSecret, key_name};
use super::{Keyring, NOT_UNDERSTOOD, SEALING, lock, locker};
use crate::limits;

/// One of our sealing keys, in memory.
pub(super) struct Held {
    pub(super) id: [u8; 8],
    pub(super) secret: SealingSecret,
    from: Millis,
    until: Millis,
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

/// What is being done with a sealing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealingState {
    /// The keys statement lists it: peers seal to it.
    Listed,
    /// Listed no more, kept for what is still on its way.
    Kept,
}

/// One of our sealing keys, without what is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealingStatus {
    /// Its id: the beginning of the public half's hash.
    pub id: [u8; 8],
    /// First moment at which peers seal to it.
    pub from: Millis,
    /// First moment at which they no longer do.
    pub until: Millis,
    /// When its private half is deleted.
    pub deleted_at: Millis,
    /// Whether it is still listed.
    pub state: SealingState,
    /// The public half, 1216 bytes.
    pub public: Vec<u8>,
}

/// What a rotation did: ids of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Made and listed from now on.
    pub made: Vec<[u8; 8]>,
    /// Deleted.
    pub deleted: Vec<[u8; 8]>,
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
        let newest = lock(&self.0.sealing).iter().map(|key| key.until).max();
        let overlap = limits::SEALING_OVERLAP_DAYS * limits::DAY_MS;
        if newest.is_none_or(|until| until.0 < now.0.saturating_add(overlap)) {
            done.made.push(self.make_sealing(now)?);
        }
        let over = |key: &&Held| deleted_at(key.until).0 <= now.0;
        let over: Vec<_> = lock(&self.0.sealing)
            .iter()
            .filter(over)
            .map(|k| k.id)
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
        let old: Vec<_> = lock(&self.0.sealing).iter().map(|key| key.id).collect();
        let mut done = Rotation::default();
        done.made.push(self.make_sealing(now)?);
        for id in old {
            self.delete_sealing(&id)?;
            done.deleted.push(id);
        }
        Ok(done)
    }

    /// Our sealing keys, the newest first.
    pub fn sealing(&self, now: Millis) -> Vec<SealingStatus> {
        let held = lock(&self.0.sealing);
        let mut keys: Vec<_> = held
            .iter()
            .map(|key| SealingStatus {
                id: key.id,
                from: key.from,
                until: key.until,
                deleted_at: deleted_at(key.until),
                state: match key.until > now {
                    true => SealingState::Listed,
                    false => SealingState::Kept,
                },
                public: key.secret.public(),
            })
            .collect();
        keys.sort_by(|a, b| (b.until, b.id).cmp(&(a.until, a.id)));
        keys
    }

    fn make_sealing(&self, now: Millis) -> Result<[u8; 8], KeyringError> {
        let secret = SealingSecret::generate();
        let id = secret.id();
        let held = Held {
            id,
            secret,
            // A node whose clock was a little ahead must not list a key that is not valid yet.
            from: Millis(now.0.saturating_sub(limits::DAY_MS)),
            until: Millis(
                now.0
                    .saturating_add(limits::SEALING_KEY_DAYS * limits::DAY_MS),
            ),
        };
        let written = Written {
            version: VERSION,
            seed: *held.secret.seed(),
            from: held.from.0,
            until: held.until.0,
        };
        let mut bytes = Zeroizing::new([0u8; 64]);
        let name = key_name(&id);
        let bytes = postcard::to_slice(&written, &mut *bytes).map_err(|_| KeyringError::Form {
            file: format!("{SEALING}/{name}"),
        })?;
        let _one = self.write();
        self.seal_file(SEALING, &name, bytes)?;
        locker::sync(&self.0.dir.join(SEALING))?;
        lock(&self.0.sealing).push(held);
        Ok(id)
    }

    fn delete_sealing(&self, id: &[u8; 8]) -> Result<(), KeyringError> {
        self.destroy_file(SEALING, &key_name(id))?;
        lock(&self.0.sealing).retain(|key| key.id != *id);
        Ok(())
    }

    /// Reads them at the start. One that does not open is quarantined: peers wrap anew.
    pub(super) fn load_sealing(&self) -> Result<(), KeyringError> {
        for name in locker::names(&self.0.dir.join(SEALING))? {
            let bytes = match self.open_file(SEALING, &name) {
                Ok(Some(bytes)) => bytes,
                Ok(None) | Err(KeyringError::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            };
            let written = postcard::from_bytes::<Written>(&bytes).ok();
            let held = written.filter(|w| w.version == VERSION).and_then(|w| {
                let secret = SealingSecret::from_seed(&w.seed)?;
                Some(Held {
                    id: secret.id(),
                    secret,
                    from: Millis(w.from),
                    until: Millis(w.until),
                })
            });
            match held {
                Some(held) if key_name(&held.id) == name => lock(&self.0.sealing).push(held),
                _ => {
                    self.quarantine(SEALING, &name, NOT_UNDERSTOOD);
                }
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
