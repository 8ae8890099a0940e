//! `liaison keys affirm`.

use clap::Args;
use liaison_node::control::api::{AffirmReport, AffirmRequest};
use liaison_protocol::record::date::Date;

use crate::commands::Context;
use crate::error::Outcome;
use crate::output::keys;

/// Say which records under a stolen key you did make yourself
///
/// Those who hold them see them as yours again, and others take them again. Look at them first:
/// a thief may have signed some in your name.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison keys affirm 3F7K-9Q2M 8A2C-77XN
  liaison keys affirm --all-before 2031-03-01     all of yours that are on this node and older")]
pub struct AffirmArgs {
    /// Records, by id
    #[arg(value_name = "ID", required_unless_present = "all_before")]
    ids: Vec<String>,
    /// All of yours under a compromised key that were made before this day
    #[arg(long, value_name = "DATE")]
    all_before: Option<Date>,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Affirms.
pub fn run(context: &mut Context, args: &AffirmArgs) -> Outcome {
    let question = "Affirm them? Everybody will take them as your agency's word.";
    context
        .ui
        .sure(question, args.yes, "nothing was affirmed")?;
    let request = AffirmRequest {
        ids: args.ids.clone(),
        all_before: args.all_before.map(|day| day.to_string()),
    };
    let report: AffirmReport = context.client()?.post("/v1/keys/affirm", &request)?;
    context.ui.either(&report, |_| keys::affirmed(&report))
}
