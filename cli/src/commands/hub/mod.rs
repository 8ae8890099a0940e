//! `liaison hub`.

mod status;

use clap::Subcommand;

use super::Context;
use crate::error::Outcome;

/// What a hub carries for others
///
/// A hub relays circuits between agencies that cannot reach each other, and keeps parcels for
/// those that are offline. It can read neither. Any node is one that has `[hub]` in its
/// config.toml; for whom it keeps whose parcels, its policy says (`carry`).
#[derive(Debug, Subcommand)]
#[command(after_long_help = "\
Examples:
  liaison hub status                 what waits for whom, and what was refused
  liaison hub status --json | jq '.waiting[].parcels'")]
pub enum HubCommand {
    Status(status::StatusArgs),
}

/// Runs one of them.
pub fn run(context: &mut Context, command: &HubCommand) -> Outcome {
    match command {
        HubCommand::Status(args) => status::run(context, args),
    }
}
