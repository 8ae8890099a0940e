//! `liaison` as a login shell: the home screen, a prompt, and the commands of an officer's day.
//!
//! Many officers have a Windows machine and no administrator. A small Linux machine with one
//! SSH account a person serves them: the account's shell is this program under the name
//! `liaison-shell`. It starts no other program and no editor, expands nothing, and takes only
//! the commands below, whatever is asked for on the line or by `ssh HOST COMMAND`.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::CommandFactory as _;

use crate::error::{self, CommandError};
use crate::output::Ui;

/// The name under which this program is a login shell.
const NAME: &str = "liaison-shell";

/// Commands that may be typed, with those below them where not all may.
const ALLOWED: &[(&str, &[&str], &str)] = &[
    ("inbox", &[], "referrals that are live"),
    ("refer", &[], "make a referral, look at one, move it on"),
    ("service", &[], "which offers fit, where offers are missing"),
    ("contact", &["print"], "the directory"),
    ("query", &[], "search records"),
    ("show", &[], "one record"),
    ("why", &[], "why a peer gets a record, or not"),
    ("stats", &[], "figures without persons"),
    ("expiry", &[], "what ends, what is due for review"),
    ("approve", &[], "do what a colleague asked for"),
    ("reject", &[], "drop what a colleague asked for"),
    ("officers", &[], "who may do what"),
    ("status", &[], "how the node is"),
    ("peer", &["list", "test"], "the linked agencies"),
    ("audit", &["log"], "who did what"),
];

/// Flags that no line may have: they choose another node's folder.
const FORBIDDEN_FLAGS: &[&str] = &["--home"];

/// Bytes of a line: nobody types more.
const LINE_BYTES: u64 = 4096;

/// Whether the program was started under the shell's name; a login shell's has a hyphen before
/// it.
pub fn is_shell(program: &OsStr) -> bool {
    let name = Path::new(program).file_name().unwrap_or(program);
    let name = name.to_string_lossy();
    name.strip_prefix('-').unwrap_or(&name) == NAME
}

/// Runs the shell with the arguments that follow its name; the exit code.
pub fn run(args: &[OsString], ui: &mut Ui) -> u8 {
    match args {
        [] => prompt(ui),
        // What sshd gives a shell for `ssh HOST COMMAND`.
        [flag, line] if flag == "-c" => match line.to_str() {
            Some(line) => one(line, ui).unwrap_or(error::DONE),
            None => refuse(ui, "that is no text"),
        },
        _ => refuse(ui, "this shell takes no arguments but -c COMMAND"),
    }
}

fn prompt(ui: &mut Ui) -> u8 {
    let mut code = crate::run_in(&[OsString::from("liaison")], ui);
    let hint = "Type a command without 'liaison' before it; 'help' lists them, 'exit' ends.";
    if ui.note(hint).is_err() {
        return error::FAILED;
    }
    loop {
        match ui.read_answer("liaison>") {
            // Neither half of a line that was cut is done: the shell ends.
            Ok(Some(line)) if line.len() as u64 >= LINE_BYTES - 1 => {
                return refuse(ui, "that line is too long");
            }
            Ok(Some(line)) => match one(&line, ui) {
                Some(done) => code = done,
                None => return code,
            },
            Ok(None) => return code,
            Err(_) => return error::FAILED,
        }
    }
}

/// Does one line; none: it ends the shell.
fn one(line: &str, ui: &mut Ui) -> Option<u8> {
    let words = match words(line) {
        Ok(words) => words,
        Err(says) => return Some(refuse(ui, says)),
    };
    // `liaison inbox`, as the help and every answer write it, is the same as `inbox`.
    let words = match words.split_first() {
        Some((first, rest)) if first == "liaison" => rest,
        _ => &words,
    };
    match words.first().map(String::as_str) {
        None => return Some(crate::run_in(&[OsString::from("liaison")], ui)),
        Some("exit" | "quit" | "logout") => return None,
        Some("help") if words.len() == 1 => return Some(help(ui)),
        Some(_) => {}
    }
    // `help inbox` shows what `inbox --help` shows.
    let asked = match words.split_first() {
        Some((first, rest)) if first == "help" => rest,
        _ => words,
    };
    if let Err(says) = check(asked) {
        return Some(refuse(ui, &says));
    }
    let args = std::iter::once("liaison".to_owned()).chain(words.iter().cloned());
    let args: Vec<OsString> = args.map(OsString::from).collect();
    Some(crate::run_in(&args, ui))
}

/// Whether these words may be run.
fn check(words: &[String]) -> Result<(), String> {
    let first = words.first().map_or("", String::as_str);
    let Some((name, below, _)) = ALLOWED.iter().find(|(name, ..)| *name == first) else {
        let program = crate::commands::Cli::command();
        if program.find_subcommand(first).is_some() {
            return Err(format!(
                "'{first}' is no command of this shell, but of a login that has more: ask a colleague with one, or the administrator"
            ));
        }
        return Err(format!(
            "'{}' is no command of this shell; 'help' lists them",
            liaison_protocol::id::clip(first)
        ));
    };
    let asks_help = |word: &String| word == "--help" || word == "-h";
    if let Some(second) = words.get(1)
        && !below.is_empty()
        && !asks_help(second)
        && !below.contains(&second.as_str())
    {
        return Err(format!(
            "of '{name}' this shell knows: {}",
            below.join(", ")
        ));
    }
    for word in words {
        let flag = word.split_once('=').map_or(word.as_str(), |(flag, _)| flag);
        if FORBIDDEN_FLAGS.contains(&flag) {
            return Err(format!("{flag} is not for this shell"));
        }
        if matches!(
            word.as_str(),
            "|" | ">" | ">>" | "<" | "&" | "&&" | "||" | ";"
        ) {
            return Err(format!(
                "'{word}': there are no files and no other programs here"
            ));
        }
    }
    Ok(())
}

fn help(ui: &mut Ui) -> u8 {
    let mut out = String::new();
    for (name, below, says) in ALLOWED {
        let name = match below {
            [] => (*name).to_owned(),
            below => format!("{name} {}", below.join("|")),
        };
        out.push_str(&format!("  {name:<16}  {says}\n"));
    }
    out.push_str("  help COMMAND      how it is typed, with examples\n");
    out.push_str("  exit              end\n");
    ui.print(&out).map_or(error::FAILED, |()| error::DONE)
}

fn refuse(ui: &mut Ui, says: &str) -> u8 {
    let error = CommandError::usage(says, "'help' lists the commands of this shell");
    // If the terminal is gone, the exit code is all that is left.
    let _ = crate::report(ui, &error);
    error::USAGE
}

/// Words of a line: blanks part them unless quoted; nothing is expanded.
pub(crate) fn words(line: &str) -> Result<Vec<String>, &'static str> {
    let mut out = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => out.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    out.extend(word);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn checked(line: &str) -> Result<(), String> {
        check(&words(line).expect("words"))
    }

    #[test]
    fn the_shell_is_known_by_its_name() {
        for name in [
            "liaison-shell",
            "-liaison-shell",
            "/usr/local/bin/liaison-shell",
        ] {
            assert!(is_shell(OsStr::new(name)), "{name}");
        }
        for name in ["liaison", "/usr/bin/liaison", "--liaison-shell", ""] {
            assert!(!is_shell(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_line_is_split_and_nothing_is_expanded() {
        assert_eq!(
            words("refer find 'amber lake'  --reason \"it's her\" $HOME *").expect("words"),
            [
                "refer",
                "find",
                "amber lake",
                "--reason",
                "it's her",
                "$HOME",
                "*"
            ]
        );
        assert_eq!(words("query ''").expect("words"), ["query", ""]);
        assert!(words("query 'open").is_err());
    }

    #[test]
    fn only_the_commands_of_an_officers_day_are_taken() {
        for good in [
            "inbox",
            "refer accept 3F7K",
            "contact print",
            "peer list",
            "query x --json",
        ] {
            assert_eq!(checked(good), Ok(()), "{good}");
        }
        for bad in [
            "sh",
            "run",
            "init",
            "new trend",
            "card export /tmp/x",
            "backup /tmp/x",
            "peer add x",
            "audit export /tmp/x",
            "keys rotate",
            "inbox --home /tmp",
            "inbox --home=/tmp",
            "--home /tmp inbox",
            "query x > /tmp/x",
            "query x | sh",
        ] {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_command_of_the_shell_is_one() {
        let cli = crate::commands::Cli::command();
        for (name, below, _) in ALLOWED {
            let command = cli.find_subcommand(name).expect("a command");
            for name in *below {
                assert!(command.find_subcommand(name).is_some(), "{name}");
            }
        }
    }
}
