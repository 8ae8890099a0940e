//! `liaison keys show`.

use clap::Args;
use liaison_node::control::api::KeysView;

use crate::client::segment;
use crate::commands::Context;
use crate::error::Outcome;
use crate::output::keys;

/// Show signing keys and how they stand
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison keys show               your own, and whether the root key is on this machine
  liaison keys show qm-pol        a peer's, from all its cards")]
pub struct ShowArgs {
    /// A peer's local name [default: your own agency]
    name: Option<String>,
}

/// Asks the node.
pub fn run(context: &mut Context, args: &ShowArgs) -> Outcome {
    let path = match &args.name {
        Some(name) => format!("/v1/keys/{}", segment(name)),
        None => "/v1/keys".to_owned(),
    };
    let view: KeysView = context.client()?.get(&path)?;
    context.ui.either(&view, |style| keys::view(style, &view))
}
