//! Where the files lie that a scenario names: beside it, or in this program.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use liaison_node::policy::{CEILINGS_FILE, ENTITIES_FILE, INVARIANTS_FOLDER};

use crate::limits::{POLICY_BYTES, POLICY_FILES};

/// Name and text of a file that is built in.
pub type BuiltIn = (&'static str, &'static str);

/// Where a scenario's files lie.
#[derive(Clone, Debug)]
pub enum Files {
    /// In this folder, and in those that its names lead to.
    Folder(PathBuf),
    /// In this program, under the names by which the scenario calls them.
    BuiltIn(&'static [BuiltIn]),
}

impl Files {
    /// A file's text, of at most so many bytes.
    ///
    /// # Errors
    /// Why not, as the end of a sentence that begins with the file's name.
    pub fn text(&self, name: &str, limit: u64) -> Result<String, String> {
        match self {
            Self::Folder(folder) => read(&folder.join(name), limit),
            Self::BuiltIn(files) => {
                let found = files.iter().find(|(known, _)| *known == name);
                let found = found.map(|(_, text)| (*text).to_owned());
                found.ok_or_else(|| "is not part of this program".into())
            }
        }
    }

    /// The files of a folder with a policy: their names within it, and texts.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn policy(&self, name: &str) -> Result<Vec<(String, String)>, String> {
        let found = match self {
            Self::Folder(folder) => {
                let folder = folder.join(name);
                let mut found = of_policy(&folder, "")?;
                let invariants = folder.join(INVARIANTS_FOLDER);
                if invariants.is_dir() {
                    found.extend(of_policy(&invariants, INVARIANTS_FOLDER)?);
                }
                found
            }
            Self::BuiltIn(files) => within(files, name),
        };
        if found.iter().any(|(name, _)| name.ends_with(".cedar")) {
            Ok(found)
        } else {
            Err("is a folder without a *.cedar file".into())
        }
    }
}

/// The built-in files of a folder: their names within it, and texts.
pub fn within(files: &[BuiltIn], folder: &str) -> Vec<(String, String)> {
    let inside = |(name, text): &BuiltIn| {
        let rest = name.strip_prefix(folder)?.strip_prefix('/')?;
        Some((rest.to_owned(), (*text).to_owned()))
    };
    files.iter().filter_map(inside).collect()
}

fn of_policy(folder: &Path, prefix: &str) -> Result<Vec<(String, String)>, String> {
    let failed = |e: std::io::Error| format!("can't be read: {e}");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = prefix.is_empty() && [ENTITIES_FILE, CEILINGS_FILE].contains(&name.as_ref());
        let wanted = beside || (name.ends_with(".cedar") && !name.starts_with('.'));
        if !wanted || !path.is_file() {
            continue;
        }
        if found.len() >= POLICY_FILES {
            return Err(format!("holds more than {POLICY_FILES} policy files"));
        }
        let text =
            read(&path, POLICY_BYTES).map_err(|says| format!("holds {name}, which {says}"))?;
        found.push((format!("{prefix}{name}"), text));
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path, limit: u64) -> Result<String, String> {
    let failed = |e: std::io::Error| format!("can't be read: {e}");
    let file = File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err("is no file".into());
    }
    let mut text = String::new();
    let bytes = file
        .take(limit.saturating_add(1))
        .read_to_string(&mut text)
        .map_err(failed)?;
    if bytes as u64 > limit {
        return Err(format!("is larger than {limit} bytes"));
    }
    Ok(text)
}
