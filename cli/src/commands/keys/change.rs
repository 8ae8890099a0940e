//! `liaison keys rotate` and `liaison keys compromised`.

use std::path::PathBuf;

use clap::Args;
use liaison_node::control::api::{KeyChangeReport, KeyChangeRequest};
use liaison_protocol::record::date::Date;

use super::root_text;
use crate::commands::Context;
use crate::error::Outcome;
use crate::output::keys;

/// Sign with a new key from now on
///
/// What the old key signed stands, everywhere; nothing later is taken under it. Peers hear of
/// it by your card as soon as they are connected.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison keys rotate
  liaison keys rotate --root /media/safe/root.key     where the root key is kept in a safe

Was the old key stolen? Then `liaison keys compromised`.")]
pub struct RotateArgs {
    /// The root key's file, where it is not in the home
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Say that a signing key was stolen, and sign with a new one
///
/// From then on peers take nothing under that key, whatever day it names, and mark what they
/// hold. What you did sign with it yourself you affirm: `liaison keys affirm`. It can't be
/// undone.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison keys compromised                            the key in use
  liaison keys compromised 3F7K-9Q2M                  one that left earlier (`keys show`)
  liaison keys compromised --since 2031-03-01 --root /media/safe/root.key

Then: look at what you signed since, and affirm what is yours:
  liaison keys affirm --all-before 2031-03-01")]
pub struct CompromisedArgs {
    /// The key, or the beginning of it [default: the one in use]
    key: Option<String>,
    /// The day since which others may have had it
    #[arg(long, value_name = "DATE")]
    since: Option<Date>,
    /// The root key's file, where it is not in the home
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Rotates the key in use.
pub fn rotate(context: &mut Context, args: &RotateArgs) -> Outcome {
    let root = root_text(context, args.root.as_ref())?;
    let question = "Sign with a new key from now on?";
    context.ui.sure(question, args.yes, "nothing was changed")?;
    let request = KeyChangeRequest {
        root,
        ..KeyChangeRequest::default()
    };
    send(context, "/v1/keys/rotate", &request)
}

/// Says that a key was stolen.
pub fn compromised(context: &mut Context, args: &CompromisedArgs) -> Outcome {
    let root = root_text(context, args.root.as_ref())?;
    let which = match &args.key {
        Some(key) => format!("Key {key}"),
        None => "Your signing key".to_owned(),
    };
    let question = format!("{which} was stolen? Nothing under it is taken any more, for good.");
    context
        .ui
        .sure(&question, args.yes, "nothing was changed")?;
    let request = KeyChangeRequest {
        key: args.key.clone(),
        since: args.since.map(|day| day.to_string()),
        root,
    };
    send(context, "/v1/keys/compromised", &request)
}

fn send(context: &mut Context, path: &str, request: &KeyChangeRequest) -> Outcome {
    let report: KeyChangeReport = context.client()?.post(path, request)?;
    context
        .ui
        .either(&report, |style| keys::changed(style, &report))
}
