//! `liaison keys root`.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use crate::commands::Context;
use crate::error::{CommandError, Outcome};
use crate::node::Home;

/// The root key, which signs your card and belongs into a safe.
#[derive(Debug, Subcommand)]
pub enum RootCommand {
    /// Move the root key out of the home, to a file on a medium for the safe
    ///
    /// The node runs without it. `card edit`, `keys rotate`, `keys compromised` and
    /// `keys recover` then need `--root FILE`. The file is written, synced and read again before
    /// the key is deleted here; what lay on this disk may be found there by experts, so do it
    /// before the node is used in earnest. Make a second copy for another safe.
    #[command(
        after_long_help = "Example:\n  sudo -u liaison liaison keys root remove --to /media/safe/root.key"
    )]
    Remove {
        /// The file to write; it must not be there yet
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
}

/// Runs it, in the home folder itself: the node never hands the root key out.
pub fn run(context: &mut Context, command: RootCommand) -> Outcome {
    let RootCommand::Remove { to } = command;
    let home = Home::at(context.place()?.home);
    home.remove_root(&to).map_err(|e| {
        CommandError::failed(
            e.to_string(),
            "run it as the user that owns the home folder, with a file that is not there yet",
        )
    })?;
    context.ui.either(&json!({ "root": to }), |_| {
        format!(
            "The root key is in {} and no longer on this node. Put it into a safe, and a copy into another.\n",
            to.display()
        )
    })
}
