//! `liaison policy diff`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::control::api::PolicyReport;
use liaison_node::policy::PolicySet;
use liaison_node::policy::prove::{Solver, diff};

use super::files;
use super::prove::{api, read};
use crate::commands::Context;
use crate::error::{CommandError, Outcome};
use crate::output::proof as render;

/// Say what one policy lets through that another does not, for any peer and record
///
/// Both directions are told, each with a case. The sets are compared for any circles; members
/// that circles gain or lose are listed. Needs the solver cvc5.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison policy diff active policy/      what applying policy/ would change
  liaison policy diff old-policy new-policy

Exit codes: 0 the new one lets nothing more through, 1 it does or it is not known, 5 the solver is
missing.")]
pub struct DiffArgs {
    /// Folder or file; `active` is the policy in force
    old: PathBuf,
    /// Folder or file; `active` is the policy in force
    new: PathBuf,
    /// The solver, a program that is called like cvc5
    #[arg(long, value_name = "PROGRAM")]
    solver: Option<PathBuf>,
}

/// Compares here; only what is active is asked of the node.
pub fn run(context: &mut Context, args: DiffArgs) -> Outcome {
    let old = set(context, args.old)?;
    let new = set(context, args.new)?;
    let solver = args
        .solver
        .as_deref()
        .map_or_else(Solver::default, Solver::at);
    let difference = diff(&old, &new, &solver).map_err(api)?;
    context
        .ui
        .either(&difference, |style| render::difference(style, &difference))?;
    if difference.wider.is_empty() {
        Ok(())
    } else {
        Err(CommandError::Partial)
    }
}

fn set(context: &mut Context, source: PathBuf) -> Result<PolicySet, CommandError> {
    if source.as_os_str() == "active" {
        let report: PolicyReport = context.client()?.get("/v1/policy")?;
        return read(report.files);
    }
    let files = files(context, Some(source))?;
    read(files)
}
