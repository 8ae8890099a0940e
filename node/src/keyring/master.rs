//! The master key: what opens the keyring. It encrypts the data key, which encrypts everything
//! else, so that a passphrase is asked for once.

use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::error::{KeyringError, io};
use super::locker::{self, Locker};
use super::{ENTRIES, SEALING};
use crate::limits;

/// The file that holds the data key under the master key.
pub(super) const HEADING: &str = "master";
/// The layout of the heading, and of all files.
const FORMAT: u32 = 1;
/// Place of the data key.
const DATA_KEY: &str = "master/data-key";

/// Where the master key comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MasterKind {
    /// A file that the node's user can read, `keys/keyring.key` unless configured: protects
    /// copies and backups of the keyring that come without it, not against who has the disk.
    #[default]
    File,
    /// A passphrase, asked for at each start: protects against who has the disk as well.
    Passphrase,
    /// A systemd credential (`LoadCredentialEncrypted=keyring-passphrase:…`), which systemd can
    /// bind to this machine's TPM: protects against who has the disk without the machine.
    Credential,
}

impl MasterKind {
    /// As it stands in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Passphrase => "passphrase",
            Self::Credential => "credential",
        }
    }

    /// For people.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::File => "key file",
            Self::Passphrase => "passphrase",
            Self::Credential => "systemd credential",
        }
    }
}

/// What opens a keyring. Wiped when dropped, never shown.
pub struct MasterKey {
    kind: MasterKind,
    bytes: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({}, ..)", self.kind.as_str())
    }
}

impl MasterKey {
    /// Of a key file: 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`KeyringError::NoKeyFile`], [`KeyringError::KeyFile`], [`KeyringError::Io`].
    pub fn from_file(path: &Path) -> Result<Self, KeyringError> {
        let shown = || path.display().to_string();
        let Some(text) = locker::read(path)?.map(Zeroizing::new) else {
            return Err(KeyringError::NoKeyFile { path: shown() });
        };
        let key = HEXLOWER.decode(text.trim_ascii()).map(Zeroizing::new);
        match key {
            Ok(bytes) if bytes.len() == 32 => Ok(Self {
                kind: MasterKind::File,
                bytes,
            }),
            _ => Err(KeyringError::KeyFile { path: shown() }),
        }
    }

    /// Makes a key file, which must not exist, and gives its key.
    ///
    /// # Errors
    /// [`KeyringError::Io`].
    pub fn make_file(path: &Path) -> Result<Self, KeyringError> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let key = Zeroizing::new(rand::random::<[u8; 32]>());
        let text = Zeroizing::new(HEXLOWER.encode(&*key) + "\n");
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|e| io(path, e))?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|e| io(path, e))?;
        if let Some(dir) = path.parent() {
            locker::sync(dir)?;
        }
        Ok(Self {
            kind: MasterKind::File,
            bytes: Zeroizing::new(key.to_vec()),
        })
    }

    /// Of a passphrase or a credential's content; blanks at its ends don't count.
    ///
    /// # Errors
    /// [`KeyringError::Short`].
    pub fn from_words(kind: MasterKind, bytes: &[u8]) -> Result<Self, KeyringError> {
        let bytes = bytes.trim_ascii();
        let chars = std::str::from_utf8(bytes).map_or(bytes.len(), |text| text.chars().count());
        if chars < limits::BACKUP_PASSPHRASE_CHARS {
            return Err(KeyringError::Short);
        }
        Ok(Self {
            kind,
            bytes: Zeroizing::new(bytes.to_vec()),
        })
    }

    /// Of what sort it is.
    pub fn kind(&self) -> MasterKind {
        self.kind
    }

    fn locker(&self, heading: &Heading) -> Result<Locker, KeyringError> {
        let mut key = Zeroizing::new([0u8; 32]);
        match &heading.derive {
            None => match <&[u8; 32]>::try_from(self.bytes.as_slice()) {
                Ok(bytes) => *key = *bytes,
                Err(_) => return Err(KeyringError::Derive("it has no 32 bytes".into())),
            },
            Some(derive) => {
                let (most_memory, most_passes) = limits::BACKUP_KDF_MAX;
                if derive.memory_kib > most_memory || derive.passes > most_passes {
                    return Err(KeyringError::Derive(
                        "its heading asks for more memory or time than any that liaison writes"
                            .into(),
                    ));
                }
                let derived = HEXLOWER.decode(derive.salt.as_bytes());
                let salt = derived.map_err(|e| KeyringError::Derive(e.to_string()))?;
                let params = Params::new(derive.memory_kib, derive.passes, 1, Some(32))
                    .map_err(|e| KeyringError::Derive(e.to_string()))?;
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into(&self.bytes, &salt, &mut *key)
                    .map_err(|e| KeyringError::Derive(e.to_string()))?;
            }
        }
        Ok(Locker::new(&key))
    }
}

/// `keyring/master`, as TOML.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Heading {
    format: u32,
    opens_with: MasterKind,
    /// The data key under the master key, in hexadecimal digits.
    data_key: String,
    /// How a key is made of a passphrase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    derive: Option<Derive>,
}

/// Argon2id.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Derive {
    memory_kib: u32,
    passes: u32,
    salt: String,
}

/// With what the keyring in this folder opens; `None`: there is none.
///
/// # Errors
/// [`KeyringError::Heading`], [`KeyringError::Io`].
pub fn kind_of(dir: &Path) -> Result<Option<MasterKind>, KeyringError> {
    Ok(read(dir, HEADING)?.map(|heading| heading.opens_with))
}

/// The data key; a new one where there is no keyring yet.
pub(super) fn unlock(dir: &Path, master: &MasterKey) -> Result<Locker, KeyringError> {
    if let Some(locker) = opened(dir, HEADING, master)? {
        return Ok(locker);
    }
    for folder in [ENTRIES, SEALING] {
        // A new key here would make what is there unreadable for good, without a word.
        if !locker::names(&dir.join(folder))?.is_empty() {
            return Err(KeyringError::Heading {
                path: dir.join(HEADING).display().to_string(),
            });
        }
    }
    make(dir, HEADING, master)
}

/// What the data key in this heading encrypts by; none: there is no such heading.
pub(super) fn opened(
    dir: &Path,
    heading: &str,
    master: &MasterKey,
) -> Result<Option<Locker>, KeyringError> {
    let Some(heading) = read(dir, heading)? else {
        return Ok(None);
    };
    data_key(dir, &heading, master).map(|key| Some(Locker::new(&key)))
}

/// Makes a data key, and writes it down under a master key.
pub(super) fn make(dir: &Path, heading: &str, master: &MasterKey) -> Result<Locker, KeyringError> {
    let data = Zeroizing::new(rand::random::<[u8; 32]>());
    write(dir, heading, &data, master)?;
    Ok(Locker::new(&data))
}

fn data_key(
    dir: &Path,
    heading: &Heading,
    master: &MasterKey,
) -> Result<Zeroizing<[u8; 32]>, KeyringError> {
    // A passphrase and a credential of the same words are the same key.
    let by_file = |kind| kind == MasterKind::File;
    if by_file(heading.opens_with) != by_file(master.kind) {
        return Err(KeyringError::OtherSort {
            dir: dir.display().to_string(),
            by: heading.opens_with.noun(),
        });
    }
    let locked = || KeyringError::Locked {
        dir: dir.display().to_string(),
        by: master.kind.noun(),
    };
    let sealed = HEXLOWER.decode(heading.data_key.as_bytes());
    let sealed = sealed.map_err(|_| locked())?;
    let data = master.locker(heading)?.open(DATA_KEY, &sealed);
    let data = data.ok_or_else(locked)?;
    <[u8; 32]>::try_from(data.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| locked())
}

fn read(dir: &Path, heading: &str) -> Result<Option<Heading>, KeyringError> {
    let path = dir.join(heading);
    let Some(bytes) = locker::read(&path)? else {
        return Ok(None);
    };
    let shown = path.display().to_string();
    #[derive(Deserialize)]
    struct Any {
        format: u32,
    }
    let text = String::from_utf8_lossy(&bytes);
    match toml::from_str::<Heading>(&text) {
        Ok(heading) if heading.format == FORMAT => Ok(Some(heading)),
        _ => match toml::from_str::<Any>(&text) {
            Ok(Any { format: found }) if found != FORMAT => Err(KeyringError::Format {
                path: shown,
                found,
                known: FORMAT,
            }),
            _ => Err(KeyringError::Heading { path: shown }),
        },
    }
}

fn write(dir: &Path, name: &str, data: &[u8; 32], master: &MasterKey) -> Result<(), KeyringError> {
    let (memory_kib, passes) = limits::BACKUP_KDF;
    let mut heading = Heading {
        format: FORMAT,
        opens_with: master.kind,
        data_key: String::new(),
        derive: (master.kind != MasterKind::File).then(|| Derive {
            memory_kib,
            passes,
            salt: HEXLOWER.encode(&rand::random::<[u8; 16]>()),
        }),
    };
    let sealed = master.locker(&heading)?.seal(DATA_KEY, data)?;
    heading.data_key = HEXLOWER.encode(&sealed);
    let path = dir.join(name);
    let text = toml::to_string(&heading).map_err(|_| KeyringError::Form { file: name.into() })?;
    locker::replace(&path, text.as_bytes())?;
    locker::sync(dir)
}
