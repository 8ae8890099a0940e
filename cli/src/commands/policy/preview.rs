//! `liaison policy preview`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::control::api::PreviewRequest;

use super::files;
use crate::commands::{Context, preview};
use crate::error::Outcome;
use crate::output::preview as render;

/// Say what policy files would change for the records that are here, without applying them
///
/// Per peer: how many records it would newly get, how many it would get no more, and how many
/// of these it holds already. Those stay with it, unless you apply with --recall. What peers
/// may send you (accept) is not part of it.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  liaison policy preview\n  liaison policy preview policy/\n  liaison policy preview --revert           the policy before the active one\n  liaison policy preview new/ --json | jq '.peers[] | {peer, flows: .flows.records}'"
)]
pub struct PreviewArgs {
    /// Folder or file; `-` is standard input [default: policy/ in the home folder]
    source: Option<PathBuf>,
    /// What `policy revert` would change
    #[arg(long, conflicts_with = "source")]
    revert: bool,
}

/// Asks the node.
pub fn run(context: &mut Context, args: PreviewArgs) -> Outcome {
    let request = match args.revert {
        true => PreviewRequest::Revert,
        false => PreviewRequest::Apply {
            files: files(context, args.source)?,
        },
    };
    let client = context.client()?;
    let preview = preview::preview(context, &client, &request)?;
    context.ui.either(&preview, |style| {
        format!(
            "{}Nothing was applied.\n",
            render::preview(style, &preview, false)
        )
    })
}
