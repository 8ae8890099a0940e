//! `liaison policy`: one file a command.

mod apply;
mod check;
mod diff;
mod explain;
mod files;
mod preview;
mod prove;
mod prover_key;
mod revert;
mod show;

use clap::Subcommand;

use super::Context;
use crate::error::Outcome;
use files::files;

/// What your agency lets its peers have, and takes from them.
///
/// A policy is a folder of Cedar files (`*.cedar`), an optional `entities.json` for circles, an
/// optional `ceilings.toml` for what never goes to whom, whatever an officer chooses, and your
/// own `invariants/*.cedar`, which the policy is proven to keep.
/// Without one, nothing is shared.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    Check(check::CheckArgs),
    Preview(preview::PreviewArgs),
    Explain(explain::ExplainArgs),
    Prove(prove::ProveArgs),
    Diff(diff::DiffArgs),
    Apply(apply::ApplyArgs),
    Revert(revert::RevertArgs),
    Show(show::ShowArgs),
    ProverKey(prover_key::ProverKeyArgs),
}

/// Runs one of them.
pub fn run(context: &mut Context, command: PolicyCommand) -> Outcome {
    match command {
        PolicyCommand::Check(args) => check::run(context, args),
        PolicyCommand::Preview(args) => preview::run(context, args),
        PolicyCommand::Explain(args) => explain::run(context, args),
        PolicyCommand::Prove(args) => prove::run(context, args),
        PolicyCommand::Diff(args) => diff::run(context, args),
        PolicyCommand::Apply(args) => apply::run(context, args),
        PolicyCommand::Revert(args) => revert::run(context, args),
        PolicyCommand::Show(args) => show::run(context, &args),
        PolicyCommand::ProverKey(args) => prover_key::run(context, &args),
    }
}
