//! `liaison policy show`.

use clap::Args;
use liaison_node::control::api::{PolicyPlain, PolicyReport};

use crate::commands::Context;
use crate::error::Outcome;
use crate::output::policy as render;

/// Show the active policy and its history
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  liaison policy show\n  liaison policy show --plain      who may have what, in words"
)]
pub struct ShowArgs {
    /// A table of peers and kinds, in words
    #[arg(long)]
    plain: bool,
}

/// Asks the node.
pub fn run(context: &mut Context, args: &ShowArgs) -> Outcome {
    if args.plain {
        let view: PolicyPlain = context.client()?.get("/v1/policy/plain")?;
        return context
            .ui
            .either(&view, |style| render::plain(style, &view));
    }
    let report: PolicyReport = context.client()?.get("/v1/policy")?;
    context
        .ui
        .either(&report, |style| render::show(style, &report))
}
