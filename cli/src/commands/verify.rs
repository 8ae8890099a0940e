//! `liaison verify`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::control::api::VerifyReport;

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::INPUT_BYTES;
use crate::output::records;

/// Is this file a record, unchanged, and whose word is it?
///
/// Exits 1 if the signature does not verify under the keys of an agency that this node knows.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison verify record.cose
  liaison show 3F7K --cose | liaison verify -")]
pub struct VerifyArgs {
    /// The signed bytes; `-` is standard input
    file: PathBuf,
}

/// Asks the node.
pub fn run(context: &mut Context, args: &VerifyArgs) -> Outcome {
    let bytes = input::read(context.ui, &args.file, INPUT_BYTES)?;
    let report: VerifyReport = context.client()?.post_bytes("/v1/verify", bytes)?;
    context
        .ui
        .either(&report, |style| records::verified(style, &report))?;
    if report.verified {
        Ok(())
    } else {
        Err(CommandError::Partial)
    }
}
