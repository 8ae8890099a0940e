//! Parcels on the disk: a folder an addressee, a file a parcel, whose name says the rest.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;

use super::{Held, MailboxError};
use crate::limits::STORE_MIN_FREE_BYTES;

/// Where what is no parcel goes.
const ASIDE: &str = "aside";

/// What a file is called until it is whole.
const INCOMING: &str = "incoming-";

/// Numbers the files that are being written.
static NUMBER: AtomicU64 = AtomicU64::new(0);

pub(super) struct Files {
    dir: PathBuf,
}

impl Files {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Reads what there is, in the order in which it came. Files that are not whole are
    /// deleted, what is no parcel is set aside, folders without parcels leave.
    pub(super) fn scan(&self) -> Result<Vec<Held>, MailboxError> {
        make(&self.dir)?;
        let mut all = Vec::new();
        for entry in entries(&self.dir)? {
            let path = entry.path();
            if entry.file_name() == ASIDE {
                continue;
            }
            let to = entry.file_name().to_str().and_then(agency);
            match to {
                Some(to) if path.is_dir() => {
                    self.scan_folder(&path, to, &mut all)?;
                    // Fails while there is a parcel in it.
                    let _kept = fs::remove_dir(&path);
                }
                _ => self.aside(&path)?,
            }
        }
        all.sort_by_key(|held| (held.kept, held.id));
        Ok(all)
    }

    fn scan_folder(
        &self,
        folder: &Path,
        to: AgencyId,
        all: &mut Vec<Held>,
    ) -> Result<(), MailboxError> {
        for entry in entries(folder)? {
            let (name, path) = (entry.file_name(), entry.path());
            if name.to_string_lossy().starts_with(INCOMING) {
                fs::remove_file(&path).map_err(|e| io(&path, e))?;
                continue;
            }
            // Not through a link: what is behind one was not put here by this node.
            let about = fs::symlink_metadata(&path).map_err(|e| io(&path, e))?;
            let size = u32::try_from(about.len()).ok();
            let held = name.to_str().and_then(|name| parse(name, to, size?));
            match held {
                Some(held) if about.is_file() => all.push(held),
                _ => self.aside(&path)?,
            }
        }
        Ok(())
    }

    /// Begins a parcel's file, beside its place.
    pub(super) fn begin(&self, held: &Held) -> Result<Writing, MailboxError> {
        let folder = self.folder(&held.to);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let beside = folder.join(format!("{INCOMING}{number}"));
        let free = rustix::fs::statvfs(&self.dir)
            .map(|s| s.f_bavail.saturating_mul(s.f_frsize))
            .map_err(|e| io(&self.dir, e.into()))?;
        if free < STORE_MIN_FREE_BYTES.saturating_add(held.size.into()) {
            return Err(io(&self.dir, io::ErrorKind::StorageFull.into()));
        }
        let mut attempts = 0;
        let file = loop {
            make(&folder)?;
            let opened = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&beside);
            attempts += 1;
            match opened {
                Ok(file) => break file,
                // The last parcel for this addressee left at this moment, and its folder too.
                Err(e) if e.kind() == io::ErrorKind::NotFound && attempts < 3 => {}
                Err(e) => return Err(io(&beside, e)),
            }
        };
        Ok(Writing {
            path: self.path(held),
            folder,
            beside,
            file,
            kept: false,
        })
    }

    /// A parcel's file, and its bytes, one more than it should have at most.
    pub(super) fn open(&self, held: &Held) -> Result<(File, Vec<u8>), MailboxError> {
        let path = self.path(held);
        let mut bytes = Vec::with_capacity(held.size as usize);
        let opened = File::open(&path).and_then(|file| {
            let most = u64::from(held.size).saturating_add(1);
            (&file).take(most).read_to_end(&mut bytes)?;
            Ok(file)
        });
        Ok((opened.map_err(|e| io(&path, e))?, bytes))
    }

    /// Deletes parcels; they are off the disk when this returns. What is gone already is no
    /// fault.
    pub(super) fn delete(&self, gone: &[Held]) -> Result<(), MailboxError> {
        let mut folders: Vec<AgencyId> = Vec::new();
        let mut failed = None;
        for held in gone {
            let path = self.path(held);
            match fs::remove_file(&path) {
                Ok(()) => folders.push(held.to),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => failed = Some(io(&path, e)),
            }
        }
        folders.sort_unstable();
        folders.dedup();
        for to in folders {
            let folder = self.folder(&to);
            // Without its parcels a folder tells no more than that there were some.
            let synced = match fs::remove_dir(&folder) {
                Ok(()) => sync(&self.dir).map_err(|e| io(&self.dir, e)),
                Err(_) => sync(&folder).map_err(|e| io(&folder, e)),
            };
            if let Err(error) = synced {
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Moves a parcel aside, which is not what it was.
    pub(super) fn set_aside(&self, held: &Held) -> Result<(), MailboxError> {
        self.aside(&self.path(held))
    }

    fn aside(&self, path: &Path) -> Result<(), MailboxError> {
        let aside = self.dir.join(ASIDE);
        make(&aside)?;
        let name = path.file_name().unwrap_or_default();
        tracing::warn!(file = %name.to_string_lossy(), "is no parcel and was set aside");
        fs::rename(path, aside.join(name)).map_err(|e| io(path, e))
    }

    fn folder(&self, to: &AgencyId) -> PathBuf {
        self.dir.join(to.full())
    }

    fn path(&self, held: &Held) -> PathBuf {
        self.folder(&held.to).join(name(held))
    }
}

/// A parcel's file that is being written; deleted when it is dropped before it is whole.
pub(super) struct Writing {
    folder: PathBuf,
    beside: PathBuf,
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Writing {
    /// Writes more of it.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), MailboxError> {
        let written = self.file.write_all(bytes);
        written.map_err(|e| io(&self.beside, e))
    }

    /// It is whole: syncs it, renames it to its place and syncs the folder.
    pub(super) fn keep(mut self) -> Result<(), MailboxError> {
        self.file
            .sync_all()
            .and_then(|()| fs::rename(&self.beside, &self.path))
            .and_then(|()| {
                self.kept = true;
                sync(&self.folder)
            })
            .map_err(|e| io(&self.path, e))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.kept {
            // The next start deletes what is left.
            let _gone = fs::remove_file(&self.beside);
        }
    }
}

/// How many files were set aside in the mailbox of this folder.
pub(crate) fn aside(dir: &Path) -> u64 {
    fs::read_dir(dir.join(ASIDE)).map_or(0, |all| all.count() as u64)
}

/// `ID-DEPOSITOR-KEPT-EXPIRES-OWED`: two names in base32, two times in milliseconds since
/// 1970, `owed` or `other`.
fn name(held: &Held) -> String {
    let owed = if held.owed { "owed" } else { "other" };
    format!(
        "{}-{}-{}-{}-{owed}",
        held.id, held.from, held.kept.0, held.expires.0
    )
}

fn parse(text: &str, to: AgencyId, size: u32) -> Option<Held> {
    let mut parts = text.split('-');
    let mut part = || parts.next();
    let held = Held {
        id: part()?.parse().ok()?,
        from: part()?.parse().ok()?,
        to,
        size,
        kept: Millis(part()?.parse().ok()?),
        expires: Millis(part()?.parse().ok()?),
        owed: part()? == "owed",
    };
    // One name a parcel: others would be found again under the one that they should have.
    (name(&held) == text).then_some(held)
}

fn agency(text: &str) -> Option<AgencyId> {
    let agency: AgencyId = text.parse().ok()?;
    (agency.full() == text).then_some(agency)
}

fn entries(dir: &Path) -> Result<impl Iterator<Item = fs::DirEntry>, MailboxError> {
    let all: Result<Vec<_>, _> = fs::read_dir(dir).and_then(Iterator::collect);
    Ok(all.map_err(|e| io(dir, e))?.into_iter())
}

fn make(dir: &Path) -> Result<(), MailboxError> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .and_then(|()| dir.parent().map_or(Ok(()), sync))
        .map_err(|e| io(dir, e))
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn io(path: &Path, source: io::Error) -> MailboxError {
    MailboxError::Io {
        path: path.display().to_string(),
        source,
    }
}
