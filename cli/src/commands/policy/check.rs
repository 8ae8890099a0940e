//! `liaison policy check`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::control::api::{PolicyReport, PolicyRequest};

use super::files;
use crate::commands::Context;
use crate::error::Outcome;
use crate::output::policy as render;

/// Check policy files without changing anything
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  liaison policy check\n  liaison policy check policy/\n  liaison policy check share.cedar"
)]
pub struct CheckArgs {
    /// Folder or file; `-` is standard input [default: policy/ in the home folder]
    source: Option<PathBuf>,
}

/// Asks the node.
pub fn run(context: &mut Context, args: CheckArgs) -> Outcome {
    let request = PolicyRequest {
        files: files(context, args.source)?,
        ..PolicyRequest::default()
    };
    let report: PolicyReport = context.client()?.post("/v1/policy/check", &request)?;
    context.ui.either(&report, |style| {
        format!("{}No faults.\n", render::statements(style, &report))
    })
}
