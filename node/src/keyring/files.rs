//! Files of the node's own: what it keeps of a referral, and drafts. They hold victims' data,
//! so they are encrypted and erased like keys.

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::error::KeyringError;
use super::{Keyring, locker, place};
use crate::limits;

/// A folder of such files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// What this node keeps of one referral.
    Files,
    /// What is not sent yet.
    Drafts,
    /// Who may look into which sealed thread.
    Access,
}

impl Shelf {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Files, Self::Drafts, Self::Access];

    /// Its folder in the keyring.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Drafts => "drafts",
            Self::Access => "access",
        }
    }
}

impl Keyring {
    /// Keeps a value under a name (1 to 64 of a-z, A-Z, 0-9 and `-`) in place of the one that
    /// was there; when this returns, it is on the disk.
    ///
    /// # Errors
    /// [`KeyringError`]; more than [`limits::KEYRING_FILE_BYTES`], or the disk.
    pub fn keep<T: Serialize>(
        &self,
        shelf: Shelf,
        name: &str,
        value: &T,
    ) -> Result<(), KeyringError> {
        check(name)?;
        let file = || place(shelf.folder(), name);
        // Counted first: a buffer that grows leaves copies of what was in it.
        let mut count = Count(0);
        ciborium::into_writer(value, &mut count)
            .map_err(|_| KeyringError::Form { file: file() })?;
        if count.0 > limits::KEYRING_FILE_BYTES {
            return Err(KeyringError::TooLarge {
                file: file(),
                found: count.0,
                most: limits::KEYRING_FILE_BYTES,
            });
        }
        let padded = (4 + count.0).next_multiple_of(limits::KEYRING_PAD_BYTES);
        let mut bytes = Zeroizing::new(Vec::with_capacity(padded));
        let length = u32::try_from(count.0).map_err(|_| KeyringError::Form { file: file() })?;
        bytes.extend_from_slice(&length.to_be_bytes());
        ciborium::into_writer(value, &mut *bytes)
            .map_err(|_| KeyringError::Form { file: file() })?;
        bytes.resize(padded, 0);
        let _one = self.write();
        self.seal_file(shelf.folder(), name, &bytes)?;
        locker::sync(&self.0.dir.join(shelf.folder()))
    }

    /// The value of this name; `None`: there is none.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`] where it does not open or is another sort of value: it is in
    /// quarantine then.
    pub fn kept<T: DeserializeOwned>(
        &self,
        shelf: Shelf,
        name: &str,
    ) -> Result<Option<T>, KeyringError> {
        check(name)?;
        self.read_file(shelf.folder(), name, |bytes| {
            let (length, rest) = bytes.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let mut scratch = Zeroizing::new(vec![0u8; limits::KEYRING_PAD_BYTES]);
            ciborium::from_reader_with_buffer(rest.get(..length)?, &mut scratch).ok()
        })
    }

    /// Destroys the value of this name; gives whether there was one.
    ///
    /// # Errors
    /// [`KeyringError::Io`]; it may still be there then.
    pub fn drop_kept(&self, shelf: Shelf, name: &str) -> Result<bool, KeyringError> {
        check(name)?;
        self.destroy_file(shelf.folder(), name)
    }

    /// The names of what is kept, in order.
    ///
    /// # Errors
    /// [`KeyringError`]: the folder can't be read.
    pub fn kept_names(&self, shelf: Shelf) -> Result<Vec<String>, KeyringError> {
        let mut names = locker::names(&self.0.dir.join(shelf.folder()))?;
        names.retain(|name| check(name).is_ok());
        names.sort();
        Ok(names)
    }
}

fn check(name: &str) -> Result<(), KeyringError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if (1..=64).contains(&name.len()) && name.chars().all(fits) {
        Ok(())
    } else {
        Err(KeyringError::Name {
            name: name.chars().filter(|c| !c.is_control()).take(80).collect(),
        })
    }
}

/// Counts bytes and keeps none.
struct Count(usize);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
