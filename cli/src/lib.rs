//! The command line of `liaison`: a thin client of the node's local API.
//!
//! An officer works under pressure, in a second language, with a machine that somebody else
//! set up. So every refusal says what happened and what to type next, nothing is sent before
//! it was said to whom, and whatever the program can do a script can do too (`--json`).
//!
//! One file a command in `commands/`: its arguments, whose doc comments are the help, and one
//! `run`. `output/` renders; nothing else knows about terminals. `stage` starts several nodes in
//! one process, for the demo and for [`exercise`]s. Exit codes: 0 done, 1 refused or failed, 2
//! usage, 3 the node is not reachable, 4 not for your role, 5 the solver is missing, 6 waits for
//! a second person, 7 too many calls of one user at once, 8 the keyring does not open.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod client;
mod commands;
mod drafts;
mod error;
pub mod exercise;
mod home;
mod input;
mod limits;
mod memory;
mod node;
mod output;
mod prompt;
mod secret;
mod shell;
pub mod stage;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use rand::TryRng;

pub use error::CommandError;
pub use output::{Kept, Style, Ui};

/// Runs the program: arguments, terminal and environment of this process.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Err(error) = memory::give_back(&args) {
        // If standard error is closed as well, the exit code is all that is left to say.
        let _ = report(&mut Ui::process(), &error);
        return ExitCode::from(error.exit_code());
    }
    liaison_node::no_core_dumps();
    ExitCode::from(match args.split_first() {
        Some((program, rest)) if shell::is_shell(program) => shell::run(rest, &mut Ui::process()),
        _ => run(args, Ui::process()),
    })
}

/// Runs one command and returns its exit code. Not from inside an async runtime: it has one
/// of its own.
pub fn run(args: impl IntoIterator<Item = OsString>, mut ui: Ui) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    run_in(&args, &mut ui)
}

/// Runs one command of several on the same terminal.
fn run_in(args: &[OsString], ui: &mut Ui) -> u8 {
    let styles = (ui.style, ui.err_style);
    let code = run_once(args, ui);
    (ui.style, ui.err_style) = styles;
    ui.json = false;
    code
}

fn run_once(args: &[OsString], ui: &mut Ui) -> u8 {
    let cli = match commands::Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(error::USAGE);
            // Help and version go to standard output, usage errors to standard error.
            let text = if ui.style.colour {
                error.render().ansi().to_string()
            } else {
                error.render().to_string()
            };
            let printed = if error.use_stderr() {
                ui.note(&text)
            } else {
                ui.print(&text)
            };
            return printed.map_or(error::FAILED, |()| code);
        }
    };
    ui.json = cli.global.json;
    ui.style.colour &= !cli.global.no_color && !cli.global.json;
    ui.err_style.colour &= !cli.global.no_color && !cli.global.json;
    match random_is_there().and_then(|()| commands::run(cli, ui)) {
        Ok(()) => error::DONE,
        Err(error) => {
            // If standard error is closed as well, the exit code is all that is left to say.
            let _ = report(ui, &error);
            error.exit_code()
        }
    }
}

/// Keys, seals and connections are made of the system's random numbers, and what makes them stops
/// the program where there are none. A static program reads them from a file, which a container or
/// a changed root may lack.
fn random_is_there() -> Result<(), CommandError> {
    let mut one = [0; 1];
    rand::rngs::SysRng
        .try_fill_bytes(&mut one)
        .map_err(|error| {
            CommandError::failed(
                format!(
                    "this machine gives no random numbers ({error}), so nothing can be kept secret"
                ),
                "see that /dev/urandom and /dev/random are there: a container or chroot needs both",
            )
        })
}

fn report(ui: &mut Ui, error: &CommandError) -> Result<(), CommandError> {
    match error {
        CommandError::Partial | CommandError::Away | CommandError::Closed => Ok(()),
        error if ui.json => {
            let text = serde_json::to_string(&error.to_api()).unwrap_or_else(|_| error.to_string());
            ui.note(&text)
        }
        error => {
            let text = output::errors::error(&ui.err_style, error);
            ui.note(&text)
        }
    }
}
