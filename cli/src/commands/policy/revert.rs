//! `liaison policy revert`.

use clap::Args;
use liaison_node::control::api::PolicyReport;
use serde_json::json;

use crate::commands::Context;
use crate::error::Outcome;
use crate::output::policy as render;

/// Go back to the policy before the active one
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example:\n  liaison policy revert --reason 'applied to the wrong node'"
)]
pub struct RevertArgs {
    /// Why; kept beside the policy
    #[arg(long, value_name = "R")]
    reason: Option<String>,
}

/// Asks the node.
pub fn run(context: &mut Context, args: &RevertArgs) -> Outcome {
    let report: PolicyReport = context
        .client()?
        .post("/v1/policy/revert", &json!({ "reason": args.reason }))?;
    context
        .ui
        .either(&report, |style| render::statements(style, &report))
}
