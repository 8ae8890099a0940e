//! Looks for the planted words on the disks of all nodes.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::super::report::Check;

/// What was looked at already, so that a file is read again only when it changed.
pub struct Disk {
    secrets: Vec<String>,
    seen: BTreeMap<PathBuf, (u64, Option<SystemTime>)>,
}

impl Disk {
    /// Nothing was looked at yet.
    pub fn new(secrets: &[String]) -> Self {
        Self {
            secrets: secrets.to_vec(),
            seen: BTreeMap::new(),
        }
    }

    /// Looks at every file under a folder that is new or changed; none: there is nothing to look
    /// for.
    pub fn search(&mut self, dir: &Path) -> Option<Check> {
        if self.secrets.is_empty() {
            return None;
        }
        let mut found = Vec::new();
        let mut folders = vec![dir.to_owned()];
        while let Some(folder) = folders.pop() {
            // Files come and go while the nodes run.
            let Ok(entries) = std::fs::read_dir(folder) else {
                continue;
            };
            for entry in entries.flatten() {
                let Ok(meta) = entry.metadata() else { continue };
                if meta.is_dir() {
                    folders.push(entry.path());
                } else if meta.is_file() && self.is_new(&entry.path(), &meta) {
                    let bytes = std::fs::read(entry.path()).unwrap_or_default();
                    found.extend(self.words_in(&bytes).map(|word| {
                        let path = entry.path();
                        let path = path
                            .strip_prefix(dir)
                            .unwrap_or(&path)
                            .display()
                            .to_string();
                        format!("'{word}' stands in clear in {path}")
                    }));
                }
            }
        }
        let says = "the planted words stand on no disk in clear";
        Some(Check::of(found.is_empty(), says, found.join("; ")))
    }

    fn is_new(&mut self, path: &Path, meta: &Metadata) -> bool {
        let now = (meta.len(), meta.modified().ok());
        self.seen.insert(path.to_owned(), now) != Some(now)
    }

    fn words_in<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = &'a str> {
        let words = self.secrets.iter();
        words
            .filter(|word| memchr::memmem::find(bytes, word.as_bytes()).is_some())
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_in_a_new_and_in_a_changed_file() {
        let dir = tempfile::tempdir().expect("folder");
        let inner = dir.path().join("node");
        std::fs::create_dir(&inner).expect("folder");
        let mut disk = Disk::new(&["Antonmarke".into()]);
        let mut ok = || disk.search(dir.path()).expect("something to look for").ok;
        std::fs::write(inner.join("store"), b"\0nothing").expect("write");
        assert!(ok());
        std::fs::write(inner.join("store"), b"\0xx Antonmarke\0").expect("write");
        assert!(!ok());
        assert!(Disk::new(&[]).search(dir.path()).is_none());
    }
}
