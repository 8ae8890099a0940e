//! The program on a terminal, as a person sees it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Runs one command of the program in a home on a terminal, with these variables set, and
/// types these lines when it asks. Its exit code and all that stood on the terminal.
pub fn run(
    binary: &str,
    home: &Path,
    args: &[&str],
    env: &[(&str, &str)],
    typed: &str,
) -> (Option<i32>, String) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).expect("a terminal");
    unlockpt(&terminal).expect("a terminal");
    let name = ptsname(&terminal, Vec::new()).expect("its name");
    let open = || -> OwnedFd {
        rustix::fs::open(
            name.as_c_str(),
            OFlags::RDWR | OFlags::NOCTTY,
            Mode::empty(),
        )
        .expect("a terminal")
    };
    let mut command = Command::new(binary);
    command
        .args(["--home", &home.to_string_lossy()])
        .args(args)
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .envs(env.iter().copied())
        .stdin(Stdio::from(open()))
        .stdout(Stdio::from(open()))
        .stderr(Stdio::from(open()));
    let mut child = command.spawn().expect("the program starts");
    // Or this process would keep the terminal open for ever.
    drop(command);
    let mut terminal = File::from(terminal);
    terminal.write_all(typed.as_bytes()).expect("typed");
    let mut shown = Vec::new();
    // The kernel ends a terminal that nobody has open any more with an error.
    let _end = terminal.read_to_end(&mut shown);
    let code = child.wait().expect("it ends").code();
    (code, String::from_utf8_lossy(&shown).into_owned())
}
