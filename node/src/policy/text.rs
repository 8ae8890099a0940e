//! A policy set's text, byte for byte, as a person wrote it and as it is kept.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::limits;
use super::problem::{Problem, ProblemKind, Problems};

/// The file that holds the circles, beside the `*.cedar` files.
pub const ENTITIES_FILE: &str = "entities.json";

/// The folder, beside the `*.cedar` files, that holds the agency's own invariants; also what
/// their names begin with where all files stand in one list.
pub const INVARIANTS_FOLDER: &str = "invariants/";
/// The file that holds the ceilings, beside the `*.cedar` files.
pub const CEILINGS_FILE: &str = "ceilings.toml";

/// The files of a policy set. What is active is kept in the store as this, so that it can be
/// loaded, compared and reverted; any change, be it a space, changes the hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyText {
    files: Vec<(String, String)>,
    entities: Option<String>,
    // Sets that were kept before there were ceilings have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ceilings: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    invariants: Vec<(String, String)>,
}

impl PolicyText {
    /// Reads a folder (its `*.cedar` files, `entities.json`, `ceilings.toml` and
    /// `invariants/*.cedar`; all else is left alone), or one `*.cedar` file with those beside it. Reads no more
    /// than the limits.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        let shown = path.display().to_string();
        let is_dir = fs::metadata(path)
            .map_err(|e| unreadable(&shown, e))?
            .is_dir();
        let (found, folder) = if is_dir {
            (cedar_files(path)?, Some(path))
        } else {
            (vec![path.to_owned()], path.parent())
        };
        let mut invariants = Vec::new();
        let own = folder.map(|folder| folder.join(INVARIANTS_FOLDER));
        for file in own
            .filter(|o| o.is_dir())
            .map_or(Ok(vec![]), |o| cedar_files(&o))?
        {
            let (name, text) = read_named(&file)?;
            invariants.push((format!("{INVARIANTS_FOLDER}{name}"), text));
        }
        let mut files = Vec::new();
        for file in &found {
            files.push(read_named(file)?);
        }
        let beside = |name: &str| match folder.map(|folder| read_bounded(&folder.join(name))) {
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(e)) if e.kind() != std::io::ErrorKind::NotFound => Err(unreadable(name, e)),
            _ => Ok(None),
        };
        let (entities, ceilings) = (beside(ENTITIES_FILE)?, beside(CEILINGS_FILE)?);
        Self::made(files, entities, ceilings, invariants)
    }

    /// From files as `(name, text)` and the text of `entities.json`, if there is one. Files are
    /// put in the order of their names.
    pub fn new(files: Vec<(String, String)>, entities: Option<String>) -> Result<Self, Problems> {
        Self::made(files, entities, None, Vec::new())
    }

    /// From files by name, as [`PolicyText::by_name`] gives them: `entities.json`,
    /// `ceilings.toml`, `invariants/…`; all others are statements.
    pub fn from_names(mut files: BTreeMap<String, String>) -> Result<Self, Problems> {
        let entities = files.remove(ENTITIES_FILE);
        let ceilings = files.remove(CEILINGS_FILE);
        let (invariants, files) = files
            .into_iter()
            .partition(|(name, _)| name.starts_with(INVARIANTS_FOLDER));
        Self::made(files, entities, ceilings, invariants)
    }

    fn made(
        mut files: Vec<(String, String)>,
        entities: Option<String>,
        ceilings: Option<String>,
        mut invariants: Vec<(String, String)>,
    ) -> Result<Self, Problems> {
        files.sort();
        invariants.sort();
        let text = Self {
            files,
            entities,
            ceilings,
            invariants,
        };
        Problems(text.problems()).into_result(text)
    }

    /// The `*.cedar` files as `(name, text)`, by name.
    pub fn files(&self) -> &[(String, String)] {
        &self.files
    }

    /// The agency's own invariants as `(invariants/NAME.cedar, text)`, by name.
    pub fn invariants(&self) -> &[(String, String)] {
        &self.invariants
    }

    /// The text of `entities.json`, if there is one.
    pub fn entities(&self) -> Option<&str> {
        self.entities.as_deref()
    }

    /// The text of `ceilings.toml`, if there is one.
    pub fn ceilings(&self) -> Option<&str> {
        self.ceilings.as_deref()
    }

    /// All files by name, as they would stand in a folder.
    pub fn by_name(&self) -> BTreeMap<String, String> {
        let all = self.files.iter().chain(&self.invariants);
        let mut files: BTreeMap<String, String> = all.cloned().collect();
        let others = [
            (ENTITIES_FILE, &self.entities),
            (CEILINGS_FILE, &self.ceilings),
        ];
        files.extend(
            others
                .into_iter()
                .filter_map(|(name, text)| Some((name.to_owned(), text.clone()?))),
        );
        files
    }

    /// SHA-256 over names and texts, each with its length before it.
    pub fn sha256(&self) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(b"liaison/1 policy text");
        let mut add = |piece: &str| {
            hash.update((piece.len() as u64).to_be_bytes());
            hash.update(piece);
        };
        for (name, text) in &self.files {
            add(name);
            add(text);
        }
        if let Some(entities) = &self.entities {
            add(ENTITIES_FILE);
            add(entities);
        }
        if let Some(ceilings) = &self.ceilings {
            add(CEILINGS_FILE);
            add(ceilings);
        }
        for (name, text) in &self.invariants {
            add(name);
            add(text);
        }
        hash.finalize().into()
    }

    /// CBOR, for the store.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to a Vec cannot fail.
        let _infallible = ciborium::into_writer(self, &mut bytes);
        bytes
    }

    /// Reads what [`PolicyText::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Problems> {
        let text: Self = ciborium::from_reader(bytes).map_err(|e| {
            Problems::one(Problem::of_file(
                "",
                ProblemKind::Unreadable {
                    reason: e.to_string(),
                },
            ))
        })?;
        Self::made(text.files, text.entities, text.ceilings, text.invariants)
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.files.is_empty() {
            problems.push(Problem::of_file("", ProblemKind::NoFiles));
        }
        if self.files.len() > limits::POLICY_FILES {
            problems.push(too_many_files(self.files.len()));
        }
        if self.invariants.len() > limits::POLICY_FILES {
            problems.push(too_many_files(self.invariants.len()));
        }
        for (name, text) in self.files.iter().chain(&self.invariants) {
            if !good_name(name.strip_prefix(INVARIANTS_FOLDER).unwrap_or(name)) {
                let name: String = name.chars().take(limits::POLICY_FILE_NAME_CHARS).collect();
                problems.push(Problem::of_file("", ProblemKind::FileName { name }));
            }
            problems.extend(too_long(name, text));
        }
        for (name, text) in [
            (ENTITIES_FILE, &self.entities),
            (CEILINGS_FILE, &self.ceilings),
        ] {
            problems.extend(text.as_ref().and_then(|text| too_long(name, text)));
        }
        let pairs = self.files.windows(2).chain(self.invariants.windows(2));
        let twice = pairs.into_iter().find_map(|w| match w {
            [(a, _), (b, _)] if a == b => Some(a.clone()),
            _ => None,
        });
        problems.extend(
            twice.map(|name| Problem::of_file(&name, ProblemKind::FileName { name: name.clone() })),
        );
        let all = self.files.iter().chain(&self.invariants);
        let total: usize = all.map(|(_, t)| t.len()).sum::<usize>()
            + self.entities.as_ref().map_or(0, String::len)
            + self.ceilings.as_ref().map_or(0, String::len);
        if total > limits::POLICY_BYTES {
            let kind = ProblemKind::TooMany {
                what: "bytes in all",
                found: total,
                max: limits::POLICY_BYTES,
                remedy: "Remove statements that are not needed",
            };
            problems.push(Problem::of_file("", kind));
        }
        problems
    }
}

fn unreadable(file: &str, e: std::io::Error) -> Problems {
    let reason = e.to_string();
    Problems::one(Problem::of_file(file, ProblemKind::Unreadable { reason }))
}

/// The `*.cedar` files of a folder, no more than allowed.
fn cedar_files(folder: &Path) -> Result<Vec<PathBuf>, Problems> {
    let shown = folder.display().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| unreadable(&shown, e))? {
        let entry = entry.map_err(|e| unreadable(&shown, e))?.path();
        if entry.extension().is_some_and(|e| e == "cedar") && entry.is_file() {
            found.push(entry);
        }
        if found.len() > limits::POLICY_FILES {
            return Err(Problems::one(too_many_files(found.len())));
        }
    }
    Ok(found)
}

/// A file's name and text.
fn read_named(file: &Path) -> Result<(String, String), Problems> {
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let text = read_bounded(file).map_err(|e| unreadable(&name, e))?;
    Ok((name, text))
}

fn good_name(name: &str) -> bool {
    let stem = name.strip_suffix(".cedar").unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !stem.is_empty()
        && !stem.starts_with('.')
        && name.len() <= limits::POLICY_FILE_NAME_CHARS
        && stem.chars().all(plain)
}

fn too_many_files(found: usize) -> Problem {
    let kind = ProblemKind::TooMany {
        what: "policy files",
        found,
        max: limits::POLICY_FILES,
        remedy: "Put statements that belong together into one file",
    };
    Problem::of_file("", kind)
}

fn too_long(name: &str, text: &str) -> Option<Problem> {
    (text.len() > limits::POLICY_FILE_BYTES).then(|| {
        let kind = ProblemKind::TooMany {
            what: "bytes",
            found: text.len(),
            max: limits::POLICY_FILE_BYTES,
            remedy: "Split the file",
        };
        Problem::of_file(name, kind)
    })
}

/// One byte more than allowed is read, so that [`too_long`] can tell.
fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let most = limits::POLICY_FILE_BYTES as u64 + 1;
    fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == most {
        // Possibly cut inside a character; the length alone is reported.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes).map_err(|_| {
        std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "the file is not UTF-8 text",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(file: &str, entities: Option<&str>) -> PolicyText {
        PolicyText::new(
            vec![("a.cedar".into(), file.into())],
            entities.map(String::from),
        )
        .expect("text")
    }

    #[test]
    fn a_space_changes_the_hash_and_bytes_round_trip() {
        let one = text("// nothing", None);
        let hash = one.sha256();
        assert_ne!(hash, text("// nothing ", None).sha256());
        assert_ne!(hash, text("// nothing", Some("{}")).sha256());
        let with = PolicyText::made(one.files.clone(), None, Some(String::new()), Vec::new())
            .expect("text");
        assert_ne!(hash, with.sha256());
        assert_eq!(PolicyText::from_bytes(&with.to_bytes()), Ok(with.clone()));
        assert_eq!(PolicyText::from_names(with.by_name()), Ok(with));
        assert_ne!(
            text("", Some("{}")).sha256(),
            text("", Some("{} ")).sha256()
        );
        let back = PolicyText::from_bytes(&one.to_bytes()).expect("bytes");
        assert_eq!(back.sha256(), hash);
        assert!(PolicyText::from_bytes(&[0xff]).is_err());
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let files = |n: usize, len: usize| {
            (0..n)
                .map(|i| (format!("{i:03}.cedar"), " ".repeat(len)))
                .collect::<Vec<_>>()
        };
        assert!(PolicyText::new(files(limits::POLICY_FILES, 10), None).is_ok());
        assert!(PolicyText::new(files(limits::POLICY_FILES + 1, 10), None).is_err());
        assert!(PolicyText::new(files(1, limits::POLICY_FILE_BYTES), None).is_ok());
        assert!(PolicyText::new(files(1, limits::POLICY_FILE_BYTES + 1), None).is_err());
        assert!(PolicyText::new(files(9, limits::POLICY_FILE_BYTES), None).is_err());
        // Before anybody parses it.
        for beside in [CEILINGS_FILE, ENTITIES_FILE] {
            let with = |len: usize| {
                let text = " ".repeat(len);
                let names = files(1, 10).into_iter().chain([(beside.to_owned(), text)]);
                PolicyText::from_names(names.collect())
            };
            assert!(with(limits::POLICY_FILE_BYTES).is_ok(), "{beside}");
            assert!(with(limits::POLICY_FILE_BYTES + 1).is_err(), "{beside}");
        }
        assert!(PolicyText::new(vec![], None).is_err());
        assert!(PolicyText::new(vec![("../a.cedar".into(), String::new())], None).is_err());
    }

    #[test]
    fn a_folder_is_read_and_what_cannot_be_is_told() {
        let dir = tempfile::tempdir().expect("dir");
        fs::write(dir.path().join("b.cedar"), "// b").expect("write");
        fs::write(dir.path().join("a.cedar"), "// a").expect("write");
        fs::write(dir.path().join("notes.txt"), "not policy").expect("write");
        let read = PolicyText::read(dir.path()).expect("read");
        let names: Vec<&str> = read.files().iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!((names, read.entities()), (vec!["a.cedar", "b.cedar"], None));
        fs::write(dir.path().join(ENTITIES_FILE), "{}").expect("write");
        let one = PolicyText::read(&dir.path().join("a.cedar")).expect("read");
        assert_eq!((one.files().len(), one.entities()), (1, Some("{}")));
        fs::write(dir.path().join("b.cedar"), [0xff, 0xfe]).expect("write");
        let error = PolicyText::read(dir.path())
            .expect_err("not text")
            .to_string();
        assert!(
            error.starts_with("b.cedar: cannot be read: the file is not UTF-8"),
            "{error}"
        );
        assert!(PolicyText::read(&dir.path().join("none")).is_err());
    }
}
