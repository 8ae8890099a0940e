//! `liaison retract`.

use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::PossibleValuesParser;
use liaison_node::control::api::{RecordView, RetractReport, RetractRequest};
use liaison_protocol::record::codes::RetractReason;

use super::Context;
use crate::client::segment;
use crate::error::{CommandError, Outcome};
use crate::limits;
use crate::output::{decisions, recipients};

/// Take a record of your own back, for everyone and for good
///
/// Whoever has it is told to erase it, and it never comes back. Says who already had it. Each of
/// them answers with a receipt; with --wait the command ends when all are in, and with exit code 1
/// if they are not in time. `liaison show ID` says later how far it is.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison retract 3F7K-9Q2M --reason error --dry-run     who has it
  liaison retract 3F7K-9Q2M --reason source-at-risk
  liaison retract 3F7K-9Q2M --reason error --wait 60     until all receipts are in, a minute at most
  liaison retract 3F7K-9Q2M --reason error --yes         in a script: nobody is asked")]
pub struct RetractArgs {
    /// The record's id, or the beginning of it
    id: String,
    /// Why
    #[arg(long, value_name = "R", value_parser = PossibleValuesParser::new(RetractReason::TEXTS))]
    reason: String,
    /// Only say who has it
    #[arg(long)]
    dry_run: bool,
    /// Wait until everybody who has it says that it is erased, for so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = limits::WAIT_S, conflicts_with = "dry_run")]
    wait: Option<u64>,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Retracts a record.
pub fn run(context: &mut Context, args: &RetractArgs) -> Outcome {
    let client = context.client()?;
    let path = format!("/v1/records/{}/retract", segment(&args.id));
    let send = |dry_run| -> Result<RetractReport, CommandError> {
        client.post(
            &path,
            &RetractRequest {
                reason: args.reason.clone(),
                dry_run,
            },
        )
    };
    if !args.dry_run && context.ui.asks(args.yes)? {
        let preview = send(true)?;
        context.ui.note(&decisions::retract(&preview))?;
        let question = "Retract it for good?";
        context.ui.sure(question, false, "nothing was retracted")?;
    }
    let mut report = send(args.dry_run)?;
    let Some(seconds) = args.wait else {
        return context
            .ui
            .either(&report, |style| decisions::retract_with(style, &report));
    };
    context.ui.note(&decisions::retract(&report))?;
    let of = format!("/v1/records/{}", segment(&report.of));
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut said = String::new();
    loop {
        let view: RecordView = client.get(&of)?;
        report.recipients = view.recipients;
        let says = recipients::progress(&report.recipients);
        if says != said && !report.recipients.is_empty() {
            context.ui.note(&says)?;
            said = says;
        }
        let done = recipients::all_erased(&report.recipients);
        if done || Instant::now() >= end {
            context.ui.either(&report, |style| {
                recipients::table(style, &report.recipients)
            })?;
            return if done {
                Ok(())
            } else {
                Err(CommandError::Partial)
            };
        }
        std::thread::sleep(Duration::from_millis(limits::WAIT_LOOK_MS));
    }
}
