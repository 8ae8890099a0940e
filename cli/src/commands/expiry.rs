//! `liaison expiry`.

use clap::Args;
use liaison_node::control::api::ExpiryReport;
use liaison_protocol::record::date::Date;

use super::Context;
use crate::error::Outcome;
use crate::output::expiry;

/// What will be erased because it ends, and what is due for review
///
/// Nothing has to be done for it: each record is erased at every node when the day that its
/// author set is over. An amendment with a later day keeps it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison expiry                          within 30 days
  liaison expiry --until 2031-12-31")]
pub struct ExpiryArgs {
    /// The last day to look at [default: 30 days from now]
    #[arg(long, value_name = "DATE")]
    until: Option<Date>,
}

/// Asks the node.
pub fn run(context: &mut Context, args: &ExpiryArgs) -> Outcome {
    let path = match args.until {
        Some(day) => format!("/v1/expiry?until={day}"),
        None => "/v1/expiry".to_owned(),
    };
    let report: ExpiryReport = context.client()?.get(&path)?;
    context
        .ui
        .either(&report, |style| expiry::expiry(style, &report))
}
