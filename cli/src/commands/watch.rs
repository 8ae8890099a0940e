//! `liaison watch`.

use std::ops::ControlFlow;

use clap::Args;
use liaison_node::control::api::WatchEvent;

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::output::{clean, records};

/// Print what happens, as it happens, until ^C
///
/// Records that arrive, answers of peers, peers that come and go.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison watch
  liaison watch --json | while read -r event; do …; done")]
pub struct WatchArgs {}

/// Prints events until the reader or the node goes away.
pub fn run(context: &mut Context, _args: &WatchArgs) -> Outcome {
    let client = context.client()?;
    client.lines("/v1/watch", |line| {
        // A newer node may tell of more than this program knows: that is shown as it came.
        match serde_json::from_str::<WatchEvent>(line) {
            Ok(event) if !context.ui.json => {
                let text = records::event(&context.ui.style, &event);
                context.ui.print(&text)?;
            }
            _ => context.ui.print(&clean(line))?,
        }
        Ok(ControlFlow::Continue(()))
    })?;
    // The stream ends only when the node stops, or who watches may not go on.
    Err(CommandError::Broken {
        why: "it has stopped, or you are no officer of it any more".into(),
    })
}
