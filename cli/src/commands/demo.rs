//! `liaison demo`.

use clap::Args;

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::node;

/// See it work: several nodes on this machine exchange synthetic records under policies
///
/// Starts them in a temporary folder, prints who sent, received and was refused what and by
/// which rule, checks that every node holds exactly what it should, and ends by itself.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison demo")]
pub struct DemoArgs {}

/// Runs it.
pub fn run(context: &mut Context, _args: &DemoArgs) -> Outcome {
    node::demo::run(context.ui.writer()).map_err(|e| {
        CommandError::failed(
            e.to_string(),
            "run it again with RUST_LOG=info to see what the nodes did",
        )
    })
}
