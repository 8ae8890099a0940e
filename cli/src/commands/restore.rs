//! `liaison restore`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use liaison_node::backup::restore;
use liaison_node::control::api::{CatchUpReport, ReleaseRequest};
use serde_json::{Value, json};

use super::{Context, backup};
use crate::error::{CommandError, Outcome};
use crate::home::unit_of;
use crate::node::Home;
use crate::output::{clean, comma, plural};
use crate::secret::SecretArgs;

/// Make a node of a backup, and see whom it still has to hear
///
/// What others withdrew after the backup is in it. So whatever came from an agency stays
/// locked, neither shown nor passed on, until that agency was heard from; and nothing is signed
/// until all were. The node asks them by itself.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_long_help = "\
Examples:
  liaison --home /var/lib/liaison restore /media/usb/liaison-2031-03-02.backup
  liaison --home /var/lib/liaison restore /media/safe/keys.backup     the keys, after that
  liaison --home /var/lib/liaison restore /media/safe/keyring.backup  the keyring, after that
  liaison run
  liaison restore status
  liaison restore release qm-pol --reason 'their node is gone for good; telephoned 2 March'")]
pub struct RestoreArgs {
    #[command(subcommand)]
    command: Option<RestoreCommand>,
    /// The backup
    #[arg(required = true)]
    file: Option<PathBuf>,
    #[command(flatten)]
    secret: SecretArgs,
}

/// Of `restore`.
#[derive(Debug, Subcommand)]
pub enum RestoreCommand {
    /// For whom the restored node waits
    #[command(after_long_help = "Example:\n  liaison restore status")]
    Status,
    /// Wait no longer for an agency: what came from it is shown and passed on as it was
    #[command(
        after_long_help = "Example:\n  liaison restore release qm-pol --reason 'their node is gone for good; telephoned 2 March'"
    )]
    Release {
        /// Its alias
        #[arg(required_unless_present = "all")]
        name: Option<String>,
        /// All of them
        #[arg(long, conflicts_with = "name")]
        all: bool,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Don't ask
        #[arg(long)]
        yes: bool,
    },
}

/// Runs one of them.
pub fn run(context: &mut Context, args: RestoreArgs) -> Outcome {
    match (args.command, args.file) {
        (Some(RestoreCommand::Status), _) => {
            let report: CatchUpReport = context.client()?.get("/v1/restore")?;
            context.ui.either(&report, |_| text(&report))
        }
        (
            Some(RestoreCommand::Release {
                name, reason, yes, ..
            }),
            _,
        ) => release(context, ReleaseRequest { name, reason }, yes),
        (None, Some(file)) => make(context, &file, &args.secret),
        (None, None) => Err(CommandError::usage(
            "which backup is to be restored?",
            "liaison --home DIR restore FILE",
        )),
    }
}

fn release(context: &mut Context, request: ReleaseRequest, yes: bool) -> Outcome {
    let client = context.client()?;
    if !yes && !context.ui.interactive {
        return Err(CommandError::usage(
            "what came from them may have been withdrawn since, and nobody can be asked here",
            "add --yes",
        ));
    }
    if !yes {
        let who = request.name.as_deref().map_or("everybody".into(), clean);
        let question = format!(
            "Show and pass on what came from {who} before the backup, although it may have been withdrawn since?"
        );
        if !context.ui.confirm(&question, false)? {
            return Err(CommandError::failed(
                "nothing was released",
                "type y to release it",
            ));
        }
    }
    let report: CatchUpReport = client.post("/v1/restore/release", &request)?;
    context.ui.either(&report, |_| {
        let unlocked = plural(report.unlocked, "record", "records");
        format!("Unlocked: {unlocked}.\n{}", text(&report))
    })
}

fn make(context: &mut Context, file: &std::path::Path, secret: &SecretArgs) -> Outcome {
    let place = context.place()?;
    let home = Home::at(place.home.clone());
    home.check_socket_path()
        .map_err(|e| CommandError::failed(e.to_string(), "choose a shorter folder with --home"))?;
    let secret = secret.read(context.ui, false)?;
    let opener = backup::open(file, &secret)?;
    let bar = backup::bar(context.ui);
    let restored = restore(opener, &home, |entry| backup::step(&bar, entry));
    bar.finish_and_clear();
    let dir = place.home.display().to_string();
    let restored = restored.map_err(|e| {
        CommandError::failed(
            e.to_string(),
            format!("nothing runs on {dir}; delete what was written there before you try again"),
        )
    })?;
    let mut value = backup::json_of(&restored.held);
    if let Value::Object(fields) = &mut value {
        fields.insert("home".into(), json!(dir));
        fields.insert("locked".into(), json!(restored.locked));
        fields.insert("has_keys".into(), json!(restored.has_keys));
        fields.insert("has_keyring".into(), json!(restored.has_keyring));
    }
    let start = match unit_of(&place.home) {
        Some(unit) => format!("sudo systemctl start {unit}"),
        None => format!("liaison --home {dir} run"),
    };
    let next = if restored.has_keys && restored.has_keyring {
        format!("Start it: `{start}`")
    } else if restored.has_keys {
        format!(
            "Bring the keyring, or no sealed record can be read: `liaison --home {dir} restore KEYRING-BACKUP`. Then start it: `{start}`"
        )
    } else {
        format!(
            "Bring the keys: `liaison --home {dir} restore KEYS-BACKUP`, then start it: `{start}`"
        )
    };
    context.ui.either(&value, |_| {
        let locked = match restored.locked {
            0 => String::new(),
            n => format!(
                "{} locked until the node heard from whoever brought them.\n",
                plural(n, "record is", "records are")
            ),
        };
        format!(
            "Restored to {dir}: {}{locked}{next}\n",
            backup::text(&restored.held)
        )
    })
}

fn text(report: &CatchUpReport) -> String {
    let mut undecided = String::new();
    if !report.undecided.is_empty() {
        undecided.push_str("Who may have these? `liaison audience ID --to NAMES`, or --policy:\n");
        for id in &report.undecided {
            undecided.push_str(&format!("  {}\n", clean(id)));
        }
    }
    let Some(why) = &report.why else {
        return format!("This node waits for nobody; nothing is locked.\n{undecided}");
    };
    let mut out = format!("{}.\nLocked: {}\n", clean(why), comma(report.locked));
    for row in &report.waiting {
        let name = clean(&row.name);
        let says = match (row.peer, row.connected) {
            (false, _) => {
                format!("is no peer any more: `liaison restore release {name} --reason TEXT`")
            }
            (true, true) => "is connected, and is being asked".to_owned(),
            (true, false) => format!("is not connected: `liaison peer test {name}`"),
        };
        out.push_str(&format!("  {name} {says}\n"));
    }
    out + &undecided
}
