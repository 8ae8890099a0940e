//! `liaison policy apply`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::control::api::{PolicyReport, PolicyRequest};

use super::files;
use crate::commands::Context;
use crate::error::Outcome;
use crate::output::policy as render;

/// Make policy files the active policy, at once
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example:\n  liaison policy apply policy/ --reason 'Agreement with QM of 2 March'\n\n`liaison policy revert` takes it back."
)]
pub struct ApplyArgs {
    /// Folder or file; `-` is standard input [default: policy/ in the home folder]
    source: Option<PathBuf>,
    /// Why; kept beside the policy
    #[arg(long, value_name = "R")]
    reason: Option<String>,
}

/// Asks the node.
pub fn run(context: &mut Context, args: ApplyArgs) -> Outcome {
    let request = PolicyRequest {
        files: files(context, args.source)?,
        reason: args.reason,
    };
    let report: PolicyReport = context.client()?.post("/v1/policy/apply", &request)?;
    context
        .ui
        .either(&report, |style| render::statements(style, &report))
}
