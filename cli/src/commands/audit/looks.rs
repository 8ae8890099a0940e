//! `liaison audit looks`.

use clap::Args;
use liaison_node::control::api::{LookAlert, LooksSeenRequest};

use crate::commands::Context;
use crate::error::Outcome;
use crate::output::keyring;

/// Show who read a referral without being assigned to it, or more of them than work needs
///
/// They stay here, and on the data-protection officer's home screen, until she has looked.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison audit looks
  liaison audit looks --seen 12        all up to number 12 were looked at

Needs the role data-protection-officer; an administrator may read the list.")]
pub struct LooksArgs {
    /// You have looked at all up to this number
    #[arg(long, value_name = "NUMBER")]
    seen: Option<u64>,
}

/// Asks the node.
pub fn run(context: &mut Context, args: &LooksArgs) -> Outcome {
    let client = context.client()?;
    let alerts: Vec<LookAlert> = match args.seen {
        Some(number) => client.post("/v1/looks/seen", &LooksSeenRequest { number })?,
        None => client.get("/v1/looks")?,
    };
    context
        .ui
        .either(&alerts, |style| keyring::looks(style, &alerts))
}
