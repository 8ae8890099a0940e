//! `liaison show`.

use clap::Args;
use liaison_node::control::api::RecordView;

use super::Context;
use crate::client::segment;
use crate::error::{CommandError, Outcome};
use crate::output::records;

/// Show a record in full: what it says, whose word it is, who has it
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison show 3F7K-9Q2M
  liaison show 3F7K --json
  liaison show 3F7K-9Q2M --cose > record.cose    the exact signed bytes (COSE_Sign1, RFC 9052)

Any beginning of an id that is unique will do, from four characters on.")]
pub struct ShowArgs {
    /// The record's id, or the beginning of it
    id: String,
    /// Write the exact signed bytes to standard output
    #[arg(long, conflicts_with = "json")]
    cose: bool,
}

/// Shows a record.
pub fn run(context: &mut Context, args: &ShowArgs) -> Outcome {
    let path = format!("/v1/records/{}", segment(&args.id));
    if !args.cose {
        let view: RecordView = context.client()?.get(&path)?;
        return context
            .ui
            .either(&view, |style| records::view(style, &view));
    }
    if context.ui.out_terminal {
        return Err(CommandError::usage(
            "the signed bytes are not text",
            format!(
                "write them to a file: `liaison show {} --cose > record.cose`",
                args.id
            ),
        ));
    }
    let bytes = context.client()?.get_bytes(&format!("{path}/cose"))?;
    context.ui.bytes(&bytes)
}
