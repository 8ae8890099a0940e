//! Early identification at a first meeting.

use clap::Args;
use clap::builder::PossibleValuesParser;
use liaison_node::control::api::{ScreenReport, ScreenRequest};
use liaison_protocol::personal::questions::screen_questions;
use liaison_protocol::record::codes::{AgeBand, ScreenIndicator};
use serde_json::{Value, json};

use super::guide;
use crate::commands::Context;
use crate::error::{CommandError, Outcome};
use crate::output::drafts as render;

/// Look for signs at a first meeting, and begin a draft if they suggest a referral
///
/// A short list of what you can see or hear. It suggests; you and the person decide. Ask
/// alone, in a quiet place, with an interpreter, and never what was done to them.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison refer screen
  liaison refer screen --age 9-17 --sign child-alone,spoken-for")]
pub struct ScreenArgs {
    /// How old the person seems
    #[arg(long, value_name = "BAND", value_parser = PossibleValuesParser::new(AgeBand::TEXTS))]
    age: Option<String>,
    /// Signs that you saw
    #[arg(long = "sign", value_name = "SIGN,...", value_delimiter = ',', value_parser = PossibleValuesParser::new(ScreenIndicator::TEXTS))]
    signs: Vec<String>,
    /// Don't begin a draft
    #[arg(long)]
    no_draft: bool,
}

pub fn run(context: &mut Context, args: ScreenArgs) -> Outcome {
    let client = context.client()?;
    let mut age = args.age;
    let mut signs = args.signs;
    if age.is_none() {
        if !context.ui.interactive || context.ui.json {
            return Err(CommandError::usage(
                "the age is missing",
                "for example `liaison refer screen --age unknown --sign not-free`",
            ));
        }
        for question in screen_questions() {
            let answer = guide::ask(context.ui, &question)?.unwrap_or(json!([]));
            match (question.field, answer) {
                ("age_band", Value::String(text)) => age = Some(text),
                (_, Value::Array(list)) => signs.extend(
                    list.iter()
                        .filter_map(|sign| sign.as_str().map(str::to_owned)),
                ),
                _ => {}
            }
        }
    }
    let request = ScreenRequest {
        age_band: age.unwrap_or_else(|| AgeBand::Unknown.as_str().to_owned()),
        indicators: signs,
        keep: !args.no_draft,
    };
    let report: ScreenReport = client.post("/v1/referrals/screen", &request)?;
    context
        .ui
        .either(&report, |style| render::screening(style, &report))
}
