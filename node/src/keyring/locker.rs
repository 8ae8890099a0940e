//! Encrypted files: written whole or not at all, overwritten before they go.

use std::fs;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::error::{KeyringError, io};
use crate::limits;

/// Bound to every file, with its folder and name.
const DOMAIN: &str = "liaison/1 keyring ";
/// How the name of a file ends that is not finished.
pub(super) const UNFINISHED: &str = ".new";
const NONCE_BYTES: usize = 24;

/// Encrypts and decrypts under one key; wiped when dropped.
pub(super) struct Locker(XChaCha20Poly1305);

impl Locker {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Encrypts what stands at this place.
    pub(super) fn seal(&self, place: &str, bytes: &[u8]) -> Result<Vec<u8>, KeyringError> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let aad = [DOMAIN.as_bytes(), place.as_bytes()].concat();
        let payload = Payload {
            msg: bytes,
            aad: &aad,
        };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| KeyringError::Cipher { file: place.into() })?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// What was encrypted for this place; none: it was not, or it was changed.
    pub(super) fn open(&self, place: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let aad = [DOMAIN.as_bytes(), place.as_bytes()].concat();
        let payload = Payload {
            msg: sealed,
            aad: &aad,
        };
        let opened = self.0.decrypt(&XNonce::from(*nonce), payload);
        opened.ok().map(Zeroizing::new)
    }
}

/// Makes a folder that nobody else may look into.
pub(super) fn folder(dir: &Path) -> Result<(), KeyringError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|e| io(dir, e))
}

/// Overwrites and deletes a file, such as a key file that is not used any more.
///
/// # Errors
/// [`KeyringError::Io`]; it may still be there then.
pub fn shred_file(path: &Path) -> Result<bool, KeyringError> {
    shred(path)
}

/// Puts a file in the place of another, such as a new key file, and overwrites that.
///
/// # Errors
/// [`KeyringError::Io`]; both are as they were then.
pub fn replace_file(from: &Path, to: &Path) -> Result<(), KeyringError> {
    let before = fs::OpenOptions::new().write(true).open(to);
    fs::rename(from, to).map_err(|e| io(to, e))?;
    match (before, to.parent()) {
        (Ok(before), _) => wipe(to, before),
        (Err(_), Some(dir)) => sync(dir),
        (Err(_), None) => Ok(()),
    }
}

/// Whether nobody has the keyring in this folder open.
pub fn is_free(dir: &Path) -> bool {
    !dir.exists() || hold(dir).is_ok()
}

/// Takes the keyring for this process, until the file is dropped.
pub(super) fn hold(dir: &Path) -> Result<fs::File, KeyringError> {
    let path = dir.join("lock");
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|e| io(&path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(KeyringError::InUse {
            dir: dir.display().to_string(),
        }),
        Err(fs::TryLockError::Error(e)) => Err(io(&path, e)),
    }
}

/// Syncs a folder: what was renamed or unlinked in it holds then.
pub(super) fn sync(dir: &Path) -> Result<(), KeyringError> {
    fs::File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| io(dir, e))
}

/// Writes a file beside its place, syncs it and renames it there. What stood there before is
/// overwritten. The folder is not synced, unless something stood there.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), KeyringError> {
    let file = write_beside(path, bytes)?;
    file.sync_all().map_err(|e| io(path, e))?;
    if let Some(before) = put_in_place(path)? {
        wipe(path, before)?;
    }
    Ok(())
}

/// Writes a file beside its place. It is not synced.
pub(super) fn write_beside(path: &Path, bytes: &[u8]) -> Result<fs::File, KeyringError> {
    let beside = beside(path);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .map_err(|e| io(&beside, e))?;
    file.write_all(bytes).map_err(|e| io(&beside, e))?;
    Ok(file)
}

/// Renames what was written beside a place, and synced, to its name; gives what stood there.
pub(super) fn put_in_place(path: &Path) -> Result<Option<fs::File>, KeyringError> {
    let before = fs::OpenOptions::new().write(true).open(path).ok();
    fs::rename(beside(path), path).map_err(|e| io(path, e))?;
    Ok(before)
}

/// Overwrites what stood at a place, once its successor is there for good: a cut of the power must
/// not find the old name on bytes that are gone.
fn wipe(path: &Path, before: fs::File) -> Result<(), KeyringError> {
    if let Some(dir) = path.parent() {
        sync(dir)?;
    }
    // The new one is in place: what becomes of the old one stops nobody.
    let _best_effort = overwrite(&before).and_then(|()| before.sync_all());
    Ok(())
}

fn beside(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(UNFINISHED);
    PathBuf::from(beside)
}

/// The disk that a folder lies on, for many files at a time.
pub(super) struct Disk<'a>(&'a Path, fs::File);

impl<'a> Disk<'a> {
    /// Opened before what it is to sync is written: it is told of faults since then.
    pub(super) fn of(dir: &'a Path) -> Result<Self, KeyringError> {
        let folder = fs::File::open(dir).map_err(|e| io(dir, e))?;
        Ok(Self(dir, folder))
    }

    /// Syncs all that was written to it.
    pub(super) fn sync(&self) -> Result<(), KeyringError> {
        rustix::fs::syncfs(&self.1).map_err(|e| io(self.0, e.into()))
    }
}

/// A file, as it is; none: there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, KeyringError> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io(path, e)),
    };
    let mut bytes = Vec::new();
    let most = limits::KEYRING_FILE_BYTES + limits::KEYRING_FILE_EXTRA_BYTES;
    // One byte more: what is longer does not open, and nobody reads it to its end.
    file.take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| io(path, e))?;
    Ok(Some(bytes))
}

/// Overwrites, unlinks and syncs; gives whether it was there.
pub(super) fn shred(path: &Path) -> Result<bool, KeyringError> {
    match fs::OpenOptions::new().write(true).open(path) {
        Ok(file) => {
            // A disk that is full or dying must not keep the file from being unlinked.
            let _best_effort = overwrite(&file).and_then(|()| file.sync_all());
        }
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        // What can't be opened may still be unlinked.
        Err(_) => {}
    }
    fs::remove_file(path).map_err(|e| io(path, e))?;
    match path.parent() {
        Some(dir) => sync(dir).map(|()| true),
        None => Ok(true),
    }
}

/// Writes noise over all of a file, which is not synced.
pub(super) fn overwrite(mut file: &fs::File) -> std::io::Result<()> {
    let mut left = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    while left > 0 {
        let noise: [u8; 512] = rand::random();
        let now = usize::try_from(left)
            .unwrap_or(noise.len())
            .min(noise.len());
        file.write_all(noise.get(..now).unwrap_or_default())?;
        left -= now as u64;
    }
    Ok(())
}

/// The names in a folder; folders in it are left out.
pub(super) fn names(dir: &Path) -> Result<Vec<String>, KeyringError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| io(dir, e))? {
        let entry = entry.map_err(|e| io(dir, e))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if names.len() == limits::KEYRING_ENTRIES {
            return Err(KeyringError::TooMany {
                dir: dir.display().to_string(),
                most: limits::KEYRING_ENTRIES,
            });
        }
        // A name that is no text is none of ours; it is found by how it is shown, or not at all.
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}
