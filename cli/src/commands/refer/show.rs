//! `liaison refer show` and `liaison refer timeline`.

use clap::Args;
use liaison_node::control::api::{ReferralView, TimelineReport};

use super::path;
use super::step::whom_to_call;
use crate::commands::{Context, now};
use crate::error::Outcome;
use crate::output::referral;

/// Show a referral, and end with the steps that are open to you now
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison refer show 3F7K-9Q2M
  liaison refer show 3F7K-9Q2M --why 'night shift, nobody assigned is here'")]
pub struct ShowArgs {
    /// The referral's id, or the beginning of it
    id: String,
    /// Why you look at it though it is not assigned to you; the data-protection officer is told
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

/// Every step of a referral, in the order in which they count
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison refer timeline 3F7K-9Q2M")]
pub struct TimelineArgs {
    /// The referral's id, or the beginning of it
    id: String,
    /// Why you look at it though it is not assigned to you; the data-protection officer is told
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

/// Shows it.
pub fn show(context: &mut Context, args: &ShowArgs) -> Outcome {
    let client = context.client()?;
    let view: ReferralView = client.get(&path(&args.id, "", args.why.as_deref()))?;
    let desk = if view.undelivered {
        whom_to_call(&client, &view.peer)
    } else {
        None
    };
    context
        .ui
        .either(&view, |style| referral::view(style, &view, desk.as_ref()))
}

/// Shows its steps.
pub fn timeline(context: &mut Context, args: &TimelineArgs) -> Outcome {
    let path = path(&args.id, "/timeline", args.why.as_deref());
    let report: TimelineReport = context.client()?.get(&path)?;
    context
        .ui
        .either(&report, |style| referral::timeline(style, &report, &now()))
}
