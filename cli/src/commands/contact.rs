//! `liaison contact`.

use clap::Subcommand;
use liaison_node::control::api::{PeerCardView, PeerStatus};

use super::{Context, card, now};
use crate::client::segment;
use crate::error::{CommandError, Outcome};
use crate::output::directory::{self, Entry};

/// The directory: whom to reach where, from the cards of the linked agencies.
#[derive(Debug, Subcommand)]
pub enum ContactCommand {
    /// The directory as a page to print and keep beside the telephone
    ///
    /// Text of 80 columns, or HTML. The first lines are the desks for what cannot wait.
    #[command(
        after_long_help = "Examples:\n  liaison contact print | lp\n  liaison contact print --html > directory.html"
    )]
    Print {
        /// As HTML, for a browser to print
        #[arg(long, conflicts_with = "json")]
        html: bool,
    },
}

/// Runs it.
pub fn run(context: &mut Context, command: ContactCommand) -> Outcome {
    let ContactCommand::Print { html } = command;
    let client = context.client()?;
    let own: card::OwnCard = client.get("/v1/card")?;
    let mut entries = vec![entry(None, &own.card)?];
    let peers: Vec<PeerStatus> = client.get("/v1/peers")?;
    for peer in &peers {
        let path = format!("/v1/peers/{}/card", segment(&peer.peer));
        let view: PeerCardView = client.get(&path)?;
        entries.push(entry(Some(view.peer), &view.card)?);
    }
    if context.ui.json {
        return entries
            .iter()
            .try_for_each(|entry| context.ui.object(entry));
    }
    let page = if html {
        directory::html(&entries, &now())
    } else {
        directory::text(&entries, &now())
    };
    context.ui.verbatim(&page)
}

fn entry(peer: Option<String>, text: &str) -> Result<Entry, CommandError> {
    let place = peer.clone().unwrap_or_else(|| "your card".into());
    let card = card::parse(&place, text)?;
    let contact = card.contact().cloned().ok_or_else(|| {
        CommandError::failed(
            format!("the card of {place} says nothing"),
            "ask them for a new one",
        )
    })?;
    Ok(Entry {
        peer,
        contact,
        fingerprint: card.fingerprint(),
    })
}
