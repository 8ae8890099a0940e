//! `liaison ask`.

use clap::Args;
use liaison_node::control::api::{AskReport, AskRequest};

use super::Context;
use crate::client::segment;
use crate::error::{CommandError, Outcome};
use crate::output::leave;

/// Ask a record's author for leave to pass it on to a peer
///
/// For records that say `onward: ask`, and others that may not be passed on without their
/// author's permit. The request goes to the author, or by way of the peer that brought the
/// record. When the permit comes, the record follows by itself, if your policy lets it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison ask 3F7K-9Q2M qo-ngo --why \"they shelter people who come this way\"
  liaison ask 3F7K-9Q2M qo-ngo,qo-police --dry-run      who would be asked
  liaison show 3F7K-9Q2M                                what became of it")]
pub struct AskArgs {
    /// The record's id, or the beginning of it
    id: String,
    /// Who would get it: local names, circles or whole agency ids, with commas
    #[arg(value_name = "PEER", value_delimiter = ',', required = true)]
    to: Vec<String>,
    /// What for, in a sentence that its author reads
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Only say who would be asked
    #[arg(long)]
    dry_run: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Asks for leave.
pub fn run(context: &mut Context, args: &AskArgs) -> Outcome {
    let client = context.client()?;
    let path = format!("/v1/records/{}/ask", segment(&args.id));
    let send = |dry_run| -> Result<AskReport, CommandError> {
        client.post(
            &path,
            &AskRequest {
                to: args.to.clone(),
                why: args.why.clone(),
                dry_run,
            },
        )
    };
    if context.ui.interactive && !args.yes && !args.dry_run {
        let preview = send(true)?;
        context.ui.note(&leave::ask(&preview))?;
        if !context.ui.confirm("Ask?", true)? {
            return Err(CommandError::failed("nobody was asked", "type y to ask"));
        }
    }
    let report = send(args.dry_run)?;
    context.ui.either(&report, |_| leave::ask(&report))
}
