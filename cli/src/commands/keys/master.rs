//! `liaison keys master`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use liaison_node::config::Config;
use liaison_node::keyring::{MasterKey, MasterKind, change_master};
use serde_json::json;

use crate::commands::Context;
use crate::error::{CommandError, Outcome};
use crate::home::unit_of;
use crate::node::Home;
use crate::output::Ui;
use crate::secret::{self, KEYRING};

/// What the keyring is to open with.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum With {
    /// A file in the home: protects copies and backups of the keyring without it
    File,
    /// A passphrase, asked for at each start: protects against who has the disk
    Passphrase,
    /// A systemd credential, `keyring-passphrase`, which systemd can bind to this machine's TPM
    Credential,
}

/// Change what the keyring opens with, while the node is stopped
///
/// The keyring makes sealed records readable. All of it is encrypted anew: copies that were made
/// before open with what they were closed with, and with that nothing opens which came later.
/// `file` makes a new key file, also where there is one.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  systemctl stop liaison
  sudo -u liaison liaison keys master passphrase
  sudo -u liaison liaison keys master credential --new-passphrase-fd 0 < words
  sudo -u liaison liaison keys master file

sudo passes no descriptor on but 0, 1 and 2. With a passphrase, `liaison run` asks for it at a terminal, or reads it from --passphrase-fd N.
A forgotten passphrase can't be replaced: nobody can read the sealed records then.")]
pub struct MasterArgs {
    /// What the keyring is to open with
    with: With,
    /// Open file descriptor from which the present passphrase is read
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
    /// Open file descriptor from which the new passphrase is read
    #[arg(long, value_name = "N")]
    new_passphrase_fd: Option<u32>,
}

/// Works in the home folder itself.
pub fn run(context: &mut Context, args: &MasterArgs) -> Outcome {
    let home = Home::at(context.place()?.home);
    let dir = home.keyring_dir();
    let config = Config::read(&home.config_path())
        .map_err(|e| CommandError::failed(e.to_string(), "correct config.toml"))?;
    let failed = |e: liaison_node::keyring::KeyringError| {
        CommandError::failed(
            e.to_string(),
            "nothing is lost: type the same again, and a change that was begun goes on",
        )
    };
    let kind = home.keyring_kind().map_err(failed)?;
    let file = home.keyring_key_file(&config.keyring);
    let old = match kind {
        MasterKind::File => home.master_key(&config.keyring).map_err(failed)?,
        kind => {
            let words = secret::words(context.ui, &KEYRING, args.passphrase_fd)?;
            MasterKey::from_words(kind, &words).map_err(failed)?
        }
    };
    let beside = file.with_extension("key.new");
    let new = match (args.with, kind) {
        (With::File, MasterKind::File) => made(&beside).map_err(failed)?,
        (With::File, _) => made(&file).map_err(failed)?,
        (With::Passphrase, _) => {
            let words = secret::new_words(context.ui, &KEYRING, args.new_passphrase_fd)?;
            MasterKey::from_words(MasterKind::Passphrase, &words).map_err(failed)?
        }
        (With::Credential, _) => {
            let words = secret::new_words(context.ui, &KEYRING, args.new_passphrase_fd)?;
            MasterKey::from_words(MasterKind::Credential, &words).map_err(failed)?
        }
    };
    let bar = bar(context.ui);
    let step = |done: usize, of: usize| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    };
    change_master(&dir, &old, &new, step).map_err(failed)?;
    bar.finish_and_clear();
    if kind == MasterKind::File && new.kind() == MasterKind::File {
        liaison_node::keyring::replace_file(&beside, &file).map_err(|e| {
            let remedy = format!("rename {} to {}", beside.display(), file.display());
            CommandError::failed(e.to_string(), remedy)
        })?;
    }
    let mut left: Option<PathBuf> = None;
    if kind == MasterKind::File && new.kind() != MasterKind::File {
        // It opens copies of the keyring from before; here it is of no use any more.
        if liaison_node::keyring::shred_file(&file).is_err() {
            left = Some(file);
        }
    }
    let with = new.kind().noun();
    // Where the units of `deploy/` take it from: two nodes on one machine have one each.
    let credential = match unit_of(home.dir()) {
        Some("liaison-hub") => "/etc/credstore.encrypted/hub-keyring-passphrase",
        _ => "/etc/credstore.encrypted/keyring-passphrase",
    };
    context
        .ui
        .either(&json!({ "opens_with": new.kind().as_str(), "left": left }), |_| {
            let rest = match &left {
                Some(file) => format!("Delete {}: it opens older copies of the keyring.\n", file.display()),
                None => String::new(),
            };
            let next = match new.kind() {
                MasterKind::File => "Start the node: `liaison run`\n",
                MasterKind::Passphrase => "Start the node and type it: `liaison run`. Keep a copy in a safe: without it nobody can read the sealed records.\n",
                MasterKind::Credential => &format!("Give it to the unit: `systemd-creds encrypt --name=keyring-passphrase - {credential}`\n"),
            };
            format!("The keyring opens with a {with} now.\n{rest}{next}")
        })
}

/// How many files are encrypted anew.
fn bar(ui: &Ui) -> ProgressBar {
    if !ui.err_terminal || ui.json {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} files, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style)
}

/// The key file that is there, or a new one.
fn made(file: &std::path::Path) -> Result<MasterKey, liaison_node::keyring::KeyringError> {
    if file.exists() {
        MasterKey::from_file(file)
    } else {
        MasterKey::make_file(file)
    }
}
