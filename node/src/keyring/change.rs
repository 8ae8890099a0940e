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

/// The heading of a change that is under way.
const NEXT: &str = "master.next";

/// Closes a keyring under another master key. The node must not run. Copies of the folder that
/// were made before still open with the old one.
///
/// # Errors
/// [`KeyringError`]; the keyring is then as it was, or, if some files were encrypted anew
/// already, [`KeyringError::Changing`] until the same is done again.
pub fn change_master(dir: &Path, old: &MasterKey, new: &MasterKey) -> Result<(), KeyringError> {
    let _nobody_else = locker::hold(dir)?;
    finish(dir)?;
    let from = master::opened(dir, HEADING, old)?.ok_or_else(|| KeyringError::Heading {
        path: dir.join(HEADING).display().to_string(),
    })?;
    let to = match master::opened(dir, NEXT, new)? {
        Some(to) => to,
        None => master::make(dir, NEXT, new)?,
    };
    let folders = [ENTRIES, SEALING].into_iter();
    for folder in folders.chain(Shelf::ALL.iter().map(|shelf| shelf.folder())) {
        let path = dir.join(folder);
        for name in locker::names(&path)? {
            encrypt_anew(&path.join(&name), &place(folder, &name), &from, &to)?;
        }
        locker::sync(&path)?;
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

fn encrypt_anew(path: &Path, place: &str, from: &Locker, to: &Locker) -> Result<(), KeyringError> {
    if place.ends_with(locker::UNFINISHED) {
        return locker::shred(path).map(drop);
    }
    let Some(sealed) = locker::read(path)? else {
        return Ok(());
    };
    match from.open(place, &sealed) {
        Some(bytes) => locker::replace(path, &to.seal(place, &bytes)?),
        // It is done already, or opens with neither: whoever reads it is told that.
        None => Ok(()),
    }
}
