//! How a referral ends.

use clap::Args;
use clap::builder::PossibleValuesParser;
use liaison_node::control::api::StepRequest;
use liaison_protocol::record::codes::{ClosureReason, StepKind, WithdrawalReason};

use super::step::{Common, choice, listed, request, take};
use crate::commands::Context;
use crate::error::Outcome;

/// Close a referral that is done
///
/// There is no reason "did not cooperate": help does not depend on it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison refer close 3F7K-9Q2M                       asks for the reason
  liaison refer close 3F7K-9Q2M --reason integrated")]
pub struct CloseArgs {
    #[command(flatten)]
    common: Common,
    /// Why
    #[arg(long, value_name = "R", value_parser = PossibleValuesParser::new(ClosureReason::TEXTS))]
    reason: Option<String>,
}

/// Take a referral back: it is erased at both agencies, for good
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison refer withdraw 3F7K-9Q2M --dry-run          what is erased, and where
  liaison refer withdraw 3F7K-9Q2M --reason consent-withdrawn")]
pub struct WithdrawArgs {
    #[command(flatten)]
    common: Common,
    /// Why
    #[arg(long, value_name = "R", value_parser = PossibleValuesParser::new(WithdrawalReason::TEXTS))]
    reason: Option<String>,
}

pub fn close(context: &mut Context, args: CloseArgs) -> Outcome {
    let reasons = listed!(ClosureReason);
    let reason = choice(context, args.reason, "--reason", "Why?", &reasons)?;
    let request = StepRequest {
        reason: Some(reason),
        ..request(StepKind::Closed)
    };
    take(context, args.common, request, Some("Close it for good?"))
}

pub fn withdraw(context: &mut Context, args: WithdrawArgs) -> Outcome {
    let reasons = listed!(WithdrawalReason);
    let reason = choice(context, args.reason, "--reason", "Why?", &reasons)?;
    let request = StepRequest {
        reason: Some(reason),
        ..request(StepKind::Withdrawn)
    };
    let question = "Erase it at both agencies for good?";
    take(context, args.common, request, Some(question))
}
