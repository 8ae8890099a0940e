//! `liaison why`.

use clap::Args;
use liaison_node::control::api::Why;

use super::Context;
use crate::client::segment;
use crate::error::Outcome;
use crate::output::decisions;

/// Why a peer gets a record, or does not: the deciding gate and rule, in its author's words
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison why 3F7K-9Q2M qo-ngo")]
pub struct WhyArgs {
    /// The record's id, or the beginning of it
    id: String,
    /// The peer's local name
    peer: String,
}

/// Asks the node.
pub fn run(context: &mut Context, args: &WhyArgs) -> Outcome {
    let path = format!(
        "/v1/records/{}/why/{}",
        segment(&args.id),
        segment(&args.peer)
    );
    let why: Why = context.client()?.get(&path)?;
    context.ui.either(&why, |style| decisions::why(style, &why))
}
