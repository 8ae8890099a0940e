//! What happens to the person meanwhile: missing, located, consent, who cares for a child.

use clap::Args;
use clap::builder::PossibleValuesParser;
use liaison_node::control::api::StepRequest;
use liaison_protocol::record::codes::{ConsentScope, ConsentState, StepKind, Urgency};
use liaison_protocol::record::date::Date;

use super::step::{Common, choice, listed, request, take};
use crate::commands::Context;
use crate::error::{CommandError, Outcome};

/// Nobody knows where the person is; a child that is missing is critical at once
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison refer missing 3F7K-9Q2M")]
pub struct MissingArgs {
    #[command(flatten)]
    common: Common,
}

/// The person was found: the referral goes on where it stood
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison refer located 3F7K-9Q2M")]
pub struct LocatedArgs {
    #[command(flatten)]
    common: Common,
}

/// Record what the person consents to from now on
///
/// Consent that is withdrawn or refused erases the referral at both agencies.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison refer consent 3F7K-9Q2M --state given --scope assistance,share-profile,share-identity
  liaison refer consent 3F7K-9Q2M --state given --scope assistance --keep-until 2031-12-31
  liaison refer consent 3F7K-9Q2M --state withdrawn")]
pub struct ConsentArgs {
    #[command(flatten)]
    common: Common,
    /// What the person said
    #[arg(long, value_parser = PossibleValuesParser::new(ConsentState::TEXTS))]
    state: Option<String>,
    /// To what they agree
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', value_parser = PossibleValuesParser::new(ConsentScope::TEXTS))]
    scope: Vec<String>,
    /// The last day on which their name may be kept, if they agree that it is kept for longer
    /// after the end than it is anyway
    #[arg(long, value_name = "DATE")]
    keep_until: Option<Date>,
    /// When they said so [default: today]
    #[arg(long)]
    date: Option<Date>,
}

/// Record that a child has a guardian; who that is stands in the identity
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison refer guardian 3F7K-9Q2M --since 2031-03-02")]
pub struct GuardianArgs {
    #[command(flatten)]
    common: Common,
    /// Since when [default: today]
    #[arg(long, value_name = "DATE")]
    since: Option<Date>,
}

/// Record that a best-interests officer is named for a child
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison refer best-interests 3F7K-9Q2M")]
pub struct BestInterestsArgs {
    #[command(flatten)]
    common: Common,
    /// Since when [default: today]
    #[arg(long, value_name = "DATE")]
    since: Option<Date>,
}

/// Change how urgent it is, and with it the deadlines
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison refer reclassify 3F7K-9Q2M --urgency critical")]
pub struct ReclassifyArgs {
    #[command(flatten)]
    common: Common,
    /// How urgent it is now
    #[arg(long, value_parser = PossibleValuesParser::new(Urgency::TEXTS))]
    urgency: Option<String>,
}

pub fn missing(context: &mut Context, args: MissingArgs) -> Outcome {
    take(context, args.common, request(StepKind::Missing), None)
}

pub fn located(context: &mut Context, args: LocatedArgs) -> Outcome {
    take(context, args.common, request(StepKind::Located), None)
}

pub fn consent(context: &mut Context, args: ConsentArgs) -> Outcome {
    let states = listed!(ConsentState);
    let question = "What did the person say?";
    let state = choice(context, args.state, "--state", question, &states)?;
    let mut scope = args.scope;
    if state == ConsentState::Given.as_str() && scope.is_empty() {
        if !context.ui.interactive {
            return Err(CommandError::usage(
                "--scope is missing",
                format!(
                    "give all that they agree to: {}",
                    ConsentScope::TEXTS.join(",")
                ),
            ));
        }
        scope = context
            .ui
            .choose("To what do they agree?", ConsentScope::TEXTS, true)?;
    }
    let ends = [ConsentState::Withdrawn, ConsentState::Refused]
        .iter()
        .any(|end| end.as_str() == state);
    let request = StepRequest {
        state: Some(state),
        scope,
        keep_until: args.keep_until.map(|day| day.to_string()),
        date: args.date.map(|date| date.to_string()),
        ..request(StepKind::Consent)
    };
    let question = ends.then_some("Erase the referral at both agencies for good?");
    take(context, args.common, request, question)
}

pub fn guardian(context: &mut Context, args: GuardianArgs) -> Outcome {
    since(context, args.common, args.since, StepKind::Guardian)
}

pub fn best_interests(context: &mut Context, args: BestInterestsArgs) -> Outcome {
    since(context, args.common, args.since, StepKind::BestInterests)
}

fn since(context: &mut Context, common: Common, since: Option<Date>, step: StepKind) -> Outcome {
    let request = StepRequest {
        date: since.map(|date| date.to_string()),
        ..request(step)
    };
    take(context, common, request, None)
}

pub fn reclassify(context: &mut Context, args: ReclassifyArgs) -> Outcome {
    let urgencies = listed!(Urgency);
    let urgency = choice(
        context,
        args.urgency,
        "--urgency",
        "How urgent is it?",
        &urgencies,
    )?;
    let request = StepRequest {
        urgency: Some(urgency),
        ..request(StepKind::Reclassified)
    };
    take(context, args.common, request, None)
}
