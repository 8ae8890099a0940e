//! What a change would do, shown and asked about before it applies: for `policy` and `peer`.

use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use liaison_node::control::api::{Preview, PreviewLine, PreviewRequest};

use super::Context;
use crate::client::Client;
use crate::error::CommandError;
use crate::output::preview as render;

/// Asks the node; a bar shows how far it is.
///
/// # Errors
/// The node can't be reached, or refuses the change as it would when it is applied.
pub fn preview(
    context: &Context,
    client: &Client,
    request: &PreviewRequest,
) -> Result<Preview, CommandError> {
    const PATH: &str = "/v1/preview";
    let bar = bar(context);
    let mut preview = Preview::default();
    let mut ended = false;
    let done = client.post_lines(PATH, request, |line| {
        let line: PreviewLine = serde_json::from_str(line).map_err(|e| CommandError::Answer {
            path: PATH.to_owned(),
            why: e.to_string(),
        })?;
        match line {
            PreviewLine::Looked { records, of } => {
                bar.set_length(of);
                bar.set_position(records);
            }
            PreviewLine::Peer(peer) => preview.peers.push(peer),
            PreviewLine::Done(end) => {
                preview.end = end;
                ended = true;
            }
            PreviewLine::Failed(error) => return Err(error.into()),
        }
        Ok(ControlFlow::Continue(()))
    });
    bar.finish_and_clear();
    done?;
    if !ended {
        return Err(CommandError::Broken {
            why: "the preview did not end".into(),
        });
    }
    Ok(preview)
}

/// How a change is decided on.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What is asked.
    pub question: &'a str,
    /// Don't ask.
    pub yes: bool,
    /// Ask back what peers may have no more: shown first, whoever asks.
    pub recall: bool,
}

/// Shows what a change would do and asks. Gives what was looked at, so that the node can
/// refuse the change if something else is in force by then; none where nobody looked.
///
/// # Errors
/// As [`preview`]; a no; `--recall` where nobody can be asked, without `--yes`.
pub fn ask(
    context: &mut Context,
    client: &Client,
    request: &PreviewRequest,
    ask: Ask<'_>,
) -> Result<Option<String>, CommandError> {
    let asks = context.ui.interactive && !ask.yes;
    if !asks && !ask.recall {
        return Ok(None);
    }
    if !asks && !ask.yes {
        return Err(CommandError::usage(
            "records that peers hold would be asked back, and nobody can be asked here",
            "look at the preview first (`liaison policy preview`), then add --yes",
        ));
    }
    let preview = preview(context, client, request)?;
    shown(context, preview, ask)
}

/// As [`ask`], and does not ask where nothing would change.
///
/// # Errors
/// As [`ask`].
pub fn ask_if_any(
    context: &mut Context,
    client: &Client,
    request: &PreviewRequest,
    ask: Ask<'_>,
) -> Result<(), CommandError> {
    if context.ui.interactive && !ask.yes {
        let preview = preview(context, client, request)?;
        if !preview.peers.is_empty() {
            shown(context, preview, ask)?;
        }
    }
    Ok(())
}

fn shown(
    context: &mut Context,
    preview: Preview,
    ask: Ask<'_>,
) -> Result<Option<String>, CommandError> {
    let asks = context.ui.interactive && !ask.yes;
    let text = render::preview(&context.ui.err_style, &preview, ask.recall);
    context.ui.note(&text)?;
    if asks && !context.ui.confirm(ask.question, false)? {
        return Err(CommandError::failed(
            "nothing was changed",
            "type y to have it changed",
        ));
    }
    Ok(Some(preview.end.over))
}

fn bar(context: &Context) -> ProgressBar {
    if !context.ui.err_terminal || context.ui.json {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} records") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
