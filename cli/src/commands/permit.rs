//! `liaison permit`.

use clap::Args;
use liaison_node::control::api::{PermitReport, PermitRequest};

use super::Context;
use crate::client::segment;
use crate::error::{CommandError, Outcome};
use crate::output::leave;

/// Let those who hold a record of your own pass it on to an agency
///
/// Lifts `onward: ask` and H2 for the agencies that it names, until its last day. Every holder
/// learns whom it names. Holders pass the record on only if their own policy lets them, and
/// what was passed on stays there when the permit ends. An amended record needs a new permit.
/// `liaison retract PERMIT-ID` takes a permit back before its end.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison permit 3F7K-9Q2M --to qo-ngo --until 2027-03-31
  liaison permit 3F7K-9Q2M --to qo-ngo --until 2027-03-31 --dry-run    who is told
  liaison status                                                        who asks you")]
pub struct PermitArgs {
    /// The record's id, or the beginning of it
    id: String,
    /// Who may get it: local names, circles or whole agency ids, with commas
    #[arg(long, value_name = "PEER", value_delimiter = ',', required = true)]
    to: Vec<String>,
    /// The last day on which the permit counts: YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    until: String,
    /// Only say who would be told
    #[arg(long)]
    dry_run: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Gives leave.
pub fn run(context: &mut Context, args: &PermitArgs) -> Outcome {
    let client = context.client()?;
    let path = format!("/v1/records/{}/permit", segment(&args.id));
    let send = |dry_run| -> Result<PermitReport, CommandError> {
        client.post(
            &path,
            &PermitRequest {
                to: args.to.clone(),
                until: args.until.clone(),
                dry_run,
            },
        )
    };
    if context.ui.interactive && !args.yes && !args.dry_run {
        let preview = send(true)?;
        context.ui.note(&leave::permit(&preview))?;
        if !context.ui.confirm("Permit it?", false)? {
            return Err(CommandError::failed(
                "nothing was permitted",
                "type y to permit it",
            ));
        }
    }
    let report = send(args.dry_run)?;
    context.ui.either(&report, |_| leave::permit(&report))
}
