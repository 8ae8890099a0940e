//! The program on a terminal, as a person sees it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::federation::PATIENCE;

/// Where a person sits: the program, its home, and the variables that are set.
pub struct Seat<'a> {
    /// The program.
    pub binary: &'a str,
    /// The node's home.
    pub home: &'a Path,
    /// Variables.
    pub env: &'a [(&'a str, &'a str)],
    /// Another user than the one who runs the tests, which takes root.
    pub uid: Option<u32>,
}

impl Seat<'_> {
    /// Runs one command; to each of these questions in turn, once it is put, types the answer.
    /// Its exit code and all that stood on the terminal, as lines.
    pub fn talk(&self, args: &[&str], answers: &[(&str, &str)]) -> (Option<i32>, String) {
        let (mut child, mut terminal) = self.spawn(args);
        let pid = child.id().to_string();
        let (done, over) = sync_channel::<()>(1);
        let watch = std::thread::spawn(move || {
            if over.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // Or a question that is never put would be waited for without end.
                let _gone = Command::new("kill").args(["-KILL", &pid]).status();
            }
        });
        let (mut shown, mut answered) = (Vec::new(), 0);
        let mut answers = answers.iter().peekable();
        let mut piece = [0; 4096];
        loop {
            let new = shown.get(answered..).unwrap_or_default();
            // A question ends with a space.
            let put = answers.next_if(|(question, _)| {
                new.ends_with(b" ") && crate::sealed::stands_in(new, question.as_bytes())
            });
            if let Some((_, typed)) = put {
                answered = shown.len();
                let line = format!("{typed}\n");
                terminal.write_all(line.as_bytes()).expect("typed");
                continue;
            }
            // The kernel ends a terminal that nobody has open any more with an error.
            match terminal.read(&mut piece) {
                Ok(read) if read > 0 => shown.extend(piece.iter().take(read)),
                _ => break,
            }
        }
        let code = child.wait().expect("it ends").code();
        drop(done);
        watch.join().expect("it watched");
        let shown = String::from_utf8_lossy(&shown).replace("\r\n", "\n");
        let left = answers.next();
        assert!(left.is_none(), "{args:?}: never asked {left:?}: {shown}");
        (code, shown)
    }

    fn spawn(&self, args: &[&str]) -> (Child, File) {
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
        let mut command = Command::new(self.binary);
        command
            .args(["--home", &self.home.to_string_lossy()])
            .args(args)
            .env_remove("NO_COLOR")
            .env("TERM", "xterm")
            .envs(self.env.iter().copied())
            .stdin(Stdio::from(open()))
            .stdout(Stdio::from(open()))
            .stderr(Stdio::from(open()));
        if let Some(uid) = self.uid {
            command.uid(uid).gid(uid).env("HOME", "/nonexistent");
        }
        let child = command.spawn().expect("the program starts");
        // `command` goes here, or this process would keep the terminal open for ever.
        (child, File::from(terminal))
    }
}

/// Runs one command of the program in a home on a terminal, with these variables set, and
/// types these lines before it asks. Its exit code and all that stood on the terminal.
pub fn run(
    binary: &str,
    home: &Path,
    args: &[&str],
    env: &[(&str, &str)],
    typed: &str,
) -> (Option<i32>, String) {
    let seat = Seat {
        binary,
        home,
        env,
        uid: None,
    };
    let (mut child, mut terminal) = seat.spawn(args);
    terminal.write_all(typed.as_bytes()).expect("typed");
    let mut shown = Vec::new();
    // As above.
    let _end = terminal.read_to_end(&mut shown);
    let code = child.wait().expect("it ends").code();
    (code, String::from_utf8_lossy(&shown).into_owned())
}
