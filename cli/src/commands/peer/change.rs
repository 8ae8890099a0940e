//! `liaison peer confirm` and `liaison peer circles`.

use clap::Args;
use liaison_node::control::api::{
    PeerChangeReport, PeerChangeRequest, PeerEdit, PeerStatus, PreviewRequest,
};

use crate::client::segment;
use crate::commands::{Context, preview};
use crate::error::{CommandError, Outcome};
use crate::output::peers;

/// Let policies use what a peer's newest card states
///
/// Sector, country, route roles and regime stay as you confirmed them, whatever a later card
/// states: a peer could widen its own access with them. `peer list` shows what has changed;
/// this shows which records would newly go to the peer or stop, and asks.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison peer confirm qo-ngo")]
pub struct ConfirmArgs {
    /// Its local name
    name: String,
    #[command(flatten)]
    how: How,
}

/// Put a peer into circles, or take it out of them
///
/// Shows which records would newly go to the peer or stop, and asks. Circles of the policy's
/// entities.json are edited there.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  liaison peer circles qo-ngo --add shelters\n  liaison peer circles qo-ngo --remove balkan --recall"
)]
pub struct CirclesArgs {
    /// Its local name
    name: String,
    /// Circle that it joins; may be given several times
    #[arg(long, value_name = "C", required_unless_present = "remove")]
    add: Vec<String>,
    /// Circle that it leaves; may be given several times
    #[arg(long, value_name = "C")]
    remove: Vec<String>,
    #[command(flatten)]
    how: How,
}

/// How a change is made.
#[derive(Debug, Args)]
struct How {
    /// Ask back what it holds and may have no more
    #[arg(long)]
    recall: bool,
    /// Invariant that the policy may break for it; may be given several times
    #[arg(long, value_name = "NAME", requires = "reason")]
    accept_broken: Vec<String>,
    /// Why it may; kept in the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Confirms.
pub fn confirm(context: &mut Context, args: ConfirmArgs) -> Outcome {
    let client = context.client()?;
    let list: Vec<PeerStatus> = client.get("/v1/peers")?;
    if context.ui.interactive
        && let Some(peer) = list.iter().find(|p| p.peer == args.name)
    {
        let text = peers::changed(peer);
        context.ui.note(&text)?;
    }
    let edit = PeerEdit {
        confirm: true,
        ..PeerEdit::default()
    };
    change(context, args.name, edit, &args.how)
}

/// Edits circles.
pub fn circles(context: &mut Context, args: CirclesArgs) -> Outcome {
    if let Some(both) = args.add.iter().find(|c| args.remove.contains(c)) {
        return Err(CommandError::usage(
            format!("'{both}' is both to be joined and to be left"),
            "give it once",
        ));
    }
    let edit = PeerEdit {
        confirm: false,
        add: args.add,
        remove: args.remove,
    };
    change(context, args.name, edit, &args.how)
}

fn change(context: &mut Context, name: String, edit: PeerEdit, how: &How) -> Outcome {
    let client = context.client()?;
    let request = PreviewRequest::Peer {
        peer: name.clone(),
        edit: edit.clone(),
    };
    let ask = preview::Ask {
        question: "Let policies use it?",
        yes: how.yes,
        recall: how.recall,
    };
    let over = preview::ask(context, &client, &request, ask)?;
    let request = PeerChangeRequest {
        edit,
        recall: how.recall,
        accept_broken: how.accept_broken.clone(),
        reason: how.reason.clone(),
        over,
    };
    let path = format!("/v1/peers/{}", segment(&name));
    let report: PeerChangeReport = client.post(&path, &request)?;
    context.ui.either(&report, |_| peers::change(&report))
}
