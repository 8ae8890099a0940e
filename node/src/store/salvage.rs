//! What a damaged store still says of peers, cards and policy, in a new one in its place.

use std::path::{Path, PathBuf};

use super::compact::{move_aside, swap};
use super::engine::Engine;
use super::header::{Arrival, Incarnation};
use super::{FORMAT, StoreError, apply, keys, value};
use crate::limits;

/// What is taken over, and what it is called.
const FAMILIES: [(u8, &str); 3] = [
    (keys::PEER, "peers"),
    (keys::CARD, "cards"),
    (keys::META, "policy"),
];

type Row = (Vec<u8>, Option<Vec<u8>>);

/// What a salvage did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salvaged {
    /// Where the damaged store is now.
    pub aside: PathBuf,
    /// Rows that were taken over.
    pub rows: u64,
    /// Of what not all could be read: `peers`, `cards`, `policy`.
    pub unread: Vec<&'static str>,
}

/// Puts a new store in the place of the damaged one in `dir`: with what can be read of peers,
/// cards and named values, and `note` as one more named value. Records and their ledger are left
/// behind: their counters are not to be believed. The damaged one is moved to the first free name
/// `DIR.damaged-N`. It is made in `scratch`, on the same disk; what stands there, of a salvage
/// that was broken off, is moved aside too. Wherever it breaks off, one of the two stores stands
/// in `dir`, and nothing is deleted.
///
/// # Errors
/// [`StoreError::InUse`]; [`StoreError::Disk`] or [`StoreError::Full`] if the new one can't be
/// made: the damaged one is where it was.
pub fn salvage(dir: &Path, scratch: &Path, note: (&str, &[u8])) -> Result<Salvaged, StoreError> {
    if scratch.exists() {
        // It may be the damaged one of then.
        move_aside(scratch, dir)?;
    }
    let (rows, unread) = read(dir)?;
    let salvaged = rows.len() as u64;
    if let Err(error) = make(scratch, rows, note) {
        let _gone = std::fs::remove_dir_all(scratch);
        return Err(error);
    }
    swap(dir, scratch)?;
    Ok(Salvaged {
        aside: move_aside(scratch, dir)?,
        rows: salvaged,
        unread,
    })
}

/// What can be read of it, and of what not all can.
fn read(dir: &Path) -> Result<(Vec<Row>, Vec<&'static str>), StoreError> {
    let opened = Engine::open(dir, limits::STORE_CACHE_BYTES)
        .and_then(|engine| super::of_this_format(&engine).map(|_| engine));
    let from = match opened {
        Ok(from) => from,
        Err(error @ StoreError::InUse { .. }) => return Err(error),
        Err(_) => return Ok((Vec::new(), FAMILIES.map(|(_, name)| name).to_vec())),
    };
    let (mut rows, mut unread) = (Vec::new(), Vec::new());
    for (family, name) in FAMILIES {
        let mut of_it: Vec<Row> = Vec::new();
        for row in from.scan(&[family], vec![family]) {
            let Ok((key, value)) = row else {
                // What comes after a row that can't be read can't be found either.
                drop_half(&mut of_it);
                unread.push(name);
                break;
            };
            of_it.push((key.to_vec(), Some(value.to_vec())));
        }
        rows.append(&mut of_it);
    }
    Ok((rows, unread))
}

/// Leaves out a value at the end of which not all parts were read: no node starts with half a
/// policy.
fn drop_half(rows: &mut Vec<Row>) {
    let name = |row: &Row| row.0.split_last().map(|(_, name)| name.to_vec());
    let Some(last) = rows.last().and_then(name) else {
        return;
    };
    let parts = rows
        .iter()
        .rev()
        .take_while(|row| name(row).as_ref() == Some(&last));
    let begins = rows.len() - parts.count();
    let first = rows.get(begins).and_then(|(_, value)| value.as_deref());
    let wants = first.and_then(value::chunk_count).map(usize::from);
    if wants != Some(rows.len() - begins) {
        rows.truncate(begins);
    }
}

fn make(dir: &Path, mut rows: Vec<Row>, note: (&str, &[u8])) -> Result<(), StoreError> {
    let (name, bytes) = note;
    super::check::name(name)?;
    let to = Engine::open(dir, limits::STORE_CACHE_BYTES)?;
    let incarnation = Incarnation(rand::random());
    let state = apply::State {
        incarnation: Some(incarnation),
        ..Default::default()
    };
    let note = value::chunks(&keys::of_name(keys::META, name), bytes);
    rows.extend(note.into_iter().map(|(key, value)| (key, Some(value))));
    let state = value::encode(&to, &state)?;
    rows.push((vec![keys::FORMAT], Some(FORMAT.to_be_bytes().to_vec())));
    rows.push((vec![keys::STATE], Some(state)));
    for some in rows.chunks(limits::STORE_BATCH_OPS) {
        to.apply(some.iter().cloned())?;
    }
    to.sync()?;
    to.set_mark(incarnation, Arrival::ZERO)
}
