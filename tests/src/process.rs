//! The program as a process of its own, which a test can kill.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A running `liaison run`.
pub struct Program {
    binary: PathBuf,
    home: PathBuf,
    child: Child,
    /// Its ready line.
    pub ready: String,
}

impl Program {
    /// Starts the node in a home and waits for its ready line. `binary` is
    /// `env!("CARGO_BIN_EXE_liaison-under-test")`.
    pub fn start(binary: &str, home: &Path, listen: &str) -> Self {
        let mut child = Command::new(binary)
            .args(["--home", &home.to_string_lossy(), "run", "--listen", listen])
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut ready = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out)
            .read_line(&mut ready)
            .expect("its ready line");
        assert!(ready.contains("ready"), "not ready: {ready:?}");
        Self {
            binary: binary.into(),
            home: home.to_owned(),
            child,
            ready,
        }
    }

    /// Runs a command against it.
    pub fn cli(&self, args: &[&str], input: &str) -> Output {
        run(&self.binary, &self.home, args, input)
    }

    /// Kills it at once: no handler runs, nothing is flushed.
    pub fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("reaped");
    }

    /// Asks it to stop (SIGTERM) and waits; its exit code.
    pub fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill");
        assert!(sent.success());
        self.child.wait().expect("reaped").code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already gone after `kill` and `terminate`.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Runs one command of the program in a home.
pub fn run(binary: &Path, home: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(binary)
        .args(["--home", &home.to_string_lossy()])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    if let Some(mut stdin) = child.stdin.take() {
        // A command that reads no input closes it.
        let _closed = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output().expect("it ends")
}
