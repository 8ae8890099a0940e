//! Why the keyring can't be used.

use std::path::Path;

use crate::limits;

/// Why the keyring, or something in it, can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// A file or folder.
    #[error(
        "{path}: {source}. Check that the node's user may read and write this folder and that the disk has room"
    )]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The master key is another one.
    #[error(
        "the keyring in {dir} does not open: the {by} is another one than it was closed with. Start again with the right one; without it no sealed record can be read"
    )]
    Locked {
        /// The folder.
        dir: String,
        /// What sort of key.
        by: &'static str,
    },
    /// The master key is of another sort.
    #[error("the keyring in {dir} opens with a {by}, and something else was given")]
    OtherSort {
        /// The folder.
        dir: String,
        /// What it opens with.
        by: &'static str,
    },
    /// What it opens with is being changed, and that was interrupted.
    #[error(
        "what the keyring in {dir} opens with is being changed, and that was interrupted. Type the same 'liaison keys master' again, with the same passphrases: it goes on where it stopped"
    )]
    Changing {
        /// The folder.
        dir: String,
    },
    /// No passphrase was given.
    #[error(
        "the keyring opens with a {by}, and none was given. Type 'liaison run' at a terminal, or give --passphrase-fd N or the systemd credential keyring-passphrase"
    )]
    NoWords {
        /// What was wanted.
        by: &'static str,
    },
    /// The key file is not there.
    #[error(
        "the keyring's key file {path} is missing. Put it back (it is in the archive that 'liaison backup --only-keys' makes); without it no sealed record can be read"
    )]
    NoKeyFile {
        /// Where it would be.
        path: String,
    },
    /// The key file is damaged.
    #[error(
        "{path} is no key file of a keyring: it should hold 64 hexadecimal digits. Put the right one there"
    )]
    KeyFile {
        /// The file.
        path: String,
    },
    /// A passphrase that is too short.
    #[error(
        "a keyring's passphrase has at least {} characters: whoever has the disk can guess as long as they like",
        limits::BACKUP_PASSPHRASE_CHARS
    )]
    Short,
    /// The heading is gone, and there are entries.
    #[error(
        "{path} is missing or damaged, so nothing in this keyring can be opened. Restore it from the archive that 'liaison backup --keyring' makes"
    )]
    Heading {
        /// The file.
        path: String,
    },
    /// The heading is of another version.
    #[error("{path} has format {found}, and this liaison knows {known}. Install a newer one")]
    Format {
        /// The file.
        path: String,
        /// The format found.
        found: u32,
        /// The format that we know.
        known: u32,
    },
    /// The key can't be made of the passphrase on this machine.
    #[error("the keyring's key can't be made of the passphrase: {0}")]
    Derive(String),
    /// The cipher refused.
    #[error("{file} can't be encrypted")]
    Cipher {
        /// The file.
        file: String,
    },
    /// One file did not open.
    #[error("{file} in the keyring: {says}. 'liaison doctor' lists what can't be read")]
    Damaged {
        /// Folder and name.
        file: String,
        /// What is the matter.
        says: String,
    },
    /// A name that is none.
    #[error("{name} is no name of a file in the keyring")]
    Name {
        /// The name.
        name: String,
    },
    /// Too much for one file.
    #[error("{file} would have {found} bytes; {most} are the most")]
    TooLarge {
        /// Folder and name.
        file: String,
        /// Its bytes.
        found: usize,
        /// The most.
        most: usize,
    },
    /// Too many files.
    #[error("{dir} holds more than {most} files. Move out what is not the node's")]
    TooMany {
        /// The folder.
        dir: String,
        /// The most.
        most: usize,
    },
    /// No room for one more secret.
    #[error(
        "the keyring holds {most} secrets of sealed records, which are the most: no sealed record is taken in or made. Erase what is no longer needed; 'liaison expiry' shows what ends when"
    )]
    Full {
        /// The most.
        most: usize,
    },
    /// A value that can't be written down or read.
    #[error("{file} can't be read or written as what it should be")]
    Form {
        /// Folder and name.
        file: String,
    },
    /// Another has it open.
    #[error(
        "the keyring in {dir} is in use: the node runs. Stop it first (`systemctl stop liaison`, of a hub `liaison-hub`)"
    )]
    InUse {
        /// The folder.
        dir: String,
    },
    /// A sealing key can't be made.
    #[error("a sealing key can't be made: {0}")]
    Seal(#[from] liaison_protocol::seal::SealFault),
}

impl KeyringError {
    /// Whether trying again gives the same, until somebody does something.
    pub fn is_for_good(&self) -> bool {
        match self {
            Self::Locked { .. }
            | Self::OtherSort { .. }
            | Self::Changing { .. }
            | Self::NoWords { .. }
            | Self::NoKeyFile { .. }
            | Self::KeyFile { .. }
            | Self::Short
            | Self::Heading { .. }
            | Self::Format { .. }
            | Self::Derive(_) => true,
            Self::Io { .. }
            | Self::Cipher { .. }
            | Self::Damaged { .. }
            | Self::Name { .. }
            | Self::TooLarge { .. }
            | Self::TooMany { .. }
            | Self::Full { .. }
            | Self::Form { .. }
            | Self::InUse { .. }
            | Self::Seal(_) => false,
        }
    }
}

/// What became of a file.
pub(super) fn io(path: &Path, source: std::io::Error) -> KeyringError {
    KeyringError::Io {
        path: path.display().to_string(),
        source,
    }
}
