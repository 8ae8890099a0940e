//! Once a provider has the person: identity, assistance, transfer, follow-up.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValuesParser;
use liaison_node::control::api::StepRequest;
use liaison_protocol::record::codes::{AssistPhase, StepKind};
use liaison_protocol::record::date::Date;

use super::step::{Common, choice, listed, request, take};
use crate::commands::Context;
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::IDENTITY_BYTES;

/// Release the identity to the provider that accepted, as far as the person consented
///
/// It is what you gave with `refer new`. Nobody else gets it, and only `refer withdraw` takes
/// it back.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison refer release-identity 3F7K-9Q2M --dry-run     what stands in the way
  liaison refer release-identity 3F7K-9Q2M
  liaison refer release-identity 3F7K-9Q2M --identity -  from standard input, if it was not given")]
pub struct ReleaseIdentityArgs {
    #[command(flatten)]
    common: Common,
    /// The identity as JSON or TOML, if it was not given with the referral; `-` is standard
    /// input. Delete such a file afterwards
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

/// Say that assistance has begun, or has come to its next phase
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison refer assist 3F7K-9Q2M --phase first")]
pub struct AssistArgs {
    #[command(flatten)]
    common: Common,
    /// The phase
    #[arg(long, value_parser = PossibleValuesParser::new(AssistPhase::TEXTS))]
    phase: Option<String>,
}

/// Say that the person was handed over to another provider, by a referral of its own
///
/// Make that referral first, with a new consent: `liaison refer new`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example:\n  liaison refer transfer 3F7K-9Q2M --to haven --consent 2031-03-02"
)]
pub struct TransferArgs {
    #[command(flatten)]
    common: Common,
    /// The peer's local name
    #[arg(long, value_name = "PEER")]
    to: Option<String>,
    /// Day of the new consent [default: today]
    #[arg(long, value_name = "DATE")]
    consent: Option<Date>,
}

/// Say that you have seen the person again, as was due
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison refer follow-up 3F7K-9Q2M")]
pub struct FollowUpArgs {
    #[command(flatten)]
    common: Common,
    /// Which follow-up it is, from 1 [default: the next]
    #[arg(long, value_name = "N")]
    number: Option<u16>,
}

pub fn release_identity(context: &mut Context, args: ReleaseIdentityArgs) -> Outcome {
    let identity = match &args.identity {
        Some(path) => Some(read(context, path)?),
        None => None,
    };
    let request = StepRequest {
        identity,
        ..request(StepKind::IdentityReleased)
    };
    let question = "Release who the person is to this provider?";
    take(context, args.common, request, Some(question))
}

fn read(context: &mut Context, path: &Path) -> Result<serde_json::Value, CommandError> {
    let text = input::read_text(context.ui, path, IDENTITY_BYTES)?;
    // A fault is told without the text in which it was found.
    let bad = || CommandError::Malformed {
        place: path.display().to_string(),
        says: "this is no identity".into(),
        remedy: "write one JSON object or one TOML table".into(),
    };
    let values = input::drafts(&path.display().to_string(), &text).map_err(|_| bad())?;
    match <[serde_json::Value; 1]>::try_from(values) {
        Ok([value]) => Ok(value),
        Err(_) => Err(bad()),
    }
}

pub fn assist(context: &mut Context, args: AssistArgs) -> Outcome {
    let phases = listed!(AssistPhase);
    let phase = choice(context, args.phase, "--phase", "Which phase?", &phases)?;
    let request = StepRequest {
        phase: Some(phase),
        ..request(StepKind::Assisting)
    };
    take(context, args.common, request, None)
}

pub fn transfer(context: &mut Context, args: TransferArgs) -> Outcome {
    let to = match args.to {
        Some(to) => to,
        None if context.ui.interactive => context.ui.line("To which peer?", true)?,
        None => {
            return Err(CommandError::usage(
                "--to is missing",
                "name the peer; `liaison peer list` shows the names",
            ));
        }
    };
    let request = StepRequest {
        to: Some(to),
        date: args.consent.map(|date| date.to_string()),
        ..request(StepKind::Transferred)
    };
    let question = "Is the person handed over, and did they consent anew?";
    take(context, args.common, request, Some(question))
}

pub fn follow_up(context: &mut Context, args: FollowUpArgs) -> Outcome {
    let request = StepRequest {
        number: args.number,
        ..request(StepKind::FollowedUp)
    };
    take(context, args.common, request, None)
}
