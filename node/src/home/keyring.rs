//! The keyring of a home: where it lies, and what opens it.

use std::path::PathBuf;

use liaison_protocol::clock::Millis;
use liaison_protocol::seal::SealingKey;

use super::{Home, HomeError};
use crate::config::KeyringConfig;
use crate::keyring::{self, Keyring, KeyringError, MasterKey, MasterKind};

impl Home {
    /// The keyring's folder.
    pub fn keyring_dir(&self) -> PathBuf {
        self.dir().join("keyring")
    }

    /// The keyring's key file, unless configured elsewhere.
    pub fn keyring_key_path(&self) -> PathBuf {
        self.keys_dir().join("keyring.key")
    }

    /// With what the keyring opens; a home without one gets a key file.
    ///
    /// # Errors
    /// [`KeyringError::Heading`], [`KeyringError::Io`].
    pub fn keyring_kind(&self) -> Result<MasterKind, KeyringError> {
        Ok(keyring::kind_of(&self.keyring_dir())?.unwrap_or_default())
    }

    /// What the key file holds; a home without a keyring gets one.
    ///
    /// # Errors
    /// [`KeyringError::NoWords`] where the keyring opens with a passphrase, and others as said
    /// there.
    pub fn master_key(&self, config: &KeyringConfig) -> Result<MasterKey, KeyringError> {
        let kind = keyring::kind_of(&self.keyring_dir())?;
        if let Some(by @ (MasterKind::Passphrase | MasterKind::Credential)) = kind {
            return Err(KeyringError::NoWords { by: by.noun() });
        }
        let path = self.keyring_key_file(config);
        match MasterKey::from_file(&path) {
            // A new key would open nothing of what is there.
            Err(KeyringError::NoKeyFile { .. }) if kind.is_none() => MasterKey::make_file(&path),
            read => read,
        }
    }

    /// The key file, as configured.
    pub fn keyring_key_file(&self, config: &KeyringConfig) -> PathBuf {
        match &config.file {
            Some(file) => self.dir().join(file),
            None => self.keyring_key_path(),
        }
    }

    /// Makes the keyring of a new home, with a first sealing key; gives what its statement
    /// lists.
    pub(super) fn first_keyring(&self, now: Millis) -> Result<Vec<SealingKey>, HomeError> {
        let master = self.master_key(&KeyringConfig::default())?;
        let keyring = Keyring::open(&self.keyring_dir(), &master)?;
        keyring.rotate(now)?;
        Ok(keyring.listed(now))
    }
}
