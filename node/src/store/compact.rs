//! Getting rid of deleted bytes, while no node runs; and a store's folder that makes room.

use std::path::{Path, PathBuf};

use super::engine::{self, Engine, disk, sync_dir};
use super::{StoreError, keys, value, whole};
use crate::limits;

/// What a compaction did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compaction {
    /// Keys copied.
    pub keys: u64,
    /// Bytes of the file before.
    pub before: u64,
    /// Bytes of the file after.
    pub after: u64,
}

/// Copies what is alive from the store in `dir` to a new one in `scratch` (on the same
/// disk, must not exist), puts that one in its place in one step and removes the old. When
/// it fails before that step, the store is as it was and `scratch` may be deleted.
///
/// # Errors
/// As [`super::Store::open`]; [`StoreError::Exists`] if `scratch` is taken;
/// [`StoreError::Full`] if the copy would not fit; [`StoreError::Leftover`] if all is done but the
/// old one can't be removed.
pub fn compact(dir: &Path, scratch: &Path) -> Result<Compaction, StoreError> {
    if scratch.exists() {
        return Err(StoreError::Exists {
            dir: scratch.to_path_buf(),
        });
    }
    let from = Engine::open(dir, limits::STORE_CACHE_BYTES)?;
    super::of_this_format(&from)?;
    let state = from
        .get(&[keys::STATE])?
        .ok_or_else(|| from.corrupt("the counters are missing"))?;
    let state = value::decode(&from, &state, || "the counters".into())?;
    whole(&from, &state)?;
    let before = from.disk_bytes()?;
    let free = from.free_bytes()?;
    let need = before.saturating_add(limits::STORE_MIN_FREE_BYTES);
    if free < need {
        return Err(StoreError::Full {
            dir: dir.to_path_buf(),
            free,
            need,
        });
    }
    let to = Engine::open(scratch, limits::STORE_CACHE_BYTES)?;
    let (mut copied, mut batch, mut bytes) = (0, Vec::new(), 0);
    for row in from.scan(&[], Vec::new()) {
        let (key, value) = row?;
        copied += 1;
        bytes += key.len() + value.len();
        batch.push((key.to_vec(), Some(value.to_vec())));
        if batch.len() >= limits::STORE_BATCH_OPS || bytes >= limits::STORE_BATCH_BYTES {
            to.apply(batch.drain(..))?;
            bytes = 0;
        }
    }
    to.apply(batch)?;
    to.sync()?;
    if let Some((incarnation, last)) = from.mark() {
        to.set_mark(incarnation, last)?;
    }
    let after = to.disk_bytes()?;
    // The old one stays locked until the new one is in its place.
    drop(to);
    swap(dir, scratch)?;
    drop(from);
    std::fs::remove_dir_all(scratch).map_err(|e| StoreError::Leftover {
        dir: scratch.to_path_buf(),
        detail: e.to_string(),
    })?;
    Ok(Compaction {
        keys: copied,
        before,
        after,
    })
}

/// Moves the folder of a store that nobody uses aside, to the first free name `DIR.damaged-N` of
/// the store in `dir`, and returns that. Nothing is deleted.
pub(super) fn move_aside(from: &Path, dir: &Path) -> Result<PathBuf, StoreError> {
    let lock = engine::lock(from)?;
    let name = dir
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    for n in 1..=u16::MAX {
        let aside = dir.with_file_name(format!("{name}.damaged-{n}"));
        if aside.exists() {
            continue;
        }
        std::fs::rename(from, &aside).map_err(|e| disk(from, &e))?;
        drop(lock);
        if let Some(parent) = dir.parent().filter(|p| !p.as_os_str().is_empty()) {
            sync_dir(parent)?;
        }
        return Ok(aside);
    }
    Err(StoreError::Exists {
        dir: dir.with_file_name(format!("{name}.damaged-{}", u16::MAX)),
    })
}

/// Has two folders change places in one step.
pub(super) fn swap(dir: &Path, scratch: &Path) -> Result<(), StoreError> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, scratch, CWD, dir, RenameFlags::EXCHANGE)
        .map_err(|e| disk(dir, &e.into()))?;
    for path in [dir, scratch] {
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            sync_dir(parent)?;
        }
    }
    Ok(())
}
