//! Passphrases: from a terminal without echo, a file descriptor, a key file or a systemd
//! credential; never from the command line, which every user of the machine can read.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use liaison_node::backup::Secret;
use liaison_node::limits::BACKUP_SECRET_BYTES;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::error::CommandError;
use crate::output::Ui;

/// What a passphrase is for.
pub struct Purpose {
    /// Name of the systemd credential (`LoadCredential=backup-passphrase:...`).
    credential: &'static str,
    /// As it is asked for.
    question: &'static str,
    /// Where it may come from.
    flags: &'static str,
}

/// A backup's.
const BACKUP: Purpose = Purpose {
    credential: "backup-passphrase",
    question: "Passphrase of the backup:",
    flags: "give --key-file FILE, --passphrase-fd N, or the systemd credential backup-passphrase",
};

/// The keyring's.
pub const KEYRING: Purpose = Purpose {
    credential: "keyring-passphrase",
    question: "Passphrase of the keyring:",
    flags: "give --passphrase-fd N, or the systemd credential keyring-passphrase",
};

/// Reads the passphrase that something was closed with: from an open file descriptor, else the
/// systemd credential, else the terminal.
///
/// # Errors
/// It can't be read, or there is nobody to ask.
pub fn words(
    ui: &mut Ui,
    purpose: &Purpose,
    fd: Option<u32>,
) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    match fd.map(descriptor).or_else(|| credential(purpose)) {
        Some(file) => read_file(&file),
        None => ask(ui, purpose, false),
    }
}

/// Reads a new one: from an open file descriptor, else twice from the terminal.
///
/// # Errors
/// It can't be read, or there is nobody to ask.
pub fn new_words(
    ui: &mut Ui,
    purpose: &Purpose,
    fd: Option<u32>,
) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    match fd.map(descriptor) {
        Some(file) => read_file(&file),
        None => ask(ui, purpose, true),
    }
}

/// Where the passphrase comes from; none of them: the systemd credential, else the terminal.
#[derive(Debug, Args)]
pub struct SecretArgs {
    /// File that holds the passphrase or key (`head -c 32 /dev/urandom | base64 > FILE`)
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_fd")]
    key_file: Option<PathBuf>,
    /// Open file descriptor from which the passphrase is read
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

impl SecretArgs {
    /// Reads it; a new one is asked for twice.
    ///
    /// # Errors
    /// It can't be read, is too short, or there is nobody to ask.
    pub fn read(&self, ui: &mut Ui, is_new: bool) -> Result<Secret, CommandError> {
        let file = match (&self.key_file, self.passphrase_fd) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(fd)) => Some(descriptor(fd)),
            (None, None) => credential(&BACKUP),
        };
        match file {
            Some(file) => secret(&read_file(&file)?),
            None => secret(&ask(ui, &BACKUP, is_new)?),
        }
    }
}

fn descriptor(fd: u32) -> PathBuf {
    PathBuf::from(format!("/dev/fd/{fd}"))
}

/// The systemd credential, if there is one.
fn credential(purpose: &Purpose) -> Option<PathBuf> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(PathBuf::from(folder).join(purpose.credential)).filter(|file| file.exists())
}

fn read_file(file: &Path) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let fault = |source| CommandError::File {
        what: "read",
        path: file.to_path_buf(),
        source,
    };
    let most = BACKUP_SECRET_BYTES + 1;
    // A buffer that grows leaves copies of what was in it.
    let mut bytes = Zeroizing::new(Vec::with_capacity(BACKUP_SECRET_BYTES as usize + 64));
    let open = File::open(file).map_err(fault)?;
    open.take(most).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 == most {
        return Err(CommandError::TooLarge {
            path: file.to_path_buf(),
            limit: BACKUP_SECRET_BYTES,
        });
    }
    Ok(bytes)
}

fn ask(ui: &mut Ui, purpose: &Purpose, is_new: bool) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    if !ui.interactive {
        return Err(CommandError::usage(
            "there is no terminal to ask for the passphrase",
            purpose.flags,
        ));
    }
    let first = Zeroizing::new(hidden(ui, purpose.question)?.into_bytes());
    if is_new {
        // Too short is said before it is typed again.
        secret(&first)?;
        if hidden(ui, "The same once more:")?.as_bytes() != first.as_slice() {
            return Err(CommandError::usage(
                "the two passphrases differ",
                "type the command again",
            ));
        }
    }
    Ok(first)
}

/// One line, not shown while it is typed.
fn hidden(ui: &mut Ui, question: &str) -> Result<String, CommandError> {
    let input = std::io::stdin();
    let shown = tcgetattr(&input).ok();
    if let Some(shown) = &shown {
        let mut quiet = shown.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        // A terminal that can't be quieted is no reason not to ask.
        let _as_it_is = tcsetattr(&input, OptionalActions::Flush, &quiet);
    }
    let answer = ui.line(question, true);
    if let Some(shown) = &shown {
        let _as_it_was = tcsetattr(&input, OptionalActions::Flush, shown);
        ui.note("\n")?;
    }
    answer
}

fn secret(bytes: &[u8]) -> Result<Secret, CommandError> {
    Secret::new(bytes).map_err(|e| {
        CommandError::usage(
            e.to_string(),
            "take several words, or a key file: head -c 32 /dev/urandom | base64 > FILE",
        )
    })
}
