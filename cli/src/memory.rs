//! What the program does with memory that it does not need any more.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Parser;

use crate::commands::{Cli, Command as Named};

/// Where the allocator reads, before the program begins, for how many milliseconds it keeps what
/// is free: else a second, and until something else is freed there.
const KEEPS_MS: &str = "MIMALLOC_PURGE_DELAY";

/// Begins a node anew, as the same process, with an allocator that gives back at once what is
/// free: with half a million records it then rests at 63 MB, and not at 128. Returns where that is
/// so already, for other commands, and where it can't be done: then the node takes more.
pub fn give_back(args: &[OsString]) {
    if std::env::var_os(KEEPS_MS).is_some() || !runs_a_node(args) {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let mut anew = Command::new(program);
    if let Some((name, rest)) = args.split_first() {
        anew.arg0(name).args(rest);
    }
    // It returns only if it fails.
    let _failed = anew.env(KEEPS_MS, "0").exec();
}

fn runs_a_node(args: &[OsString]) -> bool {
    let parsed = Cli::try_parse_from(args);
    parsed.is_ok_and(|cli| matches!(cli.command, Some(Named::Run(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_told_from_other_commands() {
        let is_one = |line: &str| {
            let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            runs_a_node(&args)
        };
        assert!(is_one("liaison run"));
        assert!(is_one(
            "liaison --home /srv/run --json run --listen 127.0.0.1:0"
        ));
        assert!(!is_one("liaison --home run status"));
        assert!(!is_one("liaison run --help"));
        assert!(!is_one("liaison"));
    }
}
