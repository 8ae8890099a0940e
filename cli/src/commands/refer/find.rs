//! `liaison refer find`.

use clap::Args;
use liaison_node::control::api::{FindReport, FindRequest, InboxReport};

use crate::commands::{Context, now};
use crate::error::{CommandError, Outcome};
use crate::output::referral;

/// Find words in the referrals that are assigned to you
///
/// The node looks in memory; who looked for what and why is in the audit log, sealed to the
/// data-protection officer. Leave the words out to be asked for them, so that no name stands
/// where other users of this machine can read it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison refer find --reason 'her lawyer called'             asks for the words
  liaison refer find amber lake --reason 'handover of shift'")]
pub struct FindArgs {
    /// Words that all have to be there
    words: Vec<String>,
    /// Why you look for them
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Asks the node.
pub fn run(context: &mut Context, args: FindArgs) -> Outcome {
    let words = if args.words.is_empty() {
        if !context.ui.interactive {
            return Err(CommandError::usage(
                "there is nothing to look for",
                "name words that all have to be there",
            ));
        }
        context.ui.line("Which words?", true)?
    } else {
        args.words.join(" ")
    };
    let request = FindRequest {
        words,
        reason: args.reason,
    };
    let report: FindReport = context.client()?.post("/v1/referrals/find", &request)?;
    if context.ui.json {
        return context.ui.object(&report);
    }
    let found = InboxReport {
        now: now(),
        total: report.rows.len() as u64,
        rows: report.rows,
        stopped: None,
        overdue: Vec::new(),
    };
    let text = referral::found(&context.ui.style, &found);
    context.ui.print(&text)
}
