//! The documents: what they link to is there, and so are the commands that they name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::harness::{liaison, out};

/// Every page of the project.
fn pages(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            pages(&path, out);
        } else if path.extension().is_some_and(|e| e == "md") {
            out.push(path);
        }
    }
}

/// A heading as the end of a link: `## Every day` is `every-day`.
fn anchor(heading: &str) -> String {
    let plain = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    let text: String = heading.to_lowercase().chars().filter(plain).collect();
    text.replace(' ', "-")
}

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut all = Vec::new();
    pages(&root, &mut all);
    assert!(all.len() > 15, "{all:?}");
    let mut seen = 0;
    for page in &all {
        let text = std::fs::read_to_string(page).expect("a page");
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap_or_default();
            if link.contains("://") || link.contains(char::is_whitespace) {
                continue;
            }
            let (file, part) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().expect("a folder").join(file),
            };
            assert!(target.exists(), "{}: {link}", page.display());
            if !part.is_empty() {
                let text = std::fs::read_to_string(&target).expect("a page");
                let mut heads = text.lines().filter(|line| line.starts_with('#'));
                let there = heads.any(|h| anchor(h.trim_start_matches(['#', ' '])) == part);
                assert!(there, "{}: {link}", page.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

/// What `--help` says of commands, asked once each.
#[derive(Default)]
struct Help(BTreeMap<Vec<String>, String>);

impl Help {
    fn of(&mut self, command: &[String]) -> &str {
        self.0.entry(command.to_vec()).or_insert_with(|| {
            let args = command.iter().map(String::as_str).chain(["--help"]);
            out(&liaison(
                &std::env::temp_dir(),
                &args.collect::<Vec<&str>>(),
            ))
        })
    }

    /// Whether a command has this one below it.
    fn has(&mut self, command: &[String], name: &str) -> bool {
        let help = self.of(command);
        let (_, below) = help.split_once("\nCommands:\n").unwrap_or_default();
        let names = below.lines().take_while(|line| !line.is_empty());
        names
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .any(|line| line.split_whitespace().next() == Some(name))
    }
}

/// The words of each call of the program on a page: in a block with or without a prompt, or
/// between backquotes.
fn calls(text: &str) -> Vec<Vec<String>> {
    let blocks = text.split("```").skip(1).step_by(2);
    let lines = blocks.flat_map(str::lines).map(|line| {
        let line = line.split_once("$ ").map_or(line, |(_, typed)| typed);
        line.trim_start().trim_start_matches("sudo -u liaison ")
    });
    let prose: String = text.split("```").step_by(2).collect();
    let inline: Vec<&str> = prose.split('`').skip(1).step_by(2).collect();
    let typed = lines.chain(inline);
    let calls = typed.filter_map(|line| line.strip_prefix("liaison "));
    calls
        .map(|call| {
            let call = call.split([';', '|', '#', '&']).next().unwrap_or_default();
            let mut words: Vec<String> = call.split_whitespace().map(str::to_owned).collect();
            if words.first().is_some_and(|word| word == "--home") {
                words.drain(..words.len().min(2));
            }
            words
        })
        // `liaison vectors: NAME` is a text.
        .filter(|words| words.first().is_some_and(|word| !word.ends_with(':')))
        .collect()
}

#[test]
fn every_command_and_option_on_a_page_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut all = Vec::new();
    pages(&root, &mut all);
    let mut help = Help::default();
    let mut seen = 0;
    for page in all {
        let text = std::fs::read_to_string(&page).expect("a page");
        for call in calls(&text) {
            let shown = format!("{}: liaison {}", page.display(), call.join(" "));
            let mut command: Vec<String> = Vec::new();
            while let Some(word) = call.get(command.len())
                && help.has(&command, word)
            {
                command.push(word.clone());
            }
            let is_option = call[0].starts_with('-');
            assert!(is_option || !command.is_empty(), "no such command: {shown}");
            for option in call.iter().filter(|word| word.starts_with("--")) {
                let name = option.split('=').next().unwrap_or_default();
                let known = help.of(&command).contains(name);
                assert!(known, "no such option, {name}: {shown}");
            }
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}
