//! Passphrases: from a terminal without echo, a file descriptor, a key file or a systemd
//! credential; never from the command line, which every user of the machine can read.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use liaison_node::backup::Secret;
use liaison_node::limits::BACKUP_SECRET_BYTES;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::error::CommandError;
use crate::output::Ui;

/// Name of the systemd credential (`LoadCredential=backup-passphrase:...`).
const CREDENTIAL: &str = "backup-passphrase";

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
        let credential = |folder: OsString| PathBuf::from(folder).join(CREDENTIAL);
        let file = match (&self.key_file, self.passphrase_fd) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(fd)) => Some(PathBuf::from(format!("/dev/fd/{fd}"))),
            (None, None) => std::env::var_os("CREDENTIALS_DIRECTORY")
                .map(credential)
                .filter(|file| file.exists()),
        };
        match file {
            Some(file) => secret(&read_file(&file)?),
            None if ui.interactive => ask(ui, is_new),
            None => Err(CommandError::usage(
                "there is no terminal to ask for the passphrase",
                "give --key-file FILE, --passphrase-fd N, or the systemd credential backup-passphrase",
            )),
        }
    }
}

fn read_file(file: &Path) -> Result<Vec<u8>, CommandError> {
    let fault = |source| CommandError::File {
        what: "read",
        path: file.to_path_buf(),
        source,
    };
    let mut bytes = Vec::new();
    let most = BACKUP_SECRET_BYTES + 1;
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

fn ask(ui: &mut Ui, is_new: bool) -> Result<Secret, CommandError> {
    let first = hidden(ui, "Passphrase of the backup:")?;
    if is_new {
        // Too short is said before it is typed again.
        secret(first.as_bytes())?;
        if hidden(ui, "The same once more:")? != first {
            return Err(CommandError::usage(
                "the two passphrases differ",
                "type the command again",
            ));
        }
    }
    secret(first.as_bytes())
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
