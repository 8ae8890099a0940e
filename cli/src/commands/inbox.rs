//! `liaison inbox`.

use clap::Args;
use liaison_node::control::api::InboxReport;

use super::Context;
use crate::error::Outcome;
use crate::output::referral;

/// The referrals that are live: what is not delivered, overdue, due and new
///
/// Nothing of the person stands here but how urgent it is.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison inbox
  liaison inbox --mine          assigned to you
  liaison inbox --waiting       where something is for your agency to do")]
pub struct InboxArgs {
    /// Only what is assigned to you
    #[arg(long)]
    mine: bool,
    /// Only where your agency has to do something now
    #[arg(long)]
    waiting: bool,
}

/// Asks the node.
pub fn run(context: &mut Context, args: &InboxArgs) -> Outcome {
    let mut report: InboxReport = context.client()?.get("/v1/inbox")?;
    report
        .rows
        .retain(|row| (row.mine || !args.mine) && (row.ours || !args.waiting));
    let is_whole = !args.mine && !args.waiting;
    context
        .ui
        .either(&report, |style| referral::inbox(style, &report, is_whole))
}
