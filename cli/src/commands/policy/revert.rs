//! `liaison policy revert`.

use clap::Args;
use liaison_node::control::api::{PolicyReport, PreviewRequest, RevertRequest};

use crate::commands::{Context, preview};
use crate::error::Outcome;
use crate::output::parcels;
use crate::output::policy as render;
use crate::output::preview::recalled;

/// Go back to the policy before the active one
///
/// Shows and asks first, and is proven or refused, as `apply` does; what was accepted as broken
/// then waits for a second person again. What it breaks only now, because agencies or invariants
/// have changed since, has to be accepted by name. `liaison policy preview --revert` only shows.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison policy revert --reason 'applied to the wrong node'
  liaison policy revert --accept-broken red-to-named --reason 'joint team QM/QN, until May'")]
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
    /// Invariant that the policy may break now; may be given several times; needs --reason
    #[arg(long, value_name = "NAME")]
    accept_broken: Vec<String>,
}

/// Asks the node.
pub fn run(context: &mut Context, args: RevertArgs) -> Outcome {
    let client = context.client()?;
    let ask = preview::Ask {
        question: "Go back to it?",
        yes: args.yes,
        recall: args.recall,
    };
    let over = preview::ask(context, &client, &PreviewRequest::Revert, ask)?;
    let request = RevertRequest {
        reason: args.reason,
        recall: args.recall,
        over,
        accept_broken: args.accept_broken,
    };
    let report: PolicyReport = client.post("/v1/policy/revert", &request)?;
    context.ui.either(&report, |style| {
        format!(
            "{}{}{}",
            render::statements(style, &report),
            recalled(&report.recalled),
            parcels::left(&report.parcels)
        )
    })
}
