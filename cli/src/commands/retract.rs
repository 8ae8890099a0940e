//! `liaison retract`.

use clap::Args;
use clap::builder::PossibleValuesParser;
use liaison_node::control::api::{RetractReport, RetractRequest};
use liaison_protocol::record::codes::RetractReason;

use super::Context;
use crate::client::segment;
use crate::error::{CommandError, Outcome};
use crate::output::decisions;

/// Take a record of your own back, for everyone and for good
///
/// Whoever has it is told to erase it, and it never comes back. Says who already had it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison retract 3F7K-9Q2M --reason error --dry-run     who has it
  liaison retract 3F7K-9Q2M --reason source-at-risk")]
pub struct RetractArgs {
    /// The record's id, or the beginning of it
    id: String,
    /// Why
    #[arg(long, value_name = "R", value_parser = PossibleValuesParser::new(RetractReason::TEXTS))]
    reason: String,
    /// Only say who has it
    #[arg(long)]
    dry_run: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Retracts a record.
pub fn run(context: &mut Context, args: &RetractArgs) -> Outcome {
    let client = context.client()?;
    let path = format!("/v1/records/{}/retract", segment(&args.id));
    let send = |dry_run| -> Result<RetractReport, CommandError> {
        client.post(
            &path,
            &RetractRequest {
                reason: args.reason.clone(),
                dry_run,
            },
        )
    };
    if context.ui.interactive && !args.yes && !args.dry_run {
        let preview = send(true)?;
        context.ui.note(&decisions::retract(&preview))?;
        if !context.ui.confirm("Retract it for good?", false)? {
            return Err(CommandError::failed(
                "nothing was retracted",
                "type y to retract it",
            ));
        }
    }
    let report = send(args.dry_run)?;
    context.ui.either(&report, |_| decisions::retract(&report))
}
