//! `liaison` alone: what waits, each with the command to type.

use liaison_node::control::api::{InboxReport, Status};
use serde_json::json;

use super::Context;
use crate::drafts::Drafts;
use crate::error::{CommandError, Outcome};
use crate::home::unit_of;
use crate::output::referral;
use crate::output::status::{self, Item};

/// Asks the node; without one, says how to get one and lists the drafts.
pub fn run(context: &mut Context) -> Outcome {
    let folder = context.drafts()?;
    // A card that was not signed yet is kept there as well.
    let (cards, drafts): (Vec<String>, Vec<String>) = folder
        .names()
        .into_iter()
        .partition(|name| name.starts_with("card-"));
    let cards: Vec<Item> = cards.iter().map(|name| unsigned(&folder, name)).collect();
    let error = match context.client()?.get::<Status>("/v1/status") {
        Ok(found) => {
            // Whoever may not see referrals has none waiting.
            let inbox: Option<InboxReport> = context.client()?.get("/v1/inbox").ok();
            let mut items = inbox.as_ref().map(referral::items).unwrap_or_default();
            items.extend(status::items(&found, &drafts));
            items.extend(cards);
            if context.ui.json {
                return context
                    .ui
                    .object(&json!({ "status": found, "items": items, "drafts": drafts }));
            }
            let text = status::home(&context.ui.style, &found, &items);
            return context.ui.print(&text);
        }
        Err(error) if error.is_unreachable() && !context.ui.json => error,
        Err(error) => return Err(error),
    };
    let start = |says: &str, command: &str| Item {
        what: "start",
        says: says.into(),
        command: command.into(),
    };
    let mut items = match &error {
        CommandError::NoHome { .. } => vec![
            start("see it work on this machine alone", "liaison demo"),
            start("set up this agency's node", "liaison init"),
        ],
        CommandError::NotRunning { home, .. } => {
            let says = format!("the node of {} is not running", home.display());
            let unit = unit_of(home).map(|unit| format!("sudo systemctl start {unit}"));
            vec![start(&says, unit.as_deref().unwrap_or("liaison run"))]
        }
        _ => Vec::new(),
    };
    items.extend(drafts.iter().map(|draft| Item {
        what: "draft",
        says: format!("draft {draft} is not sent"),
        command: format!("liaison new --edit {draft}"),
    }));
    items.extend(cards);
    let text = status::item_lines(&context.ui.style, &items);
    context.ui.print(&text)?;
    match error {
        CommandError::NoHome { .. } | CommandError::NotRunning { .. } => Err(CommandError::Away),
        other => Err(other),
    }
}

fn unsigned(drafts: &Drafts, name: &str) -> Item {
    let place = drafts.find(name).unwrap_or_else(|_| name.into());
    Item {
        what: "draft",
        says: format!("{name}, a change of your card, is not signed"),
        command: format!("liaison card edit --from {}", place.display()),
    }
}
