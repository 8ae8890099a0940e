//! The program as a process of its own, which a test can kill.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use liaison_node::home::Home;
use serde_json::Value;

use crate::address::own_address;

/// How long a process may take to do anything at all.
const PATIENCE: Duration = Duration::from_secs(240);

/// Makes a node of border police, where only that there is one matters.
pub const INIT: [&str; 7] = [
    "init",
    "--name",
    "a",
    "--country",
    "QN",
    "--sector",
    "border",
];

/// A home on this machine, with an address of its own: its node can be started, killed and
/// started again.
pub struct Site {
    binary: PathBuf,
    /// The home folder.
    pub home: Home,
    /// Its address.
    pub address: String,
}

impl Site {
    /// `liaison init` in a new folder, for border police.
    pub fn init(binary: &str, home: &Path, name: &str) -> Self {
        Self::of_sector(binary, home, name, "border")
    }

    /// `liaison init` in a new folder, for an agency of a sector.
    pub fn of_sector(binary: &str, home: &Path, name: &str, sector: &str) -> Self {
        Self::in_country(binary, home, name, sector, "QN")
    }

    /// `liaison init` in a new folder, for an agency of a sector and country.
    pub fn in_country(binary: &str, home: &Path, name: &str, sector: &str, country: &str) -> Self {
        let address = own_address().to_string();
        let site = Self {
            binary: binary.into(),
            home: Home::at(home),
            address,
        };
        let args = [
            "init",
            "--name",
            name,
            "--country",
            country,
            "--sector",
            sector,
            "--address",
            &site.address,
        ];
        succeeded(&run(&site.binary, home, &args, ""));
        crate::federation::waits_for(&site.home, "nobody");
        site
    }

    /// A home that is there already, and of which nobody knows an address.
    pub fn at(binary: &str, home: &Path) -> Self {
        Self {
            binary: binary.into(),
            home: Home::at(home),
            address: "127.0.0.1:0".into(),
        }
    }

    /// Starts its node.
    pub fn start(&self) -> Program {
        Program::start(
            &self.binary.to_string_lossy(),
            self.home.dir(),
            &self.address,
        )
    }

    /// Its card file.
    pub fn card(&self) -> String {
        self.home
            .dir()
            .join("card.liaison")
            .to_string_lossy()
            .into_owned()
    }
}

/// What happens at a node, line by line, from the moment this is made.
pub struct Watch(BufReader<UnixStream>);

impl Watch {
    /// Watches the node of a home.
    pub fn of(home: &Home) -> Self {
        let mut stream = UnixStream::connect(home.dir().join("liaison.sock")).expect("the socket");
        let request = b"GET /v1/watch HTTP/1.1\r\nHost: liaison\r\n\r\n";
        stream.write_all(request).expect("asked");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut watch = Self(BufReader::new(stream));
        let mut status = String::new();
        watch.0.read_line(&mut status).expect("its answer");
        assert!(status.contains("200"), "{status}");
        watch
    }

    /// Waits for so many records more.
    pub fn records(&mut self, count: usize) {
        let mut seen = 0;
        while seen < count {
            let mut line = String::new();
            let read = self.0.read_line(&mut line).expect("an event in time");
            assert!(read > 0, "the node went away after {seen} records");
            if line.starts_with("{\"event\":\"record\"") {
                seen += 1;
            }
        }
    }
}

/// The output of a command that did what it should.
#[track_caller]
pub fn succeeded(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {out} {err}", output.status);
    out
}

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
        Self::start_with(binary, home, listen, &[], "")
    }

    /// The same, with more options and something to read.
    pub fn start_with(
        binary: &str,
        home: &Path,
        listen: &str,
        options: &[&str],
        input: &str,
    ) -> Self {
        Self::start_by(&[], binary, home, listen, options, input)
    }

    /// Starts the node by another program, such as `ip netns exec SPACE`, that becomes it.
    pub fn start_in(prefix: &[&str], binary: &Path, home: &Path, listen: &str) -> Self {
        Self::start_by(prefix, &binary.to_string_lossy(), home, listen, &[], "")
    }

    fn start_by(
        prefix: &[&str],
        binary: &str,
        home: &Path,
        listen: &str,
        options: &[&str],
        input: &str,
    ) -> Self {
        let mut log = std::fs::OpenOptions::new();
        let log = log
            .create(true)
            .append(true)
            .open(home.join("log.txt"))
            .expect("a log");
        let mut words = prefix.iter().copied().chain([binary]);
        let program = words.next().unwrap_or(binary);
        let mut child = Command::new(program)
            .args(words)
            .args(["--home", &home.to_string_lossy(), "run", "--listen", listen])
            .args(options)
            .env(
                "RUST_LOG",
                std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".into()),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        if let Some(mut stdin) = child.stdin.take() {
            // A node that reads no input closes it.
            let _closed = stdin.write_all(input.as_bytes());
        }
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

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Runs a command against it.
    pub fn cli(&self, args: &[&str], input: &str) -> Output {
        run(&self.binary, &self.home, args, input)
    }

    /// Runs a command that must succeed; what it printed.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        succeeded(&self.cli(args, ""))
    }

    /// Runs a command with `--json` that must succeed; its one object.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let out = self.ok(&args);
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("no JSON ({e}): {out}"))
    }

    /// Asks again and again until a command's object is so.
    pub fn until(&self, args: &[&str], so: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let value = self.json(args);
            if so(&value) {
                return value;
            }
            assert!(Instant::now() < end, "{args:?} stays {value}");
        }
    }

    /// Waits until it holds so many records that a query finds, and not one more.
    pub fn holds(&self, words: &[&str], count: u64) {
        let args: Vec<&str> = ["query", "--count"].iter().chain(words).copied().collect();
        let found = self.until(&args, |v| v["count"].as_u64().is_some_and(|n| n >= count));
        assert_eq!(found["count"], count);
    }

    /// How many records match now.
    pub fn count(&self, words: &[&str]) -> usize {
        let args: Vec<&str> = ["query", "--count"].iter().chain(words).copied().collect();
        let count = self.json(&args)["count"].as_u64().unwrap_or_default();
        usize::try_from(count).expect("a count")
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

/// A new home in a folder, by [`INIT`].
pub fn made(binary: &str, dir: &Path, name: &str) -> PathBuf {
    let home = dir.join(name);
    let ran = run(binary.as_ref(), &home, &INIT, "");
    assert!(ran.status.success(), "{ran:?}");
    home
}
