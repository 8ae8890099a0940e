//! `liaison card`.

mod edit;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use liaison_node::control::api::PeerCardView;

use super::Context;
use crate::client::segment;
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::INPUT_BYTES;
use crate::node::{CardFile, Clock, Home, SystemClock};
use crate::output::{Tone, clean, digits};

/// Your agency's card, and the cards of others.
#[derive(Debug, Subcommand)]
pub enum CardCommand {
    Edit(edit::EditArgs),
    /// Write your card and keys statement as text, to paste into an e-mail
    ///
    /// Lists on standard error what the card still lacks.
    #[command(
        after_long_help = "Examples:\n  liaison card export qn-bord.card\n  liaison card export - | mail -s 'Our card' colleague@example.org"
    )]
    Export {
        /// Where to write it; `-` is standard output
        file: PathBuf,
    },
    /// Show a card and its 30 digits, large
    #[command(after_long_help = "\
Examples:
  liaison card show                 your own
  liaison card show qm-pol.card     somebody else's

Telephone them on a number that you already have and compare all 30 digits.")]
    Show {
        /// The card file; `-` is standard input; none: your own card
        file: Option<PathBuf>,
    },
}

/// `GET /v1/card`.
#[derive(Debug, Deserialize, Serialize)]
pub struct OwnCard {
    /// As a card file.
    pub card: String,
    /// The fields that may be edited.
    pub contact: Value,
    /// What it lacks.
    #[serde(default)]
    pub missing: Vec<String>,
}

/// Runs one of them.
pub fn run(context: &mut Context, command: CardCommand) -> Outcome {
    match command {
        CardCommand::Edit(args) => edit::run(context, &args),
        CardCommand::Export { file } => export(context, &file),
        CardCommand::Show { file } => show(context, file.as_deref()),
    }
}

/// Our own card: from the node, or from the home folder while it is not running.
fn own(context: &Context) -> Result<OwnCard, CommandError> {
    match context.client()?.get("/v1/card") {
        Err(error) if error.is_unreachable() => {
            let home = Home::at(context.place()?.home);
            if !home.exists() {
                return Err(error);
            }
            // The node's absence is the fault that the officer can mend.
            let card = home.card_file().map_err(|_| error)?;
            let contact = edit::editable(&card);
            Ok(OwnCard {
                card: card.to_text(),
                contact,
                missing: card.missing(SystemClock.now()),
            })
        }
        other => other,
    }
}

fn export(context: &mut Context, file: &Path) -> Outcome {
    let own = own(context)?;
    if file == Path::new("-") {
        if context.ui.json {
            context.ui.object(&own)?;
        } else {
            context.ui.verbatim(&own.card)?;
        }
    } else {
        fs::write(file, &own.card).map_err(|source| CommandError::File {
            what: "write",
            path: file.to_path_buf(),
            source,
        })?;
        let result = json!({ "file": file, "missing": own.missing });
        context.ui.either(&result, |_| {
            format!(
                "Your card is in {}. Send it to your peers; it holds nothing secret.\n",
                file.display()
            )
        })?;
    }
    if !own.missing.is_empty() && !context.ui.json {
        context.ui.note("The card still lacks:")?;
        for missing in &own.missing {
            context.ui.note(&format!("  {}", clean(missing)))?;
        }
        context.ui.note("Complete it with `liaison card edit`.")?;
    }
    Ok(())
}

/// Writes the card of a peer.
///
/// # Errors
/// No such peer, or the file can't be written.
pub fn write_peers(context: &mut Context, name: &str, file: &Path) -> Outcome {
    let path = format!("/v1/peers/{}/card", segment(name));
    let card: PeerCardView = context.client()?.get(&path)?;
    if file == Path::new("-") {
        return if context.ui.json {
            context.ui.object(&card)
        } else {
            context.ui.verbatim(&card.card)
        };
    }
    fs::write(file, &card.card).map_err(|source| CommandError::File {
        what: "write",
        path: file.to_path_buf(),
        source,
    })?;
    context.ui.either(&json!({ "file": file }), |_| {
        format!(
            "The card of {} is in {}.\n",
            clean(&card.peer),
            file.display()
        )
    })
}

fn show(context: &mut Context, file: Option<&Path>) -> Outcome {
    let (text, is_own) = match file {
        Some(path) => (input::read_text(context.ui, path, INPUT_BYTES)?, false),
        None => (own(context)?.card, true),
    };
    let place = file.map_or_else(|| "your card".to_owned(), |path| path.display().to_string());
    let card = parse(&place, &text)?;
    let contact = claims(&card)?;
    let fingerprint = card.fingerprint();
    if context.ui.json {
        return context.ui.object(&json!({
            "fingerprint": fingerprint,
            "contact": contact,
            "missing": card.missing(SystemClock.now()),
        }));
    }
    let mut text = describe(&contact);
    text.push('\n');
    text.push_str(&digits::large(&fingerprint));
    let words = if is_own {
        "Read all 30 digits out to whoever telephones you about this card."
    } else {
        "Telephone them on a number that you already have and compare all 30 digits."
    };
    text.push_str(&format!(
        "{}\n",
        context.ui.style.paint(Tone::Strong, words)
    ));
    context.ui.print(&text)
}

/// A card file's text as a card.
///
/// # Errors
/// It is none.
pub fn parse(place: &str, text: &str) -> Result<CardFile, CommandError> {
    CardFile::parse(text).map_err(|e| CommandError::Malformed {
        place: place.to_owned(),
        says: e.to_string(),
        remedy:
            "ask them to send the file again as `liaison card export` wrote it, as an attachment"
                .into(),
    })
}

/// What a card says about its agency, as JSON.
///
/// # Errors
/// It cannot be written as JSON.
pub fn claims(card: &CardFile) -> Result<Value, CommandError> {
    serde_json::to_value(card.contact()).map_err(|e| {
        CommandError::failed(
            format!("the card cannot be shown: {e}"),
            "look at it with --json",
        )
    })
}

/// What a card claims, in lines.
pub fn describe(contact: &Value) -> String {
    let mut out = String::new();
    let fields = [
        ("org", "name"),
        ("name", "name"),
        ("sector", "sector"),
        ("country", "country"),
        ("route_roles", "route role"),
        ("regime", "regime"),
        ("memberships", "member of"),
        ("valid_until", "valid until"),
    ];
    for (field, label) in fields {
        let text = match contact.get(field) {
            Some(Value::String(text)) => clean(text),
            Some(Value::Array(items)) => {
                let items: Vec<String> =
                    items.iter().filter_map(Value::as_str).map(clean).collect();
                items.join(", ")
            }
            _ => String::new(),
        };
        if !text.is_empty() {
            out.push_str(&format!("  {label:<12} {text}\n"));
        }
    }
    for function in contact
        .get("functions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let text = |name: &str| {
            function
                .get(name)
                .and_then(Value::as_str)
                .map(clean)
                .unwrap_or_default()
        };
        out.push_str(&format!(
            "  {:<12} {} {}\n",
            "contact",
            text("role"),
            text("channel")
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn claims_cannot_drive_the_terminal() {
        let contact = serde_json::json!({
            "org": "Border\u{1b}[2J Police",
            "country": "QN",
            "functions": [{"role": "duty officer", "channel": "+999 5550 100"}],
        });
        insta::assert_snapshot!(describe(&contact), @r"
        name         Border[2J Police
        country      QN
        contact      duty officer +999 5550 100
        ");
    }
}
