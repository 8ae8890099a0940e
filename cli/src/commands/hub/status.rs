//! `liaison hub status`.

use clap::Args;
use liaison_node::control::api::HubReport;

use crate::commands::Context;
use crate::error::Outcome;
use crate::output::hub;

/// What waits at this hub for whom, and what was refused
///
/// A hub knows of a parcel its depositor, addressee, size and times, and of a circuit who has
/// it with whom; nothing of what is in them.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison hub status")]
pub struct StatusArgs {}

/// Asks the node.
pub fn run(context: &mut Context, _args: &StatusArgs) -> Outcome {
    let report: HubReport = context.client()?.get("/v1/hub")?;
    context
        .ui
        .either(&report, |style| hub::status(style, &report))
}
