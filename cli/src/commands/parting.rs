//! `liaison peer remove` and `liaison peer revoke`.

use clap::Args;
use liaison_node::control::api::{
    PeerRemoveReport, PeerRemoveRequest, PeerRevokeReport, PeerRevokeRequest, RevokedPeer,
};

use super::Context;
use crate::client::segment;
use crate::error::Outcome;
use crate::output::parting;

/// Stop exchanging with an agency, in order
///
/// It gets nothing more and nothing more is taken from it. Retractions that it is owed still go
/// to it: the link stays for them alone until it has answered, 90 days at most. What it already
/// holds stays with it, unless --recall asks it to erase that; the question says how much it is.
/// Typed a second time it ends the wait.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison peer remove qo-ngo
  liaison peer remove qo-ngo --recall    and it erases what you released to it

What is asked back can't be sent again to an agency that is no peer, so that --recall waits for a
second person, as `policy apply --recall` does.

Is it not to be trusted any more? `liaison peer revoke` cuts it off at once.")]
pub struct RemoveArgs {
    /// Its local name
    name: String,
    /// Ask it to erase all that it holds of what was released to it
    #[arg(long)]
    recall: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Cut an agency off at once
///
/// Connections end, queues are dropped, and it can't connect again: nothing goes to it two
/// seconds after this. The answer lists what it already holds, and what it is owed and will not
/// get. Its card stays known as revoked; its records that others bring still verify. Only its
/// 30 digits link it again.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison peer revoke qo-ngo --reason 'laptop with the node stolen on 3 March'
  liaison peer revoke qo-ngo --reason 'laptop stolen' --yes --json > held.json   ids as well

Was only a key stolen, and does the agency know? It types `liaison keys compromised` there.")]
pub struct RevokeArgs {
    /// Its local name
    name: String,
    /// Why, in a sentence: for whoever asks later
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Removes a peer.
pub fn remove(context: &mut Context, args: &RemoveArgs) -> Outcome {
    let client = context.client()?;
    let path = format!("/v1/peers/{}/remove", segment(&args.name));
    if context.ui.asks(args.yes)? || args.recall {
        let look = PeerRemoveRequest {
            recall: args.recall,
            dry_run: true,
        };
        let standing: PeerRemoveReport = client.post(&path, &look)?;
        let text = parting::before(&standing, args.recall);
        context.ui.note(&text)?;
    }
    let question = format!("Stop exchanging with '{}'?", args.name);
    context
        .ui
        .sure(&question, args.yes, "nothing was removed")?;
    let request = PeerRemoveRequest {
        recall: args.recall,
        dry_run: false,
    };
    let report: PeerRemoveReport = client.post(&path, &request)?;
    context.ui.either(&report, |_| parting::removed(&report))
}

/// Revokes a peer.
pub fn revoke(context: &mut Context, args: &RevokeArgs) -> Outcome {
    let client = context.client()?;
    let question = format!(
        "Cut '{}' off at once? Only its 30 digits link it again.",
        args.name
    );
    context
        .ui
        .sure(&question, args.yes, "nothing was cut off")?;
    let request = PeerRevokeRequest {
        reason: args.reason.clone(),
    };
    let path = format!("/v1/peers/{}/revoke", segment(&args.name));
    let report: PeerRevokeReport = client.post(&path, &request)?;
    context
        .ui
        .either(&report, |style| parting::revoked(style, &report))
}

/// Lists who was revoked.
pub fn list(context: &mut Context) -> Outcome {
    let list: Vec<RevokedPeer> = context.client()?.get("/v1/revoked")?;
    if context.ui.json {
        return list.iter().try_for_each(|peer| context.ui.object(peer));
    }
    let text = parting::table(&context.ui.style, &list);
    context.ui.print(&text)
}
