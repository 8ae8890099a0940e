//! `liaison card edit`.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use liaison_node::home::{CardEdit, RootKeyText};
use liaison_protocol::record::codes::{Regime, RouteRole, Sector};
use serde_json::{Map, Value, json};

use super::OwnCard;
use crate::commands::{Context, editor, keys};
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::INPUT_BYTES;
use crate::node::{CardFile, Clock, Home, SystemClock};
use crate::output::{clean, errors};

/// Change what your card says: contact points, hours, addresses
///
/// Opens it in your editor (VISUAL, EDITOR) as TOML; a new revision is signed when you save
/// and leave it. With flags it changes just those fields. Works while the node is not running
/// as well.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison card edit
  liaison card edit --address node.bord.example:4600
  liaison card edit --from contact.toml

A contact point in the TOML:
  [[functions]]
  role = \"duty officer\"
  channel = \"+999 5550 100\"
  hours = \"24h\"
  languages = [\"en\"]")]
pub struct EditArgs {
    /// Take the changed fields from a file (TOML or JSON, `-` for standard input)
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Name of the agency
    #[arg(long, conflicts_with = "from")]
    name: Option<String>,
    /// Country, ISO 3166-1 alpha-2
    #[arg(long, value_name = "CC", conflicts_with = "from")]
    country: Option<String>,
    /// Sector
    #[arg(long, conflicts_with = "from", value_parser = PossibleValuesParser::new(Sector::TEXTS))]
    sector: Option<String>,
    /// Place of the country on a route, instead of those before; may be given several times
    #[arg(long = "route-role", value_name = "ROLE", conflicts_with = "from", value_parser = PossibleValuesParser::new(RouteRole::TEXTS))]
    route_roles: Vec<String>,
    /// Data-protection regime
    #[arg(long, conflicts_with = "from", value_parser = PossibleValuesParser::new(Regime::TEXTS))]
    regime: Option<String>,
    /// Address under which peers reach this node, instead of those before; may be given
    /// several times
    #[arg(long = "address", value_name = "HOST[:PORT]", conflicts_with = "from")]
    addresses: Vec<String>,
    /// The root key's file, where it is not in the home
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
}

impl EditArgs {
    fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        let country = self.country.as_ref().map(|country| country.to_uppercase());
        for (name, value) in [
            ("name", self.name.as_ref()),
            ("country", country.as_ref()),
            ("sector", self.sector.as_ref()),
            ("regime", self.regime.as_ref()),
        ] {
            fields.extend(value.map(|value| (name.to_owned(), json!(value))));
        }
        for (name, values) in [
            ("route_roles", &self.route_roles),
            ("addresses", &self.addresses),
        ] {
            if !values.is_empty() {
                fields.insert(name.to_owned(), json!(values));
            }
        }
        fields
    }
}

/// Edits the card by flags, from a file, or in an editor.
pub fn run(context: &mut Context, args: &EditArgs) -> Outcome {
    let root = keys::root_text(context, args.root.as_ref())?;
    if let Some(path) = &args.from {
        let text = input::read_text(context.ui, path, INPUT_BYTES)?;
        let mut found = input::drafts(&path.display().to_string(), &text)?;
        let (Some(fields), true) = (found.pop(), found.is_empty()) else {
            return Err(CommandError::usage(
                "a card is one object",
                "give a file with one TOML table or one JSON object",
            ));
        };
        let answer = sign(context, &fields, root.as_ref())?;
        return done(context, &answer);
    }
    let fields = args.fields();
    if !fields.is_empty() {
        let answer = sign(context, &Value::Object(fields), root.as_ref())?;
        return done(context, &answer);
    }
    if !context.ui.interactive && editor::from_environment().is_none() {
        return Err(CommandError::usage(
            "card edit needs a terminal",
            "give the changes as flags, or as a file: `liaison card edit --from FILE`",
        ));
    }
    in_editor(context, root.as_ref())
}

fn in_editor(context: &mut Context, root: Option<&RootKeyText>) -> Outcome {
    let own = super::own(context)?;
    let before = head(&own)?;
    let path = context.drafts()?.create("card", &before)?;
    let place = path.display().to_string();
    let mut line = 1;
    loop {
        if let Err(error) = editor::open(&path, line) {
            // Nothing was written into it yet: it is the card as it stands.
            if line == 1 && input::read_text(context.ui, &path, INPUT_BYTES)? == before {
                remove(context, &path)?;
            }
            return Err(error);
        }
        let text = input::read_text(context.ui, &path, INPUT_BYTES)?;
        let changed = input::toml_value(&place, &text).map(|after| changes(&own.contact, after));
        let answer = match changed {
            Ok(fields) if fields.is_empty() => {
                remove(context, &path)?;
                return context.ui.note("Nothing changed.");
            }
            Ok(fields) => sign(context, &Value::Object(fields), root),
            Err(error) => Err(error),
        };
        let error = match answer {
            Ok(answer) => {
                remove(context, &path)?;
                return done(context, &answer);
            }
            Err(error) => error,
        };
        let shown = errors::error(&context.ui.err_style, &error);
        context.ui.note(&shown)?;
        let stop = !context.ui.interactive || error.is_unreachable();
        if stop || !context.ui.confirm("Edit it again?", true)? {
            context.ui.note(&format!(
                "Your text is kept; go on with `liaison card edit --from {place}`."
            ))?;
            return Err(CommandError::Partial);
        }
        line = input::toml_fault(&text).unwrap_or(1);
    }
}

fn head(own: &OwnCard) -> Result<String, CommandError> {
    let mut head =
        String::from("# Your card. Save it and leave the editor to sign a new revision.\n");
    for missing in &own.missing {
        head.push_str(&format!("# It lacks: {}\n", clean(missing)));
    }
    head.push_str(
        "#\n# A contact point:\n# [[functions]]\n# role = \"duty officer\"\n# channel = \"+999 5550 100\"\n# hours = \"24h\"\n# languages = [\"en\"]\n\n",
    );
    let toml = toml::to_string_pretty(&own.contact).map_err(|e| {
        CommandError::failed(
            format!("the card cannot be shown: {e}"),
            "use `liaison card edit --from FILE`",
        )
    })?;
    Ok(head + &toml)
}

/// The fields that differ: what is not touched is not signed anew.
fn changes(before: &Value, after: Value) -> Map<String, Value> {
    let Value::Object(after) = after else {
        return Map::new();
    };
    after
        .into_iter()
        .filter(|(name, value)| before.get(name) != Some(value))
        .collect()
}

/// Signs the changed fields: the node does, or the home folder while none runs.
fn sign(
    context: &Context,
    fields: &Value,
    root: Option<&RootKeyText>,
) -> Result<Value, CommandError> {
    let mut fields = fields.clone();
    if let (Some(root), Some(map)) = (root, fields.as_object_mut()) {
        map.insert("root".into(), json!(root));
    }
    let fields = &fields;
    match context.client()?.post("/v1/card", fields) {
        Err(error @ CommandError::NotRunning { .. }) => {
            let home = Home::at(context.place()?.home);
            if !home.exists() {
                return Err(error);
            }
            let edit: CardEdit =
                serde_json::from_value(fields.clone()).map_err(|e| CommandError::Malformed {
                    place: "the card".into(),
                    says: e.to_string(),
                    remedy: "`liaison card edit --help` lists the fields".into(),
                })?;
            home.edit_card(edit, SystemClock.now()).map_err(|e| {
                CommandError::failed(e.to_string(), "correct that and edit it again")
            })?;
            Ok(json!({}))
        }
        other => other,
    }
}

fn done(context: &mut Context, answer: &Value) -> Outcome {
    context.ui.either(answer, |_| {
        "Your card is signed anew; your peers get it when they are connected.\n".into()
    })
}

fn remove(context: &mut Context, path: &std::path::Path) -> Outcome {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(e) => context
            .ui
            .note(&format!("{} could not be deleted: {e}", path.display())),
    }
}

/// The fields of a card file that may be edited.
pub fn editable(card: &CardFile) -> Value {
    let Some(contact) = card.contact() else {
        return json!({});
    };
    let nodes = card
        .statement()
        .map(|keys| keys.nodes.as_slice())
        .unwrap_or_default();
    let addresses: Vec<&String> = nodes.iter().flat_map(|node| &node.addresses).collect();
    json!({
        "name": contact.org,
        "country": contact.country,
        "sector": contact.sector,
        "route_roles": contact.route_roles,
        "regime": contact.regime,
        "addresses": addresses,
        "functions": contact.functions,
    })
}
