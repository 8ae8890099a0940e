//! `liaison audit disclosures`.

use clap::Args;
use liaison_node::control::api::{DisclosureRow, DisclosuresRequest};

use crate::commands::Context;
use crate::error::Outcome;
use crate::output::audit as render;

/// Account for disclosures: who was given what, when, under which rule
///
/// Out of the log, joined with what the peer answered by the ledger.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison audit disclosures --record 3F7K-9Q2M
  liaison audit disclosures --peer qm-pol --since 2031-01-01
  liaison audit disclosures --since 2031-03-01 --json")]
#[group(required = true, multiple = true)]
pub struct DisclosuresArgs {
    /// Of this record
    #[arg(long, value_name = "ID")]
    record: Option<String>,
    /// To this peer
    #[arg(long, value_name = "PEER")]
    peer: Option<String>,
    /// Not before this day or time (UTC)
    #[arg(long, value_name = "T")]
    since: Option<String>,
    /// Before this day or time (UTC)
    #[arg(long, value_name = "T")]
    until: Option<String>,
}

pub(super) fn run(context: &mut Context, args: DisclosuresArgs) -> Outcome {
    let request = DisclosuresRequest {
        record: args.record,
        peer: args.peer,
        since: args.since,
        until: args.until,
    };
    let rows: Vec<DisclosureRow> = context.client()?.post("/v1/audit/disclosures", &request)?;
    if context.ui.json {
        for row in &rows {
            context.ui.object(row)?;
        }
        return Ok(());
    }
    let text = render::disclosures(&context.ui.style, &rows);
    context.ui.print(&text)
}
