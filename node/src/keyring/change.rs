//! Another master key, and with it another data key: every file is encrypted anew. Whoever kept a
//! copy of the keyring from before, with what opened it, reads what is in that copy, and nothing
//! that the keyring holds from then on.
//!
//! The new data key stands in `keyring/master.next` until every file is encrypted under it, then
//! in `keyring/master`. A change that was interrupted is carried on by the same command; until
//! then the keyring opens with nothing, so that no file is taken for a damaged one.

use std::path::Path;

use super::error::KeyringError;
use super::locker::{self, Locker};
use super::master::{self, HEADING, MasterKey};
use super::{ENTRIES, SEALING, Shelf, place};
use crate::limits;

/// The heading of a change that is under way.
const NEXT: &str = "master.next";

/// Closes a keyring under another master key. The node must not run. Copies of the folder that
/// were made before still open with the old one.
///
/// # Errors
/// [`KeyringError`]; the keyring is then as it was, or, if some files were encrypted anew
/// already, [`KeyringError::Changing`] until the same is done again. `step` is told how many files
/// are done, and how many there are.
pub fn change_master(
    dir: &Path,
    old: &MasterKey,
    new: &MasterKey,
    mut step: impl FnMut(usize, usize),
) -> Result<(), KeyringError> {
    let _nobody_else = locker::hold(dir)?;
    finish(dir)?;
    let from = master::opened(dir, HEADING, old)?.ok_or_else(|| KeyringError::Heading {
        path: dir.join(HEADING).display().to_string(),
    })?;
    let to = match master::opened(dir, NEXT, new)? {
        Some(to) => to,
        None => master::make(dir, NEXT, new)?,
    };
    let mut all = Vec::new();
    let folders = [ENTRIES, SEALING].into_iter();
    for folder in folders.chain(Shelf::ALL.iter().map(|shelf| shelf.folder())) {
        let names = unfinished_dropped(&dir.join(folder))?;
        all.push((folder, names));
    }
    let (mut done, total) = (0, all.iter().map(|(_, names)| names.len()).sum());
    for (folder, names) in &all {
        for batch in names.chunks(limits::KEYRING_BATCH) {
            encrypt_anew(dir, folder, batch, (&from, &to))?;
            done += batch.len();
            step(done, total);
        }
    }
    if let Some(heading) = locker::read(&dir.join(NEXT))? {
        locker::replace(&dir.join(HEADING), &heading)?;
        locker::sync(dir)?;
    }
    finish(dir)
}

/// What is left of a change that came to its end.
///
/// # Errors
/// [`KeyringError::Io`].
fn finish(dir: &Path) -> Result<(), KeyringError> {
    if let Some(next) = locker::read(&dir.join(NEXT))?
        && locker::read(&dir.join(HEADING))?.as_ref() == Some(&next)
    {
        locker::shred(&dir.join(NEXT))?;
    }
    Ok(())
}

/// Refuses a keyring of which some files are under one data key, and some under another.
///
/// # Errors
/// [`KeyringError::Changing`], [`KeyringError::Io`].
pub(super) fn is_whole(dir: &Path) -> Result<(), KeyringError> {
    finish(dir)?;
    match dir.join(NEXT).exists() {
        true => Err(KeyringError::Changing {
            dir: dir.display().to_string(),
        }),
        false => Ok(()),
    }
}

/// The names in a folder, without what a stop in the middle of a write left there.
fn unfinished_dropped(dir: &Path) -> Result<Vec<String>, KeyringError> {
    let (left, names): (Vec<_>, Vec<_>) = locker::names(dir)?
        .into_iter()
        .partition(|name| name.ends_with(locker::UNFINISHED));
    for name in left {
        locker::shred(&dir.join(name))?;
    }
    Ok(names)
}

/// Several files of a folder, with four syncs for all of them: the new ones are on the disk before
/// one takes its place, and all are in their places for good before an old one is overwritten.
fn encrypt_anew(
    dir: &Path,
    folder: &str,
    names: &[String],
    (from, to): (&Locker, &Locker),
) -> Result<(), KeyringError> {
    let path = dir.join(folder);
    let disk = locker::Disk::of(&path)?;
    let mut written = Vec::new();
    for name in names {
        let (file, place) = (path.join(name), place(folder, name));
        // What does not open is done already, or opens with neither: whoever reads it is told that.
        if let Some(sealed) = locker::read(&file)?
            && let Some(bytes) = from.open(&place, &sealed)
        {
            locker::write_beside(&file, &to.seal(&place, &bytes)?)?;
            written.push(file);
        }
    }
    if written.is_empty() {
        return Ok(());
    }
    disk.sync()?;
    let before: Result<Vec<_>, _> = written.iter().map(|f| locker::put_in_place(f)).collect();
    let before = before?;
    locker::sync(&path)?;
    for old in before.iter().flatten() {
        // What becomes of the old ones stops nobody.
        let _best_effort = locker::overwrite(old);
    }
    let _best_effort = disk.sync();
    Ok(())
}
