//! The commands: one file each.

mod amend;
mod approve;
mod ask;
mod audience;
pub(crate) mod audit;
mod backup;
mod bundle;
mod card;
mod clock;
mod completions;
pub(crate) mod contact;
pub(crate) mod demo;
mod doctor;
mod editor;
mod exercise;
mod expiry;
mod home_screen;
mod hub;
mod import;
mod inbox;
mod init;
mod keys;
mod man;
mod new;
mod officers;
mod parcels;
mod parting;
mod peer;
mod permit;
mod policy;
mod preview;
mod push;
mod query;
mod record;
pub(crate) mod refer;
mod reject;
mod restore;
mod retract;
mod run;
mod service;
mod show;
mod stats;
mod status;
mod verify;
mod watch;
mod why;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};
use liaison_protocol::record::codes::{Kind, UnknownCode};
use liaison_protocol::record::date::Date;

use crate::client::Client;
use crate::drafts::Drafts;
use crate::error::{CommandError, Outcome};
use crate::home::{Place, user_data};
use crate::node::{Clock, SystemClock};
use crate::output::Ui;

/// Exchange signed records with other agencies, each under its own policy.
///
/// Without a command: what is new, what is due, who is silent, which drafts wait, each with
/// the command to type.
#[derive(Debug, Parser)]
#[command(name = "liaison", version, max_term_width = 100)]
#[command(after_long_help = "\
Begin here:
  liaison demo                                      see it work, on this machine alone
  liaison exercise                                  train with it, on this machine alone
  liaison init --name \"Border Police of QN\" --country QN --sector border
  liaison run                                       start the node
  liaison card export my-card.txt                   send this file to the other agency
  liaison peer add their-card.txt                   and telephone them: 30 digits

Exit codes: 0 done, 1 refused or failed, 2 wrong use, 3 the node is not reachable,
4 not for your role, 5 the solver is missing, 6 waits for a second person,
7 too many calls of yours at once: try again, 8 the keyring does not open.
The home folder is --home, else LIAISON_HOME, else that of a running service, else your own.")]
pub struct Cli {
    /// For every command.
    #[command(flatten)]
    pub global: Global,
    /// The command; none: the home screen.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// For every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Home folder of the node [default: LIAISON_HOME, else the running service's, else yours]
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Print JSON: one object, or one object a line
    #[arg(long, global = true)]
    pub json: bool,
    /// No colours, also on a terminal (NO_COLOR does the same)
    #[arg(long, global = true)]
    pub no_color: bool,
}

/// The commands, in the order in which a newcomer needs them.
#[derive(Debug, Subcommand)]
pub enum Command {
    Init(init::InitArgs),
    Run(run::RunArgs),
    #[command(subcommand)]
    Card(card::CardCommand),
    #[command(subcommand)]
    Peer(peer::PeerCommand),
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    #[command(subcommand)]
    Record(record::RecordCommand),
    New(new::NewArgs),
    Push(push::PushArgs),
    #[command(subcommand)]
    Import(import::ImportCommand),
    Query(query::QueryArgs),
    Show(show::ShowArgs),
    Why(why::WhyArgs),
    Amend(amend::AmendArgs),
    Audience(audience::AudienceArgs),
    Retract(retract::RetractArgs),
    Ask(ask::AskArgs),
    Permit(permit::PermitArgs),
    Expiry(expiry::ExpiryArgs),
    #[command(subcommand)]
    Hub(hub::HubCommand),
    Inbox(inbox::InboxArgs),
    #[command(subcommand)]
    Refer(refer::ReferCommand),
    #[command(subcommand)]
    Service(service::ServiceCommand),
    #[command(subcommand)]
    Contact(contact::ContactCommand),
    #[command(subcommand)]
    Stats(stats::StatsCommand),
    Watch(watch::WatchArgs),
    Status(status::StatusArgs),
    #[command(subcommand)]
    Clock(clock::ClockCommand),
    #[command(subcommand)]
    Bundle(bundle::BundleCommand),
    Parcels(parcels::ParcelsArgs),
    Backup(backup::BackupArgs),
    Restore(restore::RestoreArgs),
    Doctor(doctor::DoctorArgs),
    Officers(officers::OfficersArgs),
    Approve(approve::ApproveArgs),
    Reject(reject::RejectArgs),
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    Verify(verify::VerifyArgs),
    Demo(demo::DemoArgs),
    Exercise(exercise::ExerciseArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// The kinds of records that people write, for clap.
fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(Kind::WRITTEN.iter().map(|kind| kind.as_str()))
}

/// A kind that clap let through.
fn parse_kind(text: &str) -> Result<Kind, CommandError> {
    text.parse().map_err(|e: UnknownCode| {
        CommandError::usage(e.to_string(), "`liaison new --help` lists the kinds")
    })
}

/// Today, for the dates in an example.
fn today() -> Date {
    Date::from_millis(SystemClock.now())
}

/// This moment, RFC 3339, for how long something still is.
fn now() -> String {
    liaison_node::control::text::rfc3339(SystemClock.now())
}

/// What a command works with.
pub struct Context<'a> {
    /// Input and output.
    pub ui: &'a mut Ui,
    global: Global,
}

impl Context<'_> {
    /// The home folder and its socket.
    pub fn place(&self) -> Result<Place, CommandError> {
        Place::find(self.global.home.as_deref(), |name| std::env::var_os(name))
    }

    /// A client of the home's node.
    pub fn client(&self) -> Result<Client, CommandError> {
        Client::new(self.place()?)
    }

    /// Drafts of this user.
    pub fn drafts(&self) -> Result<Drafts, CommandError> {
        let own = user_data(|name| {
            std::env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        })
        .ok();
        Ok(Drafts::new(&self.place()?.home, own))
    }
}

/// Runs the command.
pub fn run(cli: Cli, ui: &mut Ui) -> Outcome {
    let mut context = Context {
        ui,
        global: cli.global,
    };
    let context = &mut context;
    match cli.command {
        None => home_screen::run(context),
        Some(Command::Init(args)) => init::run(context, args),
        Some(Command::Run(args)) => run::run(context, args),
        Some(Command::Card(command)) => card::run(context, command),
        Some(Command::Peer(command)) => peer::run(context, command),
        Some(Command::Keys(command)) => keys::run(context, command),
        Some(Command::Policy(command)) => policy::run(context, command),
        Some(Command::Record(command)) => record::run(context, command),
        Some(Command::New(args)) => new::run(context, args),
        Some(Command::Push(args)) => push::run(context, args),
        Some(Command::Import(command)) => import::run(context, command),
        Some(Command::Query(args)) => query::run(context, args),
        Some(Command::Show(args)) => show::run(context, &args),
        Some(Command::Why(args)) => why::run(context, &args),
        Some(Command::Amend(args)) => amend::run(context, args),
        Some(Command::Audience(args)) => audience::run(context, &args),
        Some(Command::Retract(args)) => retract::run(context, &args),
        Some(Command::Ask(args)) => ask::run(context, &args),
        Some(Command::Permit(args)) => permit::run(context, &args),
        Some(Command::Inbox(args)) => inbox::run(context, &args),
        Some(Command::Refer(command)) => refer::run(context, command),
        Some(Command::Service(command)) => service::run(context, command),
        Some(Command::Stats(command)) => stats::run(context, command),
        Some(Command::Contact(command)) => contact::run(context, command),
        Some(Command::Expiry(args)) => expiry::run(context, &args),
        Some(Command::Bundle(command)) => bundle::run(context, command),
        Some(Command::Parcels(args)) => parcels::run(context, &args),
        Some(Command::Hub(command)) => hub::run(context, &command),
        Some(Command::Backup(args)) => backup::run(context, args),
        Some(Command::Doctor(args)) => doctor::run(context, &args),
        Some(Command::Restore(args)) => restore::run(context, args),
        Some(Command::Clock(command)) => clock::run(context, command),
        Some(Command::Watch(args)) => watch::run(context, &args),
        Some(Command::Status(args)) => status::run(context, &args),
        Some(Command::Approve(args)) => approve::run(context, &args),
        Some(Command::Reject(args)) => reject::run(context, &args),
        Some(Command::Audit(command)) => audit::run(context, command),
        Some(Command::Officers(args)) => officers::run(context, &args),
        Some(Command::Verify(args)) => verify::run(context, &args),
        Some(Command::Demo(args)) => demo::run(context, &args),
        Some(Command::Exercise(args)) => exercise::run(context, &args),
        Some(Command::Completions(args)) => completions::run(context, &args),
        Some(Command::Man(args)) => man::run(context, &args),
    }
}

/// `--to`: absent is policy's choice, empty is nobody.
fn audience(to: Option<String>) -> Option<Vec<String>> {
    to.map(|to| {
        to.split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_empty_audience_is_nobody_and_none_is_policys_choice() {
        assert_eq!(audience(None), None);
        assert_eq!(audience(Some(String::new())), Some(vec![]));
        assert_eq!(
            audience(Some("a, b".into())),
            Some(vec!["a".into(), "b".into()])
        );
    }

    /// What a person is told to type runs: each command that a sentence of the program quotes is
    /// one, down to the word that does something.
    #[test]
    fn every_command_that_a_sentence_quotes_is_one() {
        fn sources(dir: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
            for entry in std::fs::read_dir(dir).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    sources(&path, found);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    found.push(path);
                }
            }
        }
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut files = Vec::new();
        for part in ["protocol/src", "node/src", "cli/src"] {
            sources(&root.join(part), &mut files);
        }
        let program = Cli::command();
        let (mut quoted, mut faults) = (0, Vec::new());
        for file in files {
            let text = std::fs::read_to_string(&file).expect("text");
            let is_text = |line: &&str| !line.trim_start().starts_with("//!");
            let text: Vec<&str> = text.lines().filter(is_text).collect();
            let text = text.join("\n");
            for (quote, end) in [("'liaison ", '\''), ("`liaison ", '`')] {
                for rest in text.split(quote).skip(1) {
                    let Some((line, _)) = rest.split_once(end) else {
                        continue;
                    };
                    let mut command = &program;
                    let mut words = line.split_whitespace().peekable();
                    while let Some(below) = words.peek().and_then(|w| command.find_subcommand(w)) {
                        command = below;
                        words.next();
                    }
                    quoted += 1;
                    // A word in capitals or braces stands for one that is typed.
                    let is_form = words
                        .peek()
                        .is_some_and(|w| !w.starts_with(|c: char| c.is_ascii_lowercase()));
                    let is_command = command.get_name() != program.get_name();
                    let lacks = command.is_subcommand_required_set() && !is_form;
                    if lacks || !(is_command || is_form) {
                        faults.push(format!("{}: liaison {line}", file.display()));
                    }
                }
            }
        }
        assert!(quoted > 200, "only {quoted} are found");
        assert!(faults.is_empty(), "{faults:#?}");
    }

    #[test]
    fn every_command_has_a_sentence_of_help() {
        fn walk(command: &clap::Command) {
            for sub in command.get_subcommands() {
                assert!(sub.get_about().is_some(), "{} has no help", sub.get_name());
                walk(sub);
            }
        }
        walk(&Cli::command());
    }
}
