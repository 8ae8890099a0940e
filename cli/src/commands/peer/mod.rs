//! `liaison peer`.

mod change;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use liaison_node::control::api::{
    PeerAddReport, PeerAddRequest, PeerStatus, PeerTestReport, PreviewRequest,
};

use super::{Context, card, parting, preview};
use crate::client::{Client, segment};
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::{DIGIT_TRIES, INPUT_BYTES};
use crate::output::{Tone, fingerprint_digits, peers};

/// The agencies that this node is linked with.
#[derive(Debug, Subcommand)]
pub enum PeerCommand {
    Add(AddArgs),
    /// List the linked agencies
    #[command(
        visible_alias = "ls",
        after_long_help = "Examples:\n  liaison peer list\n  liaison peer list --json      one object a line\n  liaison peer list --revoked   who was cut off, when and why"
    )]
    List {
        /// Those that were cut off instead
        #[arg(long)]
        revoked: bool,
    },
    Confirm(change::ConfirmArgs),
    Circles(change::CirclesArgs),
    /// Write a peer's card as it is known here: for itself after a loss, or for a colleague
    #[command(
        after_long_help = "Examples:\n  liaison peer card qm-pol qm-pol.card\n  liaison peer card qm-pol -        to standard output"
    )]
    Card {
        /// Its local name
        name: String,
        /// Where to write it; `-` is standard output
        file: PathBuf,
    },
    #[command(visible_alias = "rm")]
    Remove(parting::RemoveArgs),
    Revoke(parting::RevokeArgs),
    /// Look why a link does not work, step by step, and what to do
    ///
    /// Resolve the address, connect, compare the key, ask whether they know us, compare versions.
    #[command(after_long_help = "Example:\n  liaison peer test qm-pol")]
    Test {
        /// Its local name
        name: String,
    },
}

/// Link an agency whose card you have and whose 30 digits you compared
///
/// On a terminal it shows who the card claims to be and asks for the 30 digits as they read
/// them out to you by telephone.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Telephone them on a number that you already have (never on one that came with the card),
let them read out all 30 digits, and type them in whole.

Examples:
  liaison peer add qm-pol.card
  liaison peer add qm-pol.card --as qm-pol --circle balkan
  liaison peer add qm-pol.card --fingerprint '01234 56789 01234 56789 01234 56789'
  liaison peer add - --yes < test-home.card        for scripts and test homes only")]
pub struct AddArgs {
    /// The card file; `-` is standard input
    file: PathBuf,
    /// Local name for it [default: made from the card]
    #[arg(long = "as", value_name = "ALIAS")]
    alias: Option<String>,
    /// The 30 digits as they were read out to you
    #[arg(long, value_name = "DIGITS", conflicts_with = "yes")]
    fingerprint: Option<String>,
    /// Take the card without digits: for scripts and test homes
    #[arg(long)]
    yes: bool,
    /// Circle to put it in; may be given several times
    #[arg(long = "circle", value_name = "C")]
    circles: Vec<String>,
    /// Invariant that the policy may break once it is a peer; may be given several times
    #[arg(long, value_name = "NAME", requires = "reason")]
    accept_broken: Vec<String>,
    /// Why it may; kept in the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs one of them.
pub fn run(context: &mut Context, command: PeerCommand) -> Outcome {
    match command {
        PeerCommand::Add(args) => add(context, args),
        PeerCommand::List { revoked: true } => parting::list(context),
        PeerCommand::List { revoked: false } => {
            let list: Vec<PeerStatus> = context.client()?.get("/v1/peers")?;
            if context.ui.json {
                return list.iter().try_for_each(|peer| context.ui.object(peer));
            }
            let text = peers::table(&context.ui.style, &list);
            context.ui.print(&text)
        }
        PeerCommand::Confirm(args) => change::confirm(context, args),
        PeerCommand::Circles(args) => change::circles(context, args),
        PeerCommand::Card { name, file } => card::write_peers(context, &name, &file),
        PeerCommand::Remove(args) => parting::remove(context, &args),
        PeerCommand::Revoke(args) => parting::revoke(context, &args),
        PeerCommand::Test { name } => {
            let path = format!("/v1/peers/{}/test", segment(&name));
            if context.ui.err_terminal && !context.ui.json {
                context
                    .ui
                    .note("Testing; a peer that is silent takes some seconds.")?;
            }
            let report: PeerTestReport = context.client()?.post(&path, &serde_json::json!({}))?;
            context
                .ui
                .either(&report, |style| peers::test(style, &report))?;
            if report.steps.iter().all(|step| step.ok) {
                Ok(())
            } else {
                Err(CommandError::Partial)
            }
        }
    }
}

fn add(context: &mut Context, args: AddArgs) -> Outcome {
    let text = input::read_text(context.ui, &args.file, INPUT_BYTES)?;
    let client = context.client()?;
    let typed = match (&args.fingerprint, args.yes) {
        (Some(digits), _) => Some(whole(digits)?),
        (None, true) => None,
        (None, false) => Some(ask(context, &client, &args.file, &text)?),
    };
    // What it would get at once, and a question; a card that is renewed changes nothing of that.
    let change = PreviewRequest::Link {
        card: text.clone(),
        alias: args.alias.clone(),
        circles: args.circles.clone(),
    };
    let ask = preview::Ask {
        question: "Link it?",
        yes: args.yes,
        recall: false,
    };
    preview::ask_if_any(context, &client, &change, ask)?;
    let request = PeerAddRequest {
        card: text,
        alias: args.alias,
        fingerprint: typed,
        unconfirmed: args.yes,
        circles: args.circles,
        accept_broken: args.accept_broken,
        reason: args.reason,
    };
    let report: PeerAddReport = client.post("/v1/peers", &request)?;
    context.ui.either(&report, |_| peers::added(&report))
}

fn whole(typed: &str) -> Result<String, CommandError> {
    fingerprint_digits(typed).ok_or_else(|| {
        CommandError::usage(
            "a fingerprint has exactly 30 digits in six groups of five",
            "type all of them as they were read out to you; a part can be forged",
        )
    })
}

/// Shows who the card claims to be and asks for the digits. The card's own digits are not
/// shown: they would be copied instead of heard.
fn ask(
    context: &mut Context,
    client: &Client,
    file: &Path,
    text: &str,
) -> Result<String, CommandError> {
    if !context.ui.interactive || file == Path::new("-") {
        return Err(CommandError::usage(
            "the fingerprint is not confirmed",
            "give the 30 digits with --fingerprint, type the command on a terminal to be asked, or use --yes for a test home",
        ));
    }
    // Nobody should type 30 digits to hear afterwards that the node is not running.
    client.get::<Vec<PeerStatus>>("/v1/peers")?;
    let parsed = card::parse(&file.display().to_string(), text)?;
    let wanted = fingerprint_digits(&parsed.fingerprint());
    let words = format!(
        "This card claims to be:\n{}\n{}\n",
        card::describe(&card::claims(&parsed)?),
        context.ui.err_style.paint(
            Tone::Strong,
            "Telephone them on a number that you already have and let them read out all 30 digits."
        )
    );
    context.ui.note(&words)?;
    for _ in 0..DIGIT_TRIES {
        let typed = context.ui.line("The 30 digits as read out:", true)?;
        match fingerprint_digits(&typed) {
            None => context
                .ui
                .note("That is not 30 digits. Type all six groups of five.")?,
            Some(digits) if Some(&digits) == wanted.as_ref() => return Ok(digits),
            Some(_) => context
                .ui
                .note("Those are not the digits of this card. Let them read them out again.")?,
        }
    }
    Err(CommandError::failed(
        "the digits do not match: this card may not be theirs, and it was not added",
        "ask them to send `liaison card export` again by another way, and telephone again",
    ))
}
