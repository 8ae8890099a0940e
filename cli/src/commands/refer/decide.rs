//! Before a provider has the person: acknowledging, asking, answering, deciding.

use clap::Args;
use clap::builder::PossibleValuesParser;
use liaison_node::control::api::StepRequest;
use liaison_protocol::record::codes::{DeclineReason, InfoTopic, StepKind};

use super::step::{Common, choice, listed, note, request, take};
use crate::commands::Context;
use crate::error::Outcome;

/// Say that you have read it, so that the originator's clock for that stops
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison refer ack 3F7K-9Q2M")]
pub struct AckArgs {
    #[command(flatten)]
    common: Common,
}

/// Ask the originator for what you need to decide; never who the person is
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison refer ask-info 3F7K-9Q2M --about languages
  echo 'Is there a second escort?' | liaison refer ask-info 3F7K-9Q2M --about company")]
pub struct AskInfoArgs {
    #[command(flatten)]
    common: Common,
    /// About what
    #[arg(long, value_name = "TOPIC", value_parser = PossibleValuesParser::new(InfoTopic::TEXTS))]
    about: Option<String>,
}

/// Answer what the provider asked; never who the person is
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison refer give-info 3F7K-9Q2M --about languages")]
pub struct GiveInfoArgs {
    #[command(flatten)]
    common: Common,
    /// About what
    #[arg(long, value_name = "TOPIC", value_parser = PossibleValuesParser::new(InfoTopic::TEXTS))]
    about: Option<String>,
}

/// Take the person: the originator can then release the identity to you
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison refer accept 3F7K-9Q2M")]
pub struct AcceptArgs {
    #[command(flatten)]
    common: Common,
}

/// Do not take the person; the next provider on the originator's list is asked
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison refer decline 3F7K-9Q2M                        asks for the reason
  liaison refer decline 3F7K-9Q2M --reason no-capacity")]
pub struct DeclineArgs {
    #[command(flatten)]
    common: Common,
    /// Why
    #[arg(long, value_name = "R", value_parser = PossibleValuesParser::new(DeclineReason::TEXTS))]
    reason: Option<String>,
}

/// Wait no longer for a provider: it is closed to it, and the next one is asked
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison refer expire 3F7K-9Q2M")]
pub struct ExpireArgs {
    #[command(flatten)]
    common: Common,
}

pub fn ack(context: &mut Context, args: AckArgs) -> Outcome {
    take(context, args.common, request(StepKind::Acknowledged), None)
}

pub fn ask_info(context: &mut Context, args: AskInfoArgs) -> Outcome {
    let question = "What do you need to know (never who it is)?";
    info(
        context,
        args.common,
        args.about,
        StepKind::InfoAsked,
        question,
    )
}

pub fn give_info(context: &mut Context, args: GiveInfoArgs) -> Outcome {
    let question = "Your answer (never who it is):";
    info(
        context,
        args.common,
        args.about,
        StepKind::InfoGiven,
        question,
    )
}

fn info(
    context: &mut Context,
    common: Common,
    about: Option<String>,
    step: StepKind,
    question: &str,
) -> Outcome {
    let topics = listed!(InfoTopic);
    let topic = choice(context, about, "--about", "About what?", &topics)?;
    let request = StepRequest {
        topic: Some(topic),
        note: Some(note(context, question)?),
        ..request(step)
    };
    take(context, common, request, None)
}

pub fn accept(context: &mut Context, args: AcceptArgs) -> Outcome {
    let question = "Take this person?";
    take(
        context,
        args.common,
        request(StepKind::Accepted),
        Some(question),
    )
}

pub fn decline(context: &mut Context, args: DeclineArgs) -> Outcome {
    let reasons = listed!(DeclineReason);
    let reason = choice(context, args.reason, "--reason", "Why?", &reasons)?;
    let mut request = request(StepKind::Declined);
    if reason == DeclineReason::Other.as_str() {
        request.note = Some(note(context, "Which reason (never who it is)?")?);
    }
    request.reason = Some(reason);
    let question = "Decline for good? The next provider is asked.";
    take(context, args.common, request, Some(question))
}

pub fn expire(context: &mut Context, args: ExpireArgs) -> Outcome {
    let question = "Close it to this provider for good?";
    take(
        context,
        args.common,
        request(StepKind::Expired),
        Some(question),
    )
}
