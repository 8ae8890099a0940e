//! `liaison keys recover`.

use std::path::PathBuf;

use clap::Args;
use liaison_protocol::record::codes::RevokedState;

use super::root_text;
use crate::commands::{Context, card};
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::INPUT_BYTES;
use crate::node::{Clock, Home, SystemClock};
use crate::output::home;

/// Make the node of your agency anew after it was lost, with the root key from its safe
///
/// The agency stays the same: same id, same 30 digits. Signing and node key are new; what the
/// lost ones signed stands. The root key is read and not kept. Every peer then adds your new
/// card, you add theirs, and they give back what they hold of yours.
#[derive(Debug, Args)]
#[command(after_long_help = "\
A copy of your card: the one that you handed out, or a peer's: `liaison peer card YOU FILE`
there. It need not be the newest: a key that only a newer one lists comes back with that from a
peer. `liaison keys show` then says so of it, and `keys compromised KEY --root FILE` ends it.

Example:
  liaison keys recover --root /media/safe/root.key --card our-old-card.txt
  liaison run
  liaison card export our-new-card.txt        and hand it to every peer
  liaison peer add theirs.card                each of them, with the 30 digits

Was the disk stolen rather than broken? --stolen: then affirm what is yours.")]
pub struct RecoverArgs {
    /// The root key's file
    #[arg(long, value_name = "FILE")]
    root: PathBuf,
    /// A copy of your card
    #[arg(long, value_name = "FILE")]
    card: PathBuf,
    /// Address under which peers reach the new node [default: those of the card]; may be given
    /// several times
    #[arg(long = "address", value_name = "HOST[:PORT]")]
    addresses: Vec<String>,
    /// The lost keys may be in others' hands: nothing more is taken under them but what you
    /// affirm
    #[arg(long)]
    stolen: bool,
}

/// Makes the home.
pub fn run(context: &mut Context, args: &RecoverArgs) -> Outcome {
    let home = Home::at(context.place()?.home);
    let root = root_text(context, Some(&args.root))?.unwrap_or_default();
    let text = input::read_text(context.ui, &args.card, INPUT_BYTES)?;
    let old = card::parse(&args.card.display().to_string(), &text)?;
    let state = if args.stolen {
        RevokedState::Compromised
    } else {
        RevokedState::Rotated
    };
    let addresses = (!args.addresses.is_empty()).then(|| args.addresses.clone());
    let report = home
        .recover(&root, &old, addresses, state, SystemClock.now())
        .map_err(|e| {
            CommandError::failed(
                e.to_string(),
                "correct that and type `liaison keys recover` again",
            )
        })?;
    let next = "Next:\n  put the root key back into its safe\n  liaison officers               officers.toml and config.toml are new: put yours back\n  liaison policy apply           your policy files, from your copy of them\n  liaison run                    start the node\n  liaison card export FILE       your new card; every peer adds it (the digits are the old ones)\n  liaison peer add FILE          the card of each peer\n";
    home::ready(context.ui, &report, next)
}
