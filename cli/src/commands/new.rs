//! `liaison new`.

use std::fs;
use std::path::Path;

use clap::Args;
use liaison_node::control::api::{PushReport, PushRequest};
use liaison_protocol::record::draft::{Draft, DraftError};
use liaison_protocol::record::template::template_toml;

use super::{Context, audience, editor, kinds, parse_kind, today};
use crate::client::Client;
use crate::drafts::name_of;
use crate::error::{CommandError, Outcome};
use crate::input;
use crate::limits::INPUT_BYTES;
use crate::output::{clean, decisions, errors};

/// Begins a line that this program wrote into a draft and takes out again.
const MARK: &str = "#!";

/// Write a record in your editor
///
/// Opens TOML with the allowed codes as comments in your editor (VISUAL, EDITOR), checks it
/// when you leave the editor, and opens it again at the faulty line. The draft is kept until
/// it is sent.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  liaison new trend
  EDITOR=nano liaison new route
  liaison new --edit trend-1        go on with a draft; `liaison` lists them")]
pub struct NewArgs {
    /// The kind of record
    #[arg(value_parser = kinds(), required_unless_present = "edit", conflicts_with = "edit")]
    kind: Option<String>,
    /// Go on with this draft
    #[arg(long, value_name = "DRAFT")]
    edit: Option<String>,
    /// Only these agencies and circles, separated by commas; '' is nobody
    #[arg(long, value_name = "AGENCY,...")]
    to: Option<String>,
    /// Send it without asking once it has no faults
    #[arg(long)]
    yes: bool,
}

/// Writes, checks and sends a draft.
pub fn run(context: &mut Context, args: NewArgs) -> Outcome {
    if !context.ui.interactive && editor::from_environment().is_none() {
        return Err(CommandError::usage(
            "new needs a terminal and an editor",
            "for scripts: `liaison record template KIND --toml > draft.toml`, then `liaison push draft.toml`",
        ));
    }
    let drafts = context.drafts()?;
    let path = match (&args.edit, &args.kind) {
        (Some(name), _) => drafts.find(name)?,
        (None, Some(kind)) => {
            let text = template_toml(parse_kind(kind)?, today()).ok_or_else(|| {
                CommandError::failed(
                    format!("there is no example of '{kind}'"),
                    "the kinds are in `liaison new --help`",
                )
            })?;
            drafts.create(kind, &text)?
        }
        (None, None) => {
            return Err(CommandError::usage(
                "new needs a kind",
                "for example `liaison new trend`",
            ));
        }
    };
    let outcome = rounds(context, &path, audience(args.to), args.yes);
    if path.is_file() {
        let name = name_of(&path);
        context.ui.note(&format!(
            "The draft is kept; go on with `liaison new --edit {name}`."
        ))?;
    }
    outcome
}

/// Editor, check, editor again, until it is sent or put aside.
fn rounds(context: &mut Context, path: &Path, to: Option<Vec<String>>, yes: bool) -> Outcome {
    let client = context.client()?;
    let mut line = 1;
    let mut before = None;
    loop {
        editor::open(path, line)?;
        let text = without_marks(&input::read_text(context.ui, path, INPUT_BYTES)?);
        let place = path.display().to_string();
        let error = match check(&client, &place, &text, to.as_ref()) {
            Ok((request, report)) => {
                write(path, &text)?;
                let shown = decisions::push(&context.ui.err_style, &report);
                context.ui.note(&shown)?;
                let choice = match (yes, context.ui.interactive) {
                    (true, _) => 's',
                    (false, false) => 'k',
                    (false, true) => {
                        context
                            .ui
                            .letter("[s]end, [e]dit again, [k]eep as a draft?", "sek", 'k')?
                    }
                };
                match choice {
                    's' => return send(context, &client, path, request),
                    'e' => {
                        line = 1;
                        before = None;
                        continue;
                    }
                    _ => return Ok(()),
                }
            }
            Err(error) => error,
        };
        // A node that cannot be asked, or a person who changed nothing, ends it.
        if error.is_unreachable() || !context.ui.interactive || before.as_ref() == Some(&text) {
            write(path, &text)?;
            return Err(error);
        }
        let marks = marks(&error);
        let faulty = faulty_line(&text, &error).unwrap_or(1);
        line = faulty + marks.lines().count();
        write(path, &format!("{marks}{text}"))?;
        let shown = errors::error(&context.ui.err_style, &error);
        context.ui.note(&shown)?;
        if !context.ui.confirm("Edit it again?", true)? {
            write(path, &text)?;
            return Err(CommandError::Partial);
        }
        before = Some(text);
    }
}

fn check(
    client: &Client,
    place: &str,
    text: &str,
    to: Option<&Vec<String>>,
) -> Result<(PushRequest, PushReport), CommandError> {
    Draft::from_toml(text).map_err(|e| CommandError::Malformed {
        place: place.to_owned(),
        says: e.to_string(),
        remedy: "the comments in the draft list the allowed codes".into(),
    })?;
    let draft = input::toml_value(place, text)?;
    let mut request = PushRequest {
        draft,
        to: to.cloned(),
        dry_run: true,
    };
    let report = client.post("/v1/records", &request)?;
    request.dry_run = false;
    Ok((request, report))
}

fn send(context: &mut Context, client: &Client, path: &Path, request: PushRequest) -> Outcome {
    let report: PushReport = client.post("/v1/records", &request)?;
    // It is signed and stored: a draft that cannot be deleted is only in the way.
    if let Err(e) = fs::remove_file(path) {
        context.ui.note(&format!(
            "the draft {} could not be deleted: {e}",
            path.display()
        ))?;
    }
    context
        .ui
        .either(&report, |_| report.id.clone().unwrap_or_default())
}

/// The faults as comments, to stand above the text.
fn marks(error: &CommandError) -> String {
    let mut out = String::new();
    let mut add = |text: &str| out.push_str(&format!("{MARK} {}\n", clean(text)));
    add(&error.to_string());
    if let CommandError::Api(api) = error {
        for finding in &api.findings {
            add(&format!(
                "{} {}: {} {}",
                finding.code, finding.place, finding.says, finding.remedy
            ));
        }
    }
    if let Some(remedy) = error.remedy() {
        add(&remedy);
    }
    out
}

fn without_marks(text: &str) -> String {
    let kept: Vec<&str> = text
        .split_inclusive('\n')
        .skip_while(|line| line.starts_with(MARK))
        .collect();
    kept.concat()
}

fn write(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(|source| CommandError::File {
        what: "write",
        path: path.to_path_buf(),
        source,
    })
}

/// The line, from 1, of the first fault that has one.
fn faulty_line(text: &str, error: &CommandError) -> Option<usize> {
    let draft = match Draft::from_toml(text) {
        Ok(draft) => draft,
        Err(DraftError::Syntax { line, .. }) => return Some(line),
        Err(DraftError::Field { line, .. } | DraftError::Name { line, .. }) => return line,
        Err(DraftError::TooLarge { .. }) => return None,
    };
    let CommandError::Api(api) = error else {
        return None;
    };
    api.findings
        .iter()
        .find_map(|finding| draft.line_of(&finding.place))
}

#[cfg(test)]
mod tests {
    use liaison_node::control::api::{ApiError, FindingView};

    use super::*;

    const TEXT: &str = "kind = \"trend\"
lang = \"en\"
title = \"x\"
[body.period]
from = \"2015\"

[[body.cells]]
n = 41

[[body.cells]]
n = 3
";

    #[test]
    fn faults_stand_above_the_text_and_go_again() {
        let api = ApiError {
            error: "not signed".into(),
            remedy: None,
            code: "invalid".into(),
            findings: vec![FindingView {
                code: "TRD-02".into(),
                place: "body.cells[1].n".into(),
                says: "n=3\nis too small.".into(),
                remedy: "Merge.".into(),
            }],
        };
        let error = CommandError::from(api);
        let marked = format!("{}{TEXT}", marks(&error));
        assert_eq!(
            marked.lines().filter(|line| line.starts_with(MARK)).count(),
            2
        );
        assert_eq!(without_marks(&marked), TEXT);
        assert_eq!(faulty_line(TEXT, &error), Some(11));
        assert_eq!(faulty_line("a = 1\nb =\n", &error), Some(2));
    }
}
