//! `liaison push`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::control::api::{PushReport, PushRequest};
use serde_json::{Value, json};

use super::{Context, audience};
use crate::client::Client;
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::INPUT_BYTES;
use crate::output::{Tone, decisions, errors, plural};

/// Sign a record and offer it to the peers that both gates allow
///
/// Shows who gets it and why not the others, asks on a terminal, and prints the id. Takes
/// JSON or TOML as `liaison record template` prints it, or several JSON objects, one a line.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison push draft.toml --dry-run           who would get it, and why not the others
  liaison push draft.toml                     asks, then prints the id
  liaison push draft.toml --to qm-pol,balkan  narrows what policy allows
  liaison push draft.toml --to ''             store it, send it to nobody
  id=$(liaison push - < draft.json)           not on a terminal it does not ask

Where standard output is not a terminal it holds the id alone; the rest goes to standard error.")]
pub struct PushArgs {
    /// The draft; `-` is standard input
    file: PathBuf,
    /// Only these agencies and circles, separated by commas; '' is nobody
    #[arg(long, value_name = "AGENCY,...")]
    to: Option<String>,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Pushes the drafts of a file.
pub fn run(context: &mut Context, args: PushArgs) -> Outcome {
    let text = input::read_text(context.ui, &args.file, INPUT_BYTES)?;
    let drafts = input::drafts(&args.file.display().to_string(), &text)?;
    let to = audience(args.to);
    let client = context.client()?;
    match drafts.as_slice() {
        [draft] => one(
            context,
            args.dry_run,
            args.yes,
            "Sign and send it?",
            |dry_run| client.post("/v1/records", &request(draft, to.as_ref(), dry_run)),
        ),
        _ => many(
            context,
            &client,
            &drafts,
            to.as_ref(),
            args.dry_run,
            args.yes,
        ),
    }
}

fn request(draft: &Value, to: Option<&Vec<String>>, dry_run: bool) -> PushRequest {
    PushRequest {
        draft: draft.clone(),
        to: to.cloned(),
        dry_run,
    }
}

/// One record: shown, asked about, sent. `send(dry_run)` makes the call.
pub fn one(
    context: &mut Context,
    dry_run: bool,
    yes: bool,
    question: &str,
    send: impl Fn(bool) -> Result<PushReport, CommandError>,
) -> Outcome {
    if dry_run {
        let report = send(true)?;
        return context.ui.either(&report, |style| {
            format!("{}Nothing was sent.\n", decisions::push(style, &report))
        });
    }
    let ask = context.ui.interactive && !yes;
    if ask {
        let report = send(true)?;
        let text = decisions::push(&context.ui.err_style, &report);
        context.ui.note(&text)?;
        if !context.ui.confirm(question, false)? {
            return Err(CommandError::failed(
                "nothing was sent",
                "type y to send it",
            ));
        }
    }
    let report = send(false)?;
    if context.ui.json {
        return context.ui.object(&report);
    }
    if !ask {
        let text = decisions::push(&context.ui.err_style, &report);
        context.ui.note(&text)?;
    }
    context.ui.print(report.id.as_deref().unwrap_or_default())
}

fn many(
    context: &mut Context,
    client: &Client,
    drafts: &[Value],
    to: Option<&Vec<String>>,
    dry_run: bool,
    yes: bool,
) -> Outcome {
    let total = drafts.len() as u64;
    let question = format!("Sign and send {}?", plural(total, "record", "records"));
    if context.ui.interactive && !yes && !dry_run && !context.ui.confirm(&question, false)? {
        return Err(CommandError::failed(
            "nothing was sent",
            "look first with --dry-run, or type y to send them",
        ));
    }
    let mut failed = 0_u64;
    for (at, draft) in drafts.iter().enumerate() {
        let answer = client.post::<PushReport>("/v1/records", &request(draft, to, dry_run));
        match answer {
            Ok(report) if context.ui.json => context.ui.object(&report)?,
            Ok(report) => {
                let says = decisions::tally(&report.peers);
                match &report.id {
                    Some(id) => {
                        context.ui.note(&format!("record {}: {says}", at + 1))?;
                        context.ui.print(id)?;
                    }
                    None => context.ui.print(&format!("record {}: {says}", at + 1))?,
                }
            }
            Err(error) if error.is_unreachable() => {
                context.ui.note(&format!(
                    "{at} of {total} were done before the node went away."
                ))?;
                return Err(error);
            }
            Err(error) => {
                failed += 1;
                if context.ui.json {
                    context
                        .ui
                        .object(&json!({ "item": at + 1, "refused": error.to_api() }))?;
                } else {
                    let text = errors::error(&context.ui.err_style, &error);
                    context.ui.note(&format!(
                        "{} {text}",
                        context
                            .ui
                            .style
                            .paint(Tone::Strong, &format!("record {}:", at + 1))
                    ))?;
                }
            }
        }
    }
    if failed == 0 {
        return Ok(());
    }
    if !context.ui.json {
        context.ui.note(&format!(
            "{failed} of {total} were refused; the others are in."
        ))?;
    }
    Err(CommandError::Partial)
}
