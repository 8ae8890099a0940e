//! Drafts that are not sent yet: `HOME/drafts/`, or the user's own folder where the home
//! belongs to the service.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::CommandError;
use crate::limits::DRAFTS;

/// The folders where drafts of this user may lie; the first that can be written is used.
#[derive(Clone, Debug)]
pub struct Drafts {
    folders: Vec<PathBuf>,
}

impl Drafts {
    /// Drafts of a home; `own` is the user's own data folder.
    pub fn new(home: &Path, own: Option<PathBuf>) -> Self {
        // No folder is made where there is no home: it would look like one.
        let mut folders: Vec<PathBuf> = home
            .is_dir()
            .then(|| home.join("drafts"))
            .into_iter()
            .collect();
        folders.extend(
            own.map(|own| own.join("drafts"))
                .filter(|own| *own != home.join("drafts") || !home.is_dir()),
        );
        Self { folders }
    }

    /// Names of all drafts, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .folders
            .iter()
            .filter_map(|folder| fs::read_dir(folder).ok())
            .flatten()
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .take(DRAFTS)
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Keeps a new draft of a kind under the first free name.
    ///
    /// # Errors
    /// No folder can be written, or there are too many drafts.
    pub fn create(&self, kind: &str, text: &str) -> Result<PathBuf, CommandError> {
        let mut last = None;
        for folder in &self.folders {
            let made = fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder);
            if let Err(source) = made {
                last = Some(CommandError::File {
                    what: "write",
                    path: folder.clone(),
                    source,
                });
                continue;
            }
            for n in 1..=DRAFTS {
                let path = folder.join(format!("{kind}-{n}.toml"));
                let file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path);
                match file.and_then(|mut file| file.write_all(text.as_bytes())) {
                    Ok(()) => return Ok(path),
                    Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                    Err(source) => {
                        last = Some(CommandError::File {
                            what: "write",
                            path,
                            source,
                        });
                        break;
                    }
                }
            }
        }
        Err(last.unwrap_or_else(|| {
            CommandError::failed(
                format!("there are {DRAFTS} drafts of {kind} already"),
                "send or delete some of them; `liaison` lists them",
            )
        }))
    }

    /// The file of a draft, by name or by path.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, name: &str) -> Result<PathBuf, CommandError> {
        let plain = Path::new(name);
        let alone = plain.components().count() == 1;
        let inside = self
            .folders
            .iter()
            .filter(|_| alone)
            .map(|folder| folder.join(format!("{name}.toml")));
        inside
            .chain([plain.to_path_buf()])
            .find(|path| path.is_file())
            .ok_or_else(|| {
                let known = self.names();
                let remedy = if known.is_empty() {
                    "begin one with `liaison new KIND`".to_owned()
                } else {
                    format!("the drafts are: {}", known.join(", "))
                };
                CommandError::usage(format!("there is no draft '{name}'"), remedy)
            })
    }
}

/// The name of a draft's file, as `--edit` takes it.
pub fn name_of(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_fall_back_to_the_users_folder() {
        let folder = tempfile::tempdir().expect("tempdir");
        let blocked = folder.path().join("home");
        fs::create_dir(&blocked).expect("home");
        fs::write(
            blocked.join("drafts"),
            "a file, so no draft can be put there",
        )
        .expect("write");
        let drafts = Drafts::new(&blocked, Some(folder.path().join("own")));
        let first = drafts.create("trend", "a = 1").expect("create");
        let second = drafts.create("trend", "a = 2").expect("create");
        assert!(first.starts_with(folder.path().join("own")));
        assert_eq!(drafts.names(), ["trend-1", "trend-2"]);
        assert_eq!(drafts.find("trend-2").ok(), Some(second.clone()));
        assert_eq!(name_of(&second), "trend-2");
        assert!(drafts.find("../trend-2").is_err());
    }
}
