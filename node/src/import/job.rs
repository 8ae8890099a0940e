//! Which import this is: a file and a map, whatever they are called. The same two again are
//! the same job, which goes on where it stood.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// Key of an import: SHA-256 of the file's bytes, SHA-256 of the map's bytes. As text both in
/// hexadecimal with a hyphen between them, 129 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey {
    file: [u8; 32],
    map: [u8; 32],
}

/// Why a text is not a [`JobKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not the key of an import: two SHA-256 of 64 small hexadecimal digits with a hyphen between them"
)]
pub struct JobKeyError;

impl JobKey {
    /// The job of this file's bytes under this map's text.
    pub fn of(file: &[u8], map: &str) -> Self {
        let mut hasher = JobHasher::new(map);
        hasher.update(file);
        hasher.finish()
    }

    /// SHA-256 of the file.
    pub const fn file(&self) -> &[u8; 32] {
        &self.file
    }

    /// SHA-256 of the map.
    pub const fn map(&self) -> &[u8; 32] {
        &self.map
    }

    /// Whether this is a job of that map.
    pub fn is_of_map(&self, map: &str) -> bool {
        self.map == <[u8; 32]>::from(Sha256::digest(map.as_bytes()))
    }

    /// Its 64 bytes, file first.
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        let (file, map) = bytes.split_at_mut(32);
        file.copy_from_slice(&self.file);
        map.copy_from_slice(&self.map);
        bytes
    }
}

/// Makes a [`JobKey`] while a file is read.
#[derive(Clone, Debug)]
pub struct JobHasher {
    file: Sha256,
    map: [u8; 32],
}

impl JobHasher {
    /// Begins a job of this map.
    pub fn new(map: &str) -> Self {
        Self {
            file: Sha256::new(),
            map: Sha256::digest(map.as_bytes()).into(),
        }
    }

    /// Takes the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        self.file.update(bytes);
    }

    /// The key, once the whole file was taken.
    pub fn finish(self) -> JobKey {
        JobKey {
            file: self.file.finalize().into(),
            map: self.map,
        }
    }
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}-{}",
            HEXLOWER.encode(&self.file),
            HEXLOWER.encode(&self.map)
        )
    }
}

impl FromStr for JobKey {
    type Err = JobKeyError;
    fn from_str(text: &str) -> Result<Self, JobKeyError> {
        let half = |text: &str| {
            // Looked at before decoding, so that a long text costs nothing.
            if text.len() != 64 {
                return None;
            }
            let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
            <[u8; 32]>::try_from(bytes.as_slice()).ok()
        };
        let (file, map) = text.split_once('-').ok_or(JobKeyError)?;
        match (half(file), half(map)) {
            (Some(file), Some(map)) => Ok(Self { file, map }),
            _ => Err(JobKeyError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_depends_on_both() {
        let key = JobKey::of(b"a,b\n1,2\n", "[record]");
        assert_eq!(key.to_string().len(), 129);
        assert_eq!(key.to_string().parse(), Ok(key));
        assert!(key.is_of_map("[record]") && !key.is_of_map("[record] "));
        assert_ne!(key, JobKey::of(b"a,b\n1,3\n", "[record]"));
        assert_ne!(key, JobKey::of(b"a,b\n1,2\n", "[records]"));
        let mut pieces = JobHasher::new("[record]");
        pieces.update(b"a,b\n");
        pieces.update(b"1,2\n");
        assert_eq!(pieces.finish(), key);
    }

    #[test]
    fn anything_else_is_refused() {
        let good = JobKey::of(b"", "").to_string();
        let upper = good.to_uppercase();
        let long = format!("{good}00");
        for bad in [
            "",
            "-",
            "ab-cd",
            "../../etc",
            upper.as_str(),
            long.as_str(),
            good.get(1..).unwrap_or_default(),
        ] {
            assert_eq!(bad.parse::<JobKey>(), Err(JobKeyError), "{bad}");
        }
    }
}
