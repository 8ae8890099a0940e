//! `liaison refer assign`.

use clap::Args;
use liaison_node::control::api::{AssignReport, AssignRequest};

use super::path;
use crate::commands::Context;
use crate::error::Outcome;
use crate::output::{clean, list};

/// Say which officers read a referral
///
/// Others need a reason to look at it, and the data-protection officer is told.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison refer assign 3F7K-9Q2M mira
  liaison refer assign 3F7K-9Q2M mira --remove")]
pub struct AssignArgs {
    /// The referral's id, or the beginning of it
    id: String,
    /// The officer's user name on this machine
    user: String,
    /// Take it away from them
    #[arg(long)]
    remove: bool,
}

/// Assigns it.
pub fn run(context: &mut Context, args: &AssignArgs) -> Outcome {
    let request = AssignRequest {
        user: args.user.clone(),
        remove: args.remove,
    };
    let path = path(&args.id, "/assign", None);
    let report: AssignReport = context.client()?.post(&path, &request)?;
    context.ui.either(&report, |_| {
        format!(
            "{} is assigned to {}.\n",
            clean(&report.id),
            list(&report.assigned)
        )
    })
}
