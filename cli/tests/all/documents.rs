//! The documents: what they link to is there.

use std::path::{Path, PathBuf};

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
