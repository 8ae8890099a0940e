//! `liaison keys sealing` and `liaison keys erase`.

use clap::Args;
use liaison_node::control::api::{SealingErased, SealingReport};
use serde_json::json;

use crate::commands::Context;
use crate::error::{CommandError, Outcome};
use crate::output::keyring;

/// Show the keys to which peers seal records for you
///
/// A new one is made every 20 days, stands in your keys statement for 30 and is deleted 15
/// days later. What somebody recorded on the wire can't be opened from a copy of this machine
/// that is made after that.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison keys sealing")]
pub struct SealingArgs {}

/// Delete all sealing keys at once, before their time
///
/// What peers have sealed to them and is still on its way does not open here; their nodes send
/// it again under the new key. Records that are here stay readable. For the day on which an
/// erasure has to hold against whoever recorded the wire, without waiting 45 days.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison keys erase              what it would do
  liaison keys erase --now")]
pub struct EraseArgs {
    /// Do it
    #[arg(long)]
    now: bool,
    /// Don't ask
    #[arg(long, requires = "now")]
    yes: bool,
}

/// Asks the node.
pub fn show(context: &mut Context, _args: &SealingArgs) -> Outcome {
    let report: SealingReport = context.client()?.get("/v1/sealing")?;
    context
        .ui
        .either(&report, |style| keyring::sealing(style, &report))
}

/// Says what it does, asks, and does it.
pub fn erase(context: &mut Context, args: &EraseArgs) -> Outcome {
    let client = context.client()?;
    let report: SealingReport = client.get("/v1/sealing")?;
    if !args.now {
        return context.ui.either(&report, |_| {
            keyring::effect(&report) + "`liaison keys erase --now` does it.\n"
        });
    }
    if !args.yes {
        if !context.ui.interactive {
            return Err(CommandError::usage(
                "there is no terminal to ask whether all sealing keys are to be deleted",
                "look at what it does with `liaison keys erase`, then add --yes",
            ));
        }
        context.ui.note(&keyring::effect(&report))?;
        if !context.ui.confirm("Delete them now?", false)? {
            return Err(CommandError::failed(
                "nothing was deleted",
                "type y to do it",
            ));
        }
    }
    let erased: SealingErased = client.post("/v1/sealing/erase", &json!({}))?;
    context
        .ui
        .either(&erased, |style| keyring::erased(style, &erased))
}
