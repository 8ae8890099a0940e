//! `liaison amend`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::control::api::AmendRequest;

use super::{Context, audience, push};
use crate::client::segment;
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::INPUT_BYTES;

/// Replace a record of your own by a corrected one
///
/// The new record supersedes the old one wherever that is held; says who already had it.
/// Only the author can amend. To take something back altogether, use `liaison retract`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison amend 3F7K-9Q2M corrected.toml --dry-run
  liaison amend 3F7K-9Q2M corrected.toml

For a narrower audience retract the record and push a new one: an amendment reaches
whoever has the old record.")]
pub struct AmendArgs {
    /// The record's id, or the beginning of it
    id: String,
    /// The new text; `-` is standard input
    file: PathBuf,
    /// Only these agencies and circles [default: as for the old record]
    #[arg(long, value_name = "AGENCY,...")]
    to: Option<String>,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Amends a record.
pub fn run(context: &mut Context, args: AmendArgs) -> Outcome {
    let text = input::read_text(context.ui, &args.file, INPUT_BYTES)?;
    let mut drafts = input::drafts(&args.file.display().to_string(), &text)?;
    let (Some(draft), true) = (drafts.pop(), drafts.is_empty()) else {
        return Err(CommandError::usage(
            "an amendment is one record",
            "give a file with one TOML table or one JSON object",
        ));
    };
    let client = context.client()?;
    let path = format!("/v1/records/{}/amend", segment(&args.id));
    let to = audience(args.to);
    push::one(
        context,
        args.dry_run,
        args.yes,
        "Sign and send the amendment?",
        |dry_run| {
            client.post(
                &path,
                &AmendRequest {
                    draft: draft.clone(),
                    to: to.clone(),
                    dry_run,
                },
            )
        },
    )
}
