//! `liaison reject`.

use clap::Args;
use liaison_node::control::api::ApprovalView;
use serde_json::json;

use super::Context;
use crate::client::segment;
use crate::error::Outcome;

/// Drop what an officer asked for and what waits for a second person
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison reject 3f7a09b2")]
pub struct RejectArgs {
    /// The number; `liaison approve` alone lists them
    number: String,
}

/// Asks the node.
pub fn run(context: &mut Context, args: &RejectArgs) -> Outcome {
    let path = format!("/v1/approvals/{}/reject", segment(&args.number));
    let dropped: ApprovalView = context.client()?.post(&path, &json!({}))?;
    context
        .ui
        .either(&dropped, |_| format!("Not done: {}\n", dropped.says))
}
