//! `liaison approve`.

use clap::Args;
use liaison_node::control::api::{ApprovalView, ApproveReport, ApproveRequest};

use super::Context;
use crate::client::segment;
use crate::error::{CommandError, Outcome};
use crate::output::approvals as render;

/// Approve what another officer asked for and what can't be undone; alone: list what waits
///
/// What breaks an invariant or calls copies back, by a change of policy or of a peer, waits for a
/// second person with another role. What is approved is exactly what was asked for: compare the hash.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison approve               what waits
  liaison approve 3f7a09b2      shows it, asks, and does it
  liaison reject 3f7a09b2       it is not done
  liaison approve SHA256 --yes  what was looked at elsewhere, and nothing else

What nobody approves lapses after 7 days. An agency too small for a second person says so in
officers.toml (waits_for = \"second-person-or-a-day\"): then 24 hours do as well.")]
pub struct ApproveArgs {
    /// The number that was told when it was asked for, or the SHA-256 of what will be done
    number: Option<String>,
    /// Don't ask
    #[arg(long, short, requires = "number")]
    yes: bool,
}

/// Shows, asks, approves.
pub fn run(context: &mut Context, args: &ApproveArgs) -> Outcome {
    let client = context.client()?;
    let waiting: Vec<ApprovalView> = client.get("/v1/approvals")?;
    let Some(number) = &args.number else {
        if context.ui.json {
            for one in &waiting {
                context.ui.object(one)?;
            }
            return Ok(());
        }
        let text = render::waiting(&context.ui.style, &waiting);
        return context.ui.print(&text);
    };
    let found = waiting
        .iter()
        .find(|one| one.number == *number || one.hash == *number);
    let Some(one) = found else {
        return Err(CommandError::failed(
            format!("nothing waits under {number}"),
            "'liaison approve' alone lists what waits",
        ));
    };
    if !args.yes {
        if !context.ui.interactive {
            return Err(CommandError::usage(
                "what can't be undone is not done without a question",
                "type it on a terminal, or add --yes",
            ));
        }
        let text = render::waiting(&context.ui.style, std::slice::from_ref(one));
        context.ui.note(&text)?;
        if !context.ui.confirm("Do it?", false)? {
            return context.ui.note("Nothing was done.\n");
        }
    }
    let path = format!("/v1/approvals/{}/approve", segment(&one.number));
    // What was shown, and nothing that took its place.
    let request = ApproveRequest {
        hash: one.hash.clone(),
    };
    let report: ApproveReport = client.post(&path, &request)?;
    context
        .ui
        .either(&report, |style| render::approved(style, &report))
}
