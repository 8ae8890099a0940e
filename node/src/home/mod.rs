//! The one folder of a node: keys, card, policy, store, index, drafts, socket.

mod card;
mod init;
mod keyring;
mod keys;

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use liaison_protocol::key::{PublicKey, SecretKey};
use liaison_protocol::record::signed::FormFault;
use zeroize::Zeroizing;

pub use self::card::CardEdit;
pub(crate) use self::card::affirmation_fields;
#[cfg(test)]
pub(crate) use self::init::CONFIG_TEMPLATE;
pub use self::init::{InitReport, InitRequest};
pub use self::keys::{KeyChange, RootKeyText};
use crate::audit::seal;
use crate::cardfile::{CardFile, CardFileError};
use crate::keyring::KeyringError;
use crate::limits;
use crate::swarm::SwarmError;

/// A node's folder.
#[derive(Clone, Debug)]
pub struct Home {
    dir: PathBuf,
}

/// The secrets that a running node holds; the root key is not among them.
#[derive(Debug)]
pub struct NodeSecrets {
    /// Signs records.
    pub signing: SecretKey,
    /// The node's libp2p identity.
    pub node: Zeroizing<[u8; 32]>,
}

/// Why the folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// There is a node in it already.
    #[error(
        "{dir} already holds a node of {name}. Choose another folder with --home, or use this one"
    )]
    Exists {
        /// The folder.
        dir: String,
        /// Who lives there.
        name: String,
    },
    /// There are keys in it, and no card.
    #[error(
        "{dir} holds the keys of a node, but no card.liaison: a new node would overwrite them. Put card.liaison back, \
         from a backup or from a colleague who writes it with 'liaison peer card', or name another folder with --home. Where 'liaison init' was broken off and no node ever ran, delete it"
    )]
    KeysAlone {
        /// The folder.
        dir: String,
    },
    /// There is no node in it.
    #[error(
        "there is no node in {dir}. Make one with 'liaison init', or name another folder with --home"
    )]
    Missing {
        /// The folder.
        dir: String,
    },
    /// The socket's path would be too long for the kernel.
    #[error(
        "the path {path} has {found} bytes; a socket's path may have {}. Choose a shorter folder with --home",
        limits::SOCKET_PATH_BYTES
    )]
    PathTooLong {
        /// The socket's path.
        path: String,
        /// Its bytes.
        found: usize,
    },
    /// A file can't be read or written.
    #[error(
        "{path}: {source}. Check that you may read and write this folder and that the disk has room"
    )]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A key file is damaged.
    #[error(
        "{path} is no key file: it should hold 64 hexadecimal digits. Restore it from your backup"
    )]
    KeyFile {
        /// The file.
        path: String,
    },
    /// The root key is not here, as it should be when it is kept in a safe.
    #[error(
        "{path} is missing: the root key is kept elsewhere, and this step needs it. Bring the medium with its file and type the command again with --root FILE"
    )]
    NoRoot {
        /// Where it would be.
        path: String,
    },
    /// The root key is another agency's.
    #[error(
        "this is the root key of another agency. Look for the file that 'liaison keys root remove' wrote for this one"
    )]
    WrongRoot,
    /// A key that is on no card of ours.
    #[error("key {} is on no card of ours. 'liaison keys show' lists them", key.to_string().chars().take(8).collect::<String>())]
    UnknownKey {
        /// The key.
        key: PublicKey,
    },
    /// The card file is damaged.
    #[error("{path}: {source}")]
    Card {
        /// The file.
        path: String,
        /// Why.
        source: CardFileError,
    },
    /// The audit log's key is damaged.
    #[error("audit-key.public: {0}")]
    AuditKey(seal::SealError),
    /// The keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// An address that can't be dialled.
    #[error(transparent)]
    Address(SwarmError),
    /// The card states something that no card may.
    #[error("the card can't be signed: {0}")]
    Unsignable(#[from] FormFault),
}

impl Home {
    /// The node in this folder, whether or not there is one yet.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether a node was made here.
    pub fn exists(&self) -> bool {
        self.card_path().exists()
    }

    /// The local API's socket.
    pub fn socket_path(&self) -> PathBuf {
        self.dir.join("liaison.sock")
    }

    /// `config.toml`.
    pub fn config_path(&self) -> PathBuf {
        self.dir.join("config.toml")
    }

    /// `officers.toml`: who may use the node, and as what.
    pub fn officers_path(&self) -> PathBuf {
        self.dir.join("officers.toml")
    }

    /// The audit log's folder.
    pub fn audit_dir(&self) -> PathBuf {
        self.dir.join("audit")
    }

    /// Public half of the key that what officers type is sealed to, in the audit log.
    pub fn audit_key_path(&self) -> PathBuf {
        self.dir.join("audit-key.public")
    }

    /// Where `init` leaves the private half, until the data-protection officer takes it away.
    pub fn audit_secret_path(&self) -> PathBuf {
        self.dir.join("audit-key.private")
    }

    /// The key that what officers type is sealed to; `None`: there is none.
    ///
    /// # Errors
    /// [`HomeError`] where the file is there and can't be used.
    pub fn audit_key(&self) -> Result<Option<seal::PublicKey>, HomeError> {
        let path = self.audit_key_path();
        match fs::read_to_string(&path) {
            Ok(text) => seal::PublicKey::parse(&text)
                .map(Some)
                .map_err(HomeError::AuditKey),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(io(&path, e)),
        }
    }

    /// Puts another key in its place; the private half stays with whoever made it.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub fn put_audit_key(&self, key: &seal::PublicKey) -> Result<(), HomeError> {
        write(&self.audit_key_path(), key.to_text().as_bytes(), 0o644)
    }

    /// The folder of the agency's policy files.
    pub fn policy_dir(&self) -> PathBuf {
        self.dir.join("policy")
    }

    /// The store's folder.
    pub fn store_dir(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// The folder of the parcels that this node keeps as a hub.
    pub fn mailbox_dir(&self) -> PathBuf {
        self.dir.join("mailbox")
    }

    /// The search index's folder.
    pub fn index_dir(&self) -> PathBuf {
        self.dir.join("index")
    }

    /// Drafts that were not sent yet.
    pub fn drafts_dir(&self) -> PathBuf {
        self.dir.join("drafts")
    }

    fn keys_dir(&self) -> PathBuf {
        self.dir.join("keys")
    }

    fn card_path(&self) -> PathBuf {
        self.dir.join("card.liaison")
    }

    /// The agency's own card file.
    ///
    /// # Errors
    /// [`HomeError::Missing`] where there is no node, [`HomeError::Card`] where it is damaged.
    pub fn card_file(&self) -> Result<CardFile, HomeError> {
        let path = self.card_path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(HomeError::Missing {
                    dir: self.dir.display().to_string(),
                });
            }
            Err(e) => return Err(io(&path, e)),
        };
        CardFile::parse(&text).map_err(|source| HomeError::Card {
            path: path.display().to_string(),
            source,
        })
    }

    /// The secrets of a running node.
    ///
    /// # Errors
    /// [`HomeError`] where a key file is missing or damaged.
    pub fn secrets(&self) -> Result<NodeSecrets, HomeError> {
        if !self.exists() {
            return Err(HomeError::Missing {
                dir: self.dir.display().to_string(),
            });
        }
        self.settle_next()?;
        self.secrets_as_they_are()
    }

    /// The same, for whoever only looks: a change of the signing key may be under way.
    pub(crate) fn secrets_as_they_are(&self) -> Result<NodeSecrets, HomeError> {
        Ok(NodeSecrets {
            signing: SecretKey::from_bytes(&*self.read_secret("signing.key")?),
            node: self.read_secret("node.key")?,
        })
    }

    /// Whether a socket can be made in it: a home may have been moved since `init`.
    ///
    /// # Errors
    /// [`HomeError::PathTooLong`].
    pub fn check_socket_path(&self) -> Result<(), HomeError> {
        let path = self.socket_path();
        let found = path.as_os_str().len();
        if found > limits::SOCKET_PATH_BYTES {
            return Err(HomeError::PathTooLong {
                path: path.display().to_string(),
                found,
            });
        }
        Ok(())
    }

    fn read_secret(&self, name: &str) -> Result<Zeroizing<[u8; 32]>, HomeError> {
        let path = self.keys_dir().join(name);
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(|e| io(&path, e))?);
        keys::secret(&path.display().to_string(), &text)
    }

    fn write_secret(&self, name: &str, bytes: &[u8; 32]) -> Result<(), HomeError> {
        let text = Zeroizing::new(data_encoding::HEXLOWER.encode(bytes) + "\n");
        write(&self.keys_dir().join(name), text.as_bytes(), 0o600)
    }
}

/// Writes a file whole or not at all: beside it, synced, then renamed over it.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), HomeError> {
    let beside = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&beside)
        .map_err(|e| io(&beside, e))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|e| io(&beside, e))?;
    fs::rename(&beside, path).map_err(|e| io(path, e))?;
    // What is written or destroyed next counts on the name.
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    sync(dir.unwrap_or(Path::new(".")))
}

fn sync(dir: &Path) -> Result<(), HomeError> {
    let folder = fs::File::open(dir).map_err(|e| io(dir, e))?;
    folder.sync_all().map_err(|e| io(dir, e))
}

fn io(path: &Path, source: std::io::Error) -> HomeError {
    HomeError::Io {
        path: path.display().to_string(),
        source,
    }
}
