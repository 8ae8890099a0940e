//! `liaison keys revoke-all`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::control::api::{KeysView, RevokeAllRequest};

use crate::commands::Context;
use crate::error::Outcome;
use crate::input;
use crate::limits::INPUT_BYTES;

/// Publish the card that revokes all your keys, for good
///
/// For the day on which the root key was stolen. Nothing of this agency is taken any more,
/// anywhere, and no card lifts that: it needs a new identity, and its peers confirm it anew.
/// `init` wrote the card to `keys/revoke-all.liaison`, to be kept apart; the root key is not
/// needed for it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Example:
  liaison keys revoke-all /media/apart/revoke-all.liaison

No node left? Hand the file to your peers: `liaison peer add revoke-all.liaison` there does the
same.")]
pub struct RevokeAllArgs {
    /// The revoke-all card
    file: PathBuf,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Publishes it.
pub fn run(context: &mut Context, args: &RevokeAllArgs) -> Outcome {
    let card = input::read_text(context.ui, &args.file, INPUT_BYTES)?;
    let question = "Revoke ALL keys of your agency? Nothing undoes it.";
    context.ui.sure(question, args.yes, "nothing was revoked")?;
    let request = RevokeAllRequest { card };
    let view: KeysView = context.client()?.post("/v1/keys/revoke-all", &request)?;
    context.ui.either(&view, |_| {
        "All keys are revoked; your peers hear of it as soon as they are connected, and take nothing more.\nNext: `liaison init` in another folder makes a new identity; telephone your peers.\n".into()
    })
}
