//! `liaison policy revert`.

use clap::Args;
use liaison_node::control::api::{PolicyReport, PreviewRequest};
use serde_json::json;

use super::terms::TermsArgs;
use crate::commands::{Context, preview};
use crate::error::Outcome;
use crate::output::policy as render;
use crate::output::preview::recalled;

/// Go back to the policy before the active one
///
/// Shows and asks first, as `apply` does; `liaison policy preview --revert` only shows. It is
/// proven anew, with the agencies that there are now: an invariant that was accepted as broken
/// has to be named again.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example:\n  liaison policy revert --reason 'applied to the wrong node'"
)]
pub struct RevertArgs {
    /// Why; kept beside the policy
    #[arg(long, value_name = "R")]
    reason: Option<String>,
    /// Ask back what peers hold and may have no more
    #[arg(long)]
    recall: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    terms: TermsArgs,
}

/// Asks the node.
pub fn run(context: &mut Context, args: RevertArgs) -> Outcome {
    let proof = args.terms.read(context)?;
    let client = context.client()?;
    let ask = preview::Ask {
        question: "Go back to it?",
        yes: args.yes,
        recall: args.recall,
    };
    let over = preview::ask(context, &client, &PreviewRequest::Revert, ask)?;
    let request = json!({
        "reason": args.reason,
        "recall": args.recall,
        "over": over,
        "proof": proof,
    });
    let report: PolicyReport = client.post("/v1/policy/revert", &request)?;
    context.ui.either(&report, |style| {
        format!(
            "{}{}",
            render::statements(style, &report),
            recalled(&report.recalled)
        )
    })
}
