//! `liaison exercise`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::Context;
use crate::error::{CommandError, Outcome};
use crate::exercise::{self, Files, Player, Report, Scenario};
use crate::input;
use crate::limits::{PACE_MOST_S, SCENARIO_BYTES};
use crate::output::{Ui, exercise as render};
use crate::stage::{self, Done};

/// Train with it: several agencies on this machine, a scenario, and a verdict
///
/// Starts a node for each agency in a temporary folder, plays the scenario step by step with the
/// commands that officers type, says who got what and who must not and did not, and looks
/// everything up in the nodes' own stores. Ends with a table of who has what. Hours pass at once.
/// Nothing of it comes near a live node. Exit code 0 only if every expectation held.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_long_help = "\
Examples:
  liaison exercise                          which exercises there are
  liaison exercise sarajevo
  liaison exercise sarajevo --step          waits for Enter; look around in a second terminal
  liaison exercise template > mine.toml     a small one, to write your own
  liaison exercise check mine.toml
  liaison exercise mine.toml --pace 3")]
pub struct ExerciseArgs {
    #[command(subcommand)]
    command: Option<ExerciseCommand>,
    /// An exercise of this program, or a file with a scenario
    #[arg(value_name = "NAME|FILE")]
    scenario: Option<PathBuf>,
    /// Wait for Enter before each step
    #[arg(long, conflicts_with_all = ["pace", "json"])]
    step: bool,
    /// Wait so many seconds before each step
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=PACE_MOST_S))]
    pace: Option<u64>,
    /// Keep the folder with the nodes' homes and logs
    #[arg(long)]
    keep: bool,
}

#[derive(Debug, Subcommand)]
enum ExerciseCommand {
    Check(CheckArgs),
    Template(TemplateArgs),
}

/// Read a scenario without playing it: what is wrong with it, where, and what to write
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison exercise check mine.toml")]
struct CheckArgs {
    /// An exercise of this program, or a file with a scenario
    #[arg(value_name = "NAME|FILE")]
    scenario: PathBuf,
}

/// Print a small scenario, to write your own
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  liaison exercise template > mine.toml")]
struct TemplateArgs {}

/// Runs it.
pub fn run(context: &mut Context, args: &ExerciseArgs) -> Outcome {
    match (&args.command, &args.scenario) {
        (Some(ExerciseCommand::Template(TemplateArgs {})), _) => {
            context.ui.verbatim(exercise::TEMPLATE.text)
        }
        (Some(ExerciseCommand::Check(args)), _) => {
            let scenario = scenario(context, &args.scenario)?;
            let summary = render::Summary::of(&scenario);
            context.ui.either(&summary, |_| render::checked(&summary))
        }
        (None, None) => {
            let all = render::list();
            context.ui.either(&all, render::listed)
        }
        (None, Some(named)) => {
            let scenario = scenario(context, named)?;
            let report = perform(context, args, &scenario)?;
            if report.ok {
                Ok(())
            } else {
                Err(CommandError::Partial)
            }
        }
    }
}

/// Reads a scenario; what is wrong with it is printed.
fn scenario(context: &mut Context, named: &Path) -> Result<Scenario, CommandError> {
    let built_in = named.to_str().and_then(exercise::named);
    let (text, files) = match built_in {
        Some(known) => (known.text.to_owned(), exercise::built_in_files()),
        None => {
            if !named.exists() && named.components().count() == 1 && named.extension().is_none() {
                let known: Vec<&str> = exercise::EXERCISES.iter().map(|e| e.name).collect();
                return Err(CommandError::usage(
                    format!("there is no exercise '{}'", named.display()),
                    format!("the exercises are {}; or name a file", known.join(", ")),
                ));
            }
            let text = input::read_text(context.ui, named, SCENARIO_BYTES)?;
            let folder = named.parent().unwrap_or(Path::new("")).to_owned();
            (text, Files::Folder(folder))
        }
    };
    match exercise::read(&text, &files) {
        Ok(scenario) => Ok(scenario),
        Err(faults) => {
            if context.ui.json {
                context.ui.object(&faults)?;
            } else {
                let text = render::faults(&context.ui.err_style, named, &faults);
                context.ui.note(&text)?;
            }
            Err(CommandError::Partial)
        }
    }
}

fn perform(
    context: &mut Context,
    args: &ExerciseArgs,
    scenario: &Scenario,
) -> Result<Report, CommandError> {
    if args.step && !context.ui.interactive {
        return Err(CommandError::usage(
            "there is no terminal at which somebody could press Enter",
            "leave out --step, or give --pace SECONDS",
        ));
    }
    let played = stage::in_folder(context.ui, args.keep, |ui, dir| {
        play(ui, args, scenario, dir)
    })?;
    played.ok_or_else(|| {
        CommandError::failed(
            "the exercise was stopped",
            "start it again from the beginning",
        )
    })
}

/// Plays it; none: a person had enough.
fn play(ui: &mut Ui, args: &ExerciseArgs, scenario: &Scenario, dir: &Path) -> Done<Option<Report>> {
    if !ui.json {
        let text = render::title(&ui.style, scenario);
        ui.print(&text)?;
    }
    let mut player = Player::start(scenario, dir, &|_| None)?;
    match steps(ui, args, scenario, dir, &mut player) {
        Ok(true) => {}
        Ok(false) => {
            player.stop();
            return Ok(None);
        }
        Err(trouble) => {
            player.stop();
            return Err(trouble);
        }
    }
    let report = player.finish()?;
    ui.either(&report, |style| render::report(style, &report))?;
    Ok(Some(report))
}

/// Plays the steps; whether to the end.
fn steps(
    ui: &mut Ui,
    args: &ExerciseArgs,
    scenario: &Scenario,
    dir: &Path,
    player: &mut Player,
) -> Done<bool> {
    if !ui.json {
        let text = render::ready(&ui.style, scenario, args.step.then_some(dir));
        ui.print(&text)?;
    }
    let mut last = "";
    for step in &scenario.steps {
        let row = if step.row == last { "" } else { &step.row };
        last = &step.row;
        if !ui.json {
            let text = render::begins(&ui.style, row, step, player.command(step));
            ui.print(&text)?;
        }
        if !wait(ui, args)? {
            return Ok(false);
        }
        let report = player.play(step)?;
        if !ui.json {
            let text = render::ended(&ui.style, report);
            ui.print(&text)?;
        }
    }
    Ok(true)
}

/// Gives people time before a step; whether they want to go on.
fn wait(ui: &mut Ui, args: &ExerciseArgs) -> Result<bool, CommandError> {
    if let Some(seconds) = args.pace {
        std::thread::sleep(Duration::from_secs(seconds));
    }
    if args.step {
        let answer = ui.read_answer(render::PROMPT)?;
        return Ok(answer.is_some_and(|answer| !answer.eq_ignore_ascii_case("q")));
    }
    Ok(true)
}
