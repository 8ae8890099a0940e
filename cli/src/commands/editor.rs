//! A person's own editor: VISUAL, else EDITOR, else the first of those that are installed.

use std::path::Path;
use std::process::Command;

use crate::error::{CommandError, Outcome};

/// Tried in this order when neither variable is set.
const FALLBACKS: [&str; 4] = ["editor", "nano", "vim", "vi"];

/// Editors that take `+LINE` before the file.
const KNOW_LINES: [&str; 10] = [
    "vi", "vim", "nvim", "nano", "emacs", "ed", "kak", "micro", "joe", "mcedit",
];

/// The editor's command line, if the environment names one.
pub fn from_environment() -> Option<String> {
    ["VISUAL", "EDITOR"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.trim().is_empty())
}

/// Opens a file at a line and waits until the editor ends.
///
/// # Errors
/// No editor is found, or it failed.
pub fn open(path: &Path, line: usize) -> Outcome {
    let editor = from_environment().or_else(installed).ok_or_else(|| {
        CommandError::failed(
            "no editor is installed",
            "name one in EDITOR, for example `EDITOR=nano liaison new trend`",
        )
    })?;
    // As git does: the variable may hold arguments and quotes, so a shell takes it apart; the
    // file's name is handed over as an argument and never read by the shell.
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{editor} \"$@\""))
        .arg(&editor);
    let program = editor.split_whitespace().next().unwrap_or_default();
    let program = Path::new(program)
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    if line > 1 && KNOW_LINES.contains(&program) {
        command.arg(format!("+{line}"));
    }
    let status = command.arg(path).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(CommandError::failed(
            format!("the editor '{editor}' ended with {status}"),
            format!(
                "name another one in EDITOR; your text is kept in {}",
                path.display()
            ),
        )),
        Err(e) => Err(CommandError::failed(
            format!("the editor '{editor}' does not start: {e}"),
            "name another one in EDITOR",
        )),
    }
}

fn installed() -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let found = FALLBACKS
        .iter()
        .find(|name| std::env::split_paths(&path).any(|dir| dir.join(name).is_file()));
    found.map(|name| (*name).to_owned())
}
