//! The log's files: segments `NUMBER.log`, named by their first line, and of those that left,
//! a stub `NUMBER.stub` each, by which the chain still verifies.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::AuditError;
use super::line::{Digest, Line, split};
use crate::limits;

/// What is left of a segment that left: enough to check what follows against what its end was
/// signed as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stub {
    /// Its first line.
    pub first: u64,
    /// Its last line.
    pub last: u64,
    /// Hash of the line before its last.
    pub before: String,
    /// Its last line as it stood there: a signed head.
    pub end: String,
}

/// A segment's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its first line.
    pub first: u64,
    /// Its file.
    pub path: PathBuf,
    /// Bytes.
    pub bytes: u64,
}

/// One line as read.
pub struct Raw {
    /// Its hash, as it stands there.
    pub digest: Digest,
    /// Its JSON.
    pub json: Vec<u8>,
}

impl Raw {
    /// What it says.
    pub fn line(&self) -> Option<Line> {
        serde_json::from_slice(&self.json).ok()
    }
}

/// How a segment's bytes go on.
pub enum Next {
    /// A line.
    Line(Raw),
    /// Something that is no line, with its end.
    Garbage,
    /// Bytes without an end: a write that was cut off. So many.
    Torn(u64),
    /// Nothing.
    End,
}

/// Reads a segment line by line.
pub struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    /// Bytes of the lines that were read whole.
    pub read: u64,
}

impl Lines {
    /// Opens a segment.
    ///
    /// # Errors
    /// [`AuditError::Io`].
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let file = File::open(path).map_err(|e| io(path, &e))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufReader::new(file),
            read: 0,
        })
    }

    /// The next line.
    ///
    /// # Errors
    /// [`AuditError::Io`].
    pub fn read_next(&mut self) -> Result<Next, AuditError> {
        let mut raw = Vec::new();
        let most = limits::AUDIT_LINE_BYTES + 1;
        let read = (&mut self.file)
            .take(most)
            .read_until(b'\n', &mut raw)
            .map_err(|e| io(&self.path, &e))? as u64;
        if read == 0 {
            return Ok(Next::End);
        }
        if raw.pop() != Some(b'\n') {
            // Either cut off, or longer than any line: the rest is as bad.
            return Ok(if read >= most {
                Next::Garbage
            } else {
                Next::Torn(read)
            });
        }
        self.read += read;
        Ok(match split(&raw) {
            Some((digest, json)) => Next::Line(Raw {
                digest,
                json: json.to_vec(),
            }),
            None => Next::Garbage,
        })
    }
}

/// The segments of a folder, in order.
///
/// # Errors
/// [`AuditError::Io`].
pub fn segments(dir: &Path) -> Result<Vec<Segment>, AuditError> {
    let mut all = Vec::new();
    for (first, path) in numbered(dir, "log")? {
        let bytes = fs::metadata(&path).map_err(|e| io(&path, &e))?.len();
        all.push(Segment { first, path, bytes });
    }
    Ok(all)
}

/// The stubs of a folder, in order; `None` for one that can't be read.
///
/// # Errors
/// [`AuditError::Io`].
pub fn stubs(dir: &Path) -> Result<Vec<(PathBuf, Option<Stub>)>, AuditError> {
    let mut all = Vec::new();
    for (_, path) in numbered(dir, "stub")? {
        let bytes = fs::read(&path).map_err(|e| io(&path, &e))?;
        all.push((path, serde_json::from_slice(&bytes).ok()));
    }
    Ok(all)
}

/// Where a segment with this first line stands.
pub fn path_of(dir: &Path, first: u64, ending: &str) -> PathBuf {
    dir.join(format!("{first:020}.{ending}"))
}

/// Lets a segment leave: its stub is on the disk before it goes.
///
/// # Errors
/// [`AuditError::Io`]; [`AuditError::Sign`] where it does not end with a signed head. It stays.
pub fn leave(dir: &Path, segment: &Segment) -> Result<(), AuditError> {
    let mut lines = Lines::open(&segment.path)?;
    let (mut before, mut last, mut end) = (Digest::default(), Digest::default(), None);
    loop {
        match lines.read_next()? {
            Next::Line(raw) => {
                before = last;
                last = raw.digest;
                end = Some(raw);
            }
            // Damage leaves with the rest, if what follows it was signed.
            Next::Garbage => {}
            Next::Torn(_) | Next::End => break,
        }
    }
    let signed = end.and_then(|raw| Some((raw.line()?, raw)));
    let Some((line, raw)) = signed.filter(|(line, _)| line.head.is_some()) else {
        return Err(AuditError::Sign {
            says: format!("{} does not end with a signed head", segment.path.display()),
        });
    };
    let stub = Stub {
        first: segment.first,
        last: line.n,
        before: before.to_string(),
        end: format!("{} {}", raw.digest, String::from_utf8_lossy(&raw.json)),
    };
    let bytes = serde_json::to_vec(&stub).map_err(|e| AuditError::Sign {
        says: e.to_string(),
    })?;
    let path = path_of(dir, segment.first, "stub");
    File::create(&path)
        .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))
        .map_err(|e| io(&path, &e))?;
    sync_dir(dir)?;
    fs::remove_file(&segment.path).map_err(|e| io(&segment.path, &e))
}

/// Makes the folder's entries last.
pub fn sync_dir(dir: &Path) -> Result<(), AuditError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| io(dir, &e))
}

pub fn io(path: &Path, error: &std::io::Error) -> AuditError {
    AuditError::Io {
        path: path.display().to_string(),
        says: error.to_string(),
    }
}

fn numbered(dir: &Path, ending: &str) -> Result<Vec<(u64, PathBuf)>, AuditError> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).map_err(|e| io(dir, &e))? {
        let path = entry.map_err(|e| io(dir, &e))?.path();
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .and_then(|stem| stem.parse().ok());
        if let Some(number) = number
            && path.extension().is_some_and(|e| e == ending)
        {
            all.push((number, path));
        }
    }
    all.sort();
    Ok(all)
}
