//! `liaison import`.

mod job;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use liaison_node::control::api::ImportReport;
use liaison_node::import::{Guess, guess};

use super::{Context, audience};
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::{CSV_BYTES, INPUT_BYTES};
use crate::output::{clean, imports, rows_word};

/// Take in data that is there already.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    Csv(CsvArgs),
}

/// Turn the rows of a CSV file into records, by a map
///
/// Bad rows are named by line, the others go in. A job is known by file and map: after an
/// interruption type the same command again, and it goes on where it stopped.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison import csv detections.csv --guess               proposes detections.csv.map.toml
  liaison import csv detections.csv --map detections.csv.map.toml --dry-run
  liaison import csv detections.csv --map detections.csv.map.toml --to balkan

A map says which column is what, and knows delimiter, encoding, date pattern, decimal comma
and code translations. Exits 1 if there were bad rows, though the others are in.")]
pub struct CsvArgs {
    /// The CSV file; `-` is standard input
    file: PathBuf,
    /// How its columns are read
    #[arg(long, value_name = "MAP.toml", required_unless_present = "guess")]
    map: Option<PathBuf>,
    /// Propose a map from the first rows, check the file with it, and ask
    #[arg(long, conflicts_with = "map")]
    guess: bool,
    /// Only these agencies and circles, separated by commas; '' is nobody
    #[arg(long, value_name = "AGENCY,...")]
    to: Option<String>,
    /// Only check the rows
    #[arg(long)]
    dry_run: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
}

/// Imports a file.
pub fn run(context: &mut Context, command: ImportCommand) -> Outcome {
    let ImportCommand::Csv(args) = command;
    let bytes = input::read(context.ui, &args.file, CSV_BYTES)?;
    let name = args.file.display().to_string();
    let map = match &args.map {
        Some(path) => input::read_text(context.ui, path, INPUT_BYTES)?,
        None => propose(context, &args.file, &bytes)?,
    };
    let job = job::Job::new(&name, &bytes, map, audience(args.to))?;
    let client = context.client()?;
    let ask = context.ui.interactive && !args.yes;
    // A guessed map is looked at by a person before anything is signed under it.
    let only_check = args.dry_run || (args.guess && !args.yes && !ask);
    if args.guess && ask && !args.dry_run {
        let check = job.run(context, &client, ImportReport::default(), true)?;
        print(context, &name, &check)?;
        if check.records == 0 {
            return Err(CommandError::failed(
                "with this map no row can be a record: nothing was imported",
                correct_map(&args.file),
            ));
        }
    }
    let before = if only_check {
        ImportReport::default()
    } else {
        job.done(&client)?
    };
    let left = job.rows().saturating_sub(before.rows_done);
    if ask && !only_check && left > 0 {
        let rows = rows_word(left);
        if !context
            .ui
            .confirm(&format!("Sign {rows} of {name} as records?"), false)?
        {
            return Err(CommandError::failed(
                "nothing was imported",
                if args.guess {
                    correct_map(&args.file)
                } else {
                    "look first with --dry-run, or type y".into()
                },
            ));
        }
    }
    let summary = job.run(context, &client, before, only_check)?;
    print(context, &name, &summary)?;
    if only_check && args.guess && !args.dry_run {
        let map = map_path(&args.file);
        context.ui.note(&format!(
            "Look at the map, then type `liaison import csv {name} --map {}`.",
            map.display()
        ))?;
    }
    if summary.bad.is_empty() {
        Ok(())
    } else {
        Err(CommandError::Partial)
    }
}

fn print(context: &mut Context, name: &str, summary: &imports::ImportSummary) -> Outcome {
    context
        .ui
        .either(summary, |style| imports::summary(style, name, summary))
}

/// A map guessed from the file, shown and written beside it.
fn propose(context: &mut Context, file: &Path, bytes: &[u8]) -> Result<String, CommandError> {
    let Guess { map, checks } = guess(bytes).map_err(|e| CommandError::Malformed {
        place: file.display().to_string(),
        says: e.to_string(),
        remedy: "examples/maps/ holds maps that can be copied".into(),
    })?;
    context.ui.note_verbatim(&map)?;
    for check in checks {
        context.ui.note(&format!("check: {}", clean(&check)))?;
    }
    if file == Path::new("-") {
        return Ok(map);
    }
    let path = map_path(file);
    if path.exists() {
        return Err(CommandError::failed(
            format!("{} is there already and is left as it is", path.display()),
            format!(
                "use it: `liaison import csv {} --map {}`, or delete it",
                file.display(),
                path.display()
            ),
        ));
    }
    fs::write(&path, &map).map_err(|source| CommandError::File {
        what: "write",
        path: path.clone(),
        source,
    })?;
    context
        .ui
        .note(&format!("This map is in {}.", path.display()))?;
    Ok(map)
}

/// What to type after a guess that does not do.
fn correct_map(file: &Path) -> String {
    let map = map_path(file);
    format!(
        "correct the lines marked CHECK in {0}, then `liaison import csv {1} --map {0} --dry-run`",
        map.display(),
        file.display()
    )
}

fn map_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".map.toml");
    PathBuf::from(name)
}
