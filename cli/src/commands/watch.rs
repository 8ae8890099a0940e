//! `liaison watch`.

use std::ops::ControlFlow;

use clap::Args;
use liaison_node::control::api::WatchEvent;

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::output::records;

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
        let event: WatchEvent = serde_json::from_str(line).map_err(|e| CommandError::Answer {
            path: "/v1/watch".into(),
            why: e.to_string(),
        })?;
        context
            .ui
            .either(&event, |style| records::event(style, &event))?;
        Ok(ControlFlow::Continue(()))
    })?;
    // The stream ends only when the node stops.
    Err(CommandError::Broken {
        why: "it has stopped".into(),
    })
}
