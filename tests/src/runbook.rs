//! The runbook as a script: its blocks with prompts, run on real nodes and held against what it
//! says that they print.
//!
//! A line `narova$ COMMAND` is run on that machine; the lines below it are its output, where `…`
//! stands for anything and a line `…` for any lines; `[exit N]` is its exit code, if it is not 0.
//! `DIGITS` in a command stands for those of the card that it names, which somebody read out on
//! the telephone.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::http::fetch;
use crate::process::{Program, Site};
use crate::sheet;

/// For how long a look is repeated until it shows what the runbook says.
const PATIENCE: Duration = Duration::from_secs(120);

/// The address of the figures in the runbook.
const FIGURES: &str = "http://127.0.0.1:9464/";

/// The runbook's chapters that have something to run.
pub struct Runbook(Vec<(String, Vec<Step>)>);

/// One command, and what it prints.
#[derive(Clone, Debug)]
pub struct Step {
    /// On which machine.
    pub at: String,
    /// What is typed there.
    pub command: String,
    expected: Vec<String>,
    code: i32,
}

impl Runbook {
    /// Reads it.
    pub fn read(text: &str) -> Self {
        let mut chapters: Vec<(String, Vec<Step>)> = Vec::new();
        let (mut chapter, mut in_block) = (String::new(), false);
        for line in text.lines() {
            if let Some(title) = line.strip_prefix("## ") {
                chapter = title.to_owned();
            } else if line.starts_with("```") {
                in_block = line == "```console";
            } else if in_block {
                if chapters.last().is_none_or(|(title, _)| *title != chapter) {
                    chapters.push((chapter.clone(), Vec::new()));
                }
                let (_, steps) = chapters.last_mut().expect("a chapter");
                let prompt = line
                    .split_once("$ ")
                    .filter(|(at, _)| at.chars().all(|c| c.is_ascii_lowercase()));
                if let Some((at, command)) = prompt {
                    steps.push(Step {
                        at: at.to_owned(),
                        command: command.to_owned(),
                        expected: Vec::new(),
                        code: 0,
                    });
                    continue;
                }
                let step = steps.last_mut().expect("a block begins with a prompt");
                let code = line
                    .strip_prefix("[exit ")
                    .and_then(|l| l.strip_suffix(']'));
                match code {
                    Some(code) => step.code = code.parse().expect("an exit code"),
                    None => step.expected.push(line.to_owned()),
                }
            }
        }
        Self(chapters)
    }

    /// The chapters that have something to run.
    pub fn chapters(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(title, _)| title.as_str())
    }

    /// What is to be run in a chapter.
    #[track_caller]
    pub fn steps(&self, chapter: &str) -> &[Step] {
        let found = self.0.iter().find(|(title, _)| title == chapter);
        let (_, steps) = found.unwrap_or_else(|| panic!("no chapter '{chapter}'"));
        steps
    }
}

/// The machines that the runbook speaks of, on this one.
pub struct Machines {
    dir: PathBuf,
    homes: BTreeMap<String, PathBuf>,
    programs: BTreeMap<String, (Site, Option<Program>)>,
    figures: Option<SocketAddr>,
}

impl Machines {
    /// None yet; `dir` holds what is theirs, and programs called as they are there.
    pub fn new(binary: &str, dir: &Path) -> Self {
        let bin = dir.join("bin");
        for folder in [&bin, &dir.join("media/safe"), &dir.join("backups")] {
            std::fs::create_dir_all(folder).expect("folder");
        }
        symlink(binary, bin.join("liaison")).expect("the program");
        // The service's users are not here: their folders belong to who runs the tests.
        for (name, script) in [
            ("sudo", "[ \"$1\" = -u ] && shift 2\nexec \"$@\""),
            (
                "install",
                "for last; do :; done\nexec mkdir -m 0710 \"$last\"",
            ),
        ] {
            let file = bin.join(name);
            std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("a script");
            let runs = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&file, runs).expect("a script");
        }
        Self {
            dir: dir.to_owned(),
            homes: BTreeMap::new(),
            programs: BTreeMap::new(),
            figures: None,
        }
    }

    /// A machine with a node that runs as a process of its own.
    pub fn add(&mut self, name: &str, site: Site) {
        let program = site.start();
        self.homes.insert(name.into(), site.home.dir().to_owned());
        self.programs.insert(name.into(), (site, Some(program)));
    }

    /// A machine with a node that runs elsewhere, with this home.
    pub fn add_home(&mut self, name: &str, home: &Path) {
        self.homes.insert(name.into(), home.to_owned());
    }

    /// Where the figures that are looked at are served.
    pub fn figures_at(&mut self, address: SocketAddr) {
        self.figures = Some(address);
    }

    /// What stands for `/media/safe`.
    pub fn safe(&self) -> PathBuf {
        self.dir.join("media/safe")
    }

    /// What stands for `/var/backups`.
    pub fn backups(&self) -> PathBuf {
        self.dir.join("backups")
    }

    /// A machine's running node.
    #[track_caller]
    pub fn node(&self, name: &str) -> &Program {
        let (_, program) = &self.programs[name];
        program.as_ref().expect("it runs")
    }

    /// Stops a machine's node.
    #[track_caller]
    pub fn stop(&mut self, name: &str) {
        let (_, program) = self.programs.get_mut(name).expect("a machine");
        let program = program.take().expect("it runs");
        assert_eq!(program.terminate(), Some(0));
    }

    /// Starts it.
    #[track_caller]
    pub fn start(&mut self, name: &str) {
        let (site, program) = self.programs.get_mut(name).expect("a machine");
        assert!(program.is_none(), "{name} runs already");
        *program = Some(site.start());
    }

    /// Does what a chapter says, and holds it against what it says that this prints.
    #[track_caller]
    pub fn play(&mut self, runbook: &Runbook, chapter: &str) {
        for step in runbook.steps(chapter) {
            println!("{chapter}: {}$ {}", step.at, step.command);
            let Some(order) = step.command.strip_prefix("sudo systemctl ") else {
                self.run(step);
                continue;
            };
            match order.strip_suffix("-hub").unwrap_or(order) {
                "stop liaison" => self.stop(&step.at),
                "start liaison" => self.start(&step.at),
                "restart liaison" => {
                    self.stop(&step.at);
                    self.start(&step.at);
                }
                other => panic!("'systemctl {other}' is not known here"),
            }
        }
    }

    fn run(&self, step: &Step) {
        let end = Instant::now() + PATIENCE;
        loop {
            let (printed, code) = match step.command.strip_prefix("curl -s ") {
                Some(url) => (self.fetched(url), 0),
                None => self.typed(step),
            };
            let fits = fits(&step.expected, &printed);
            if fits && code == step.code {
                return;
            }
            // What only looks is asked again, until what it looks at has happened.
            let looks = [
                "curl",
                "liaison status",
                "liaison parcels",
                "liaison restore status",
                "liaison peer test",
            ];
            let looks = looks.iter().any(|l| step.command.starts_with(l));
            assert!(
                looks && Instant::now() < end,
                "the runbook says that '{}' prints\n{}\n[exit {}]\nbut it prints\n{printed}\n[exit {code}]",
                step.command,
                step.expected.join("\n"),
                step.code
            );
        }
    }

    fn fetched(&self, url: &str) -> String {
        let path = url.strip_prefix(FIGURES).expect("the figures' address");
        let answer = fetch(self.figures.expect("figures"), &format!("/{path}"));
        String::from_utf8(answer.body).expect("text")
    }

    fn typed(&self, step: &Step) -> (String, i32) {
        let home = &self.homes[&step.at];
        let dir = self.dir.display();
        let examples = sheet::workspace().join("examples/");
        let mut command = step
            .command
            .replace("/var/lib/liaison-hub", &home.to_string_lossy())
            .replace("/var/lib/liaison", &home.to_string_lossy())
            .replace("/media/", &format!("{dir}/media/"))
            .replace("/var/backups/", &format!("{dir}/backups/"))
            .replace(
                "/usr/share/doc/liaison/examples/",
                &examples.to_string_lossy(),
            );
        if command.contains("DIGITS") {
            command = command.replace("DIGITS", &self.digits(&step.at, &command));
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let done = Command::new("sh")
            .args(["-c", &command])
            .env("LIAISON_HOME", home)
            .env("PATH", format!("{dir}/bin:{path}"))
            .env("RUST_LOG", "off")
            .stdin(Stdio::null())
            .output()
            .expect("a shell");
        let printed = [done.stdout, done.stderr].concat();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        (printed, done.status.code().unwrap_or(-1))
    }

    /// The digits of the card that a command names.
    fn digits(&self, at: &str, command: &str) -> String {
        let card = command.split(' ').find(|word| word.ends_with(".card"));
        let card = card.expect("a card");
        let shown = self.node(at).json(&["card", "show", card]);
        shown["fingerprint"].as_str().expect("digits").to_owned()
    }
}

/// Whether what was printed is what is expected, line by line.
fn fits(expected: &[String], printed: &str) -> bool {
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|l| l.trim_end().to_owned());
        lines.filter(|l| !l.is_empty()).collect()
    };
    let printed = lines(printed);
    let expected: Vec<&str> = expected.iter().map(|l| l.trim_end()).collect();
    all_fit(&expected, &printed)
}

fn all_fit(expected: &[&str], printed: &[String]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((&"…", rest)) => (0..=printed.len()).any(|n| all_fit(rest, &printed[n..])),
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, left)| line_fits(first, line) && all_fit(rest, left)),
    }
}

fn line_fits(pattern: &str, line: &str) -> bool {
    let mut left = line;
    let mut parts = pattern.split('…').peekable();
    let mut first = true;
    while let Some(part) = parts.next() {
        // Around an `…`, spaces are as many as a table wants.
        let part = if first { part.trim_end() } else { part.trim() };
        let at = match (first, parts.peek().is_none()) {
            (true, true) => return left == part,
            (true, false) => left.starts_with(part).then_some(0),
            (false, true) => return left.ends_with(part),
            (false, false) => left.find(part),
        };
        let Some(at) = at else { return false };
        left = &left[at + part.len()..];
        first = false;
    }
    true
}

#[cfg(test)]
mod tests {

    #[test]
    fn an_ellipsis_stands_for_anything_and_nothing_else_does() {
        let fits = |expected: &str, printed: &str| {
            let expected: Vec<String> = expected.lines().map(str::to_owned).collect();
            super::fits(&expected, printed)
        };
        assert!(fits("a … c", "a b c\n"));
        assert!(fits(
            "lantern  up since …",
            "lantern  up since 2026       0\n"
        ));
        assert!(fits("…\nwrong: …", "x\n\ny\nwrong: z\n"));
        assert!(fits("a\n…", "a\n"));
        assert!(!fits("a", "a\nb\n"));
        assert!(!fits("a\nb", "a\n"));
        assert!(!fits("", "a\n"));
        assert!(!fits("a … c", "a b d\n"));
        assert!(!fits("b …", "a b c\n"));
    }
}
