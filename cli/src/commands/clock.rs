//! `liaison clock`.

use clap::{Args, Subcommand};
use liaison_node::control::api::ClockReport;

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::output::{clean, when};

/// Whether the node believes this machine's clock
///
/// A clock that is far off the latest time seen, or off the peers' clocks, is not believed:
/// nothing expires then, and no key is renewed or deleted.
#[derive(Debug, Subcommand)]
#[command(after_long_help = "\
Examples:
  liaison clock show
  timedatectl set-ntp true           let the machine set its clock
  liaison clock confirm              the clock is right: the node was off for a month")]
pub enum ClockCommand {
    /// Show what the clock says, and why it is not believed
    #[command(after_long_help = "Example:\n  liaison clock show")]
    Show,
    /// Say that the clock is right: what has ended by it is erased at once
    #[command(after_long_help = "Example:\n  liaison clock confirm --yes")]
    Confirm(ConfirmArgs),
}

/// Of `clock confirm`.
#[derive(Debug, Args)]
pub struct ConfirmArgs {
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Runs one of them.
pub fn run(context: &mut Context, command: ClockCommand) -> Outcome {
    let client = context.client()?;
    let mut report: ClockReport = client.get("/v1/clock")?;
    if let ClockCommand::Confirm(args) = command {
        if let Some(doubt) = &report.doubt
            && !args.yes
        {
            if !context.ui.interactive {
                return Err(CommandError::usage(
                    "what has ended by this clock would be erased for good, and nobody can be asked here",
                    "add --yes",
                ));
            }
            context.ui.note(&clean(doubt))?;
            let question = "Is the clock right? What has ended by it is erased for good.";
            if !context.ui.confirm(question, false)? {
                return Err(CommandError::failed(
                    "the clock is still not believed",
                    "set it (`timedatectl`), or type y to confirm it",
                ));
            }
        }
        report = client.post("/v1/clock/confirm", &())?;
    }
    context.ui.either(&report, |_| text(&report))
}

fn text(report: &ClockReport) -> String {
    let now = when(&report.now);
    match (&report.doubt, &report.confirmed) {
        (Some(doubt), _) => format!("Not believed: {}.\n", clean(doubt)),
        (None, Some(_)) => format!("Confirmed: it is {now}. What has ended is being erased.\n"),
        (None, None) => format!("The clock says {now}, and is believed.\n"),
    }
}
