//! `liaison run`.

use clap::Args;
use serde_json::json;

use liaison_node::keyring::{KeyringError, MasterKey, MasterKind};
use liaison_node::{NodeError, RunError};

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::node::{self, Home};
use crate::output::clean;
use crate::secret::{self, KEYRING};

/// Run the node until it is told to stop.
///
/// Prints one line on standard output when it is ready. SIGTERM and ^C stop it cleanly. Exit code 8:
/// the keyring does not open with what it was given; starting it again is of no use then.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison run
  liaison run --listen 0.0.0.0:4600
  liaison --home /srv/exercise run --listen 127.0.0.1:0")]
pub struct RunArgs {
    /// Address to listen on, instead of the configured ones; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<String>,
    /// Unix group whose members may use the node's socket [default: only you]
    #[arg(long)]
    group: Option<String>,
    /// Open file descriptor from which the keyring's passphrase is read, where it opens with one
    /// [default: the systemd credential keyring-passphrase, else the terminal]
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

/// Runs the node.
pub fn run(context: &mut Context, args: RunArgs) -> Outcome {
    let place = context.place()?;
    let home = Home::at(place.home.clone());
    if !home.exists() {
        return Err(CommandError::failed(
            format!("there is no home folder at {}", place.home.display()),
            "make one with `liaison init`",
        ));
    }
    let master = master(context, &home, args.passphrase_fd)?;
    let card = home.card_file().map_err(|e| {
        CommandError::failed(e.to_string(), "restore the home folder from its backup")
    })?;
    let name = card
        .contact()
        .map(|contact| clean(&contact.org))
        .unwrap_or_default();
    let mut printed = Ok(());
    let ready = |listening: &[String]| {
        printed = if context.ui.json {
            context.ui.object(&json!({ "ready": true, "name": name, "listening": listening, "socket": place.socket }))
        } else {
            let addresses = listening.join(", ");
            context.ui.print(&format!(
                "liaison ready: {name} listening on {addresses}, socket {}",
                place.socket.display()
            ))
        };
    };
    node::run(home, args.listen, args.group, master, ready).map_err(|e| {
        let remedy = "correct that and type `liaison run` again; the log above may say more";
        match &e {
            RunError::Node(NodeError::Keyring(keyring)) if keyring.is_for_good() => {
                CommandError::Locked {
                    says: e.to_string(),
                    remedy: remedy.to_owned(),
                }
            }
            _ => CommandError::failed(e.to_string(), remedy),
        }
    })?;
    printed
}

/// What opens the keyring, where that is no key file.
fn master(
    context: &mut Context,
    home: &Home,
    fd: Option<u32>,
) -> Result<Option<MasterKey>, CommandError> {
    let failed = |e: KeyringError| {
        let (says, for_good) = (e.to_string(), e.is_for_good());
        let remedy = "nothing was started; `liaison doctor` says more".to_owned();
        match for_good {
            true => CommandError::Locked { says, remedy },
            false => CommandError::failed(says, remedy),
        }
    };
    match home.keyring_kind().map_err(failed)? {
        MasterKind::File => Ok(None),
        kind => {
            let words = secret::words(context.ui, &KEYRING, fd).map_err(|e| match e {
                // A service has no terminal: its credential is missing, and stays so.
                CommandError::Usage { says, remedy } => CommandError::Locked { says, remedy },
                other => other,
            })?;
            MasterKey::from_words(kind, &words)
                .map(Some)
                .map_err(failed)
        }
    }
}
