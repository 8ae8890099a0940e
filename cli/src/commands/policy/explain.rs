//! `liaison policy explain`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::control::api::{ExplainRequest, Explanation};

use super::super::audience;
use crate::commands::Context;
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::INPUT_BYTES;
use crate::output::explain as render;

/// Take a decision apart: every gate, the statements that decided, and what they saw
///
/// `liaison why` gives the same answer in a sentence; this is for whoever writes the policy.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  liaison policy explain 3F7K-9Q2M qo-ngo\n  liaison policy explain --draft draft.toml qo-ngo\n  liaison policy explain --draft draft.toml --to qo-ngo,qm-pol qo-ngo"
)]
pub struct ExplainArgs {
    /// The record's id, or the beginning of it; with --draft the peer
    #[arg(value_name = "ID")]
    first: String,
    /// The peer's local name
    #[arg(value_name = "PEER", required_unless_present = "draft")]
    second: Option<String>,
    /// A draft that is not sent yet, instead of a record; `-` is standard input
    #[arg(long, value_name = "FILE")]
    draft: Option<PathBuf>,
    /// The draft's recipients, as for `push`
    #[arg(long, value_name = "AGENCY,...", requires = "draft")]
    to: Option<String>,
}

/// Asks the node.
pub fn run(context: &mut Context, args: ExplainArgs) -> Outcome {
    let request = match (args.draft, args.second) {
        (None, Some(peer)) => ExplainRequest {
            peer,
            id: Some(args.first),
            draft: None,
            to: None,
        },
        (Some(file), None) => {
            let text = input::read_text(context.ui, &file, INPUT_BYTES)?;
            let drafts = input::drafts(&file.display().to_string(), &text)?;
            let [draft] = drafts.as_slice() else {
                return Err(CommandError::usage(
                    "the file holds more than one draft",
                    "explain one at a time",
                ));
            };
            ExplainRequest {
                peer: args.first,
                id: None,
                draft: Some(draft.clone()),
                to: audience(args.to),
            }
        }
        _ => {
            return Err(CommandError::usage(
                "either a record or a draft is explained, not both",
                "`liaison policy explain ID PEER`, or `liaison policy explain --draft FILE PEER`",
            ));
        }
    };
    let report: Explanation = context.client()?.post("/v1/policy/explain", &request)?;
    context
        .ui
        .either(&report, |style| render::explanation(style, &report))
}
