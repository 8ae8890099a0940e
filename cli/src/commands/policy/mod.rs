//! `liaison policy`: one file a command.

mod apply;
mod check;
mod explain;
mod files;
mod preview;
mod revert;
mod show;

use clap::Subcommand;

use super::Context;
use crate::error::Outcome;
use files::files;

/// What your agency lets its peers have, and takes from them.
///
/// A policy is a folder of Cedar files (`*.cedar`), an optional `entities.json` for circles and
/// an optional `ceilings.toml` for what never goes to whom, whatever an officer chooses.
/// Without one, nothing is shared.
#[derive(Debug, Subcommand)]
#[allow(missing_docs)]
pub enum PolicyCommand {
    Check(check::CheckArgs),
    Preview(preview::PreviewArgs),
    Explain(explain::ExplainArgs),
    Apply(apply::ApplyArgs),
    Revert(revert::RevertArgs),
    Show(show::ShowArgs),
}

/// Runs one of them.
pub fn run(context: &mut Context, command: PolicyCommand) -> Outcome {
    match command {
        PolicyCommand::Check(args) => check::run(context, args),
        PolicyCommand::Preview(args) => preview::run(context, args),
        PolicyCommand::Explain(args) => explain::run(context, args),
        PolicyCommand::Apply(args) => apply::run(context, args),
        PolicyCommand::Revert(args) => revert::run(context, &args),
        PolicyCommand::Show(args) => show::run(context, &args),
    }
}
