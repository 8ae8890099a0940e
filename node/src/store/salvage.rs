//! What a damaged store still says of peers, cards and policy, taken into a new one.

use std::path::Path;

use super::engine::Engine;
use super::header::{Arrival, Incarnation};
use super::{FORMAT, StoreError, apply, keys, value};
use crate::limits;

/// Copies what can be read of peers, cards and named values from a damaged store to a new one
/// in `to`, with `note` as one more named value; gives how many rows. Records and their ledger
/// are left behind: their counters are not to be believed.
///
/// # Errors
/// [`StoreError`]: the damaged one can't even be opened, or the new one can't be made.
pub fn salvage(from: &Path, to: &Path, note: (&str, &[u8])) -> Result<u64, StoreError> {
    if to.exists() {
        return Err(StoreError::Exists {
            dir: to.to_path_buf(),
        });
    }
    let from = Engine::open(from, limits::STORE_CACHE_BYTES)?;
    super::of_this_format(&from)?;
    let mut rows = Vec::new();
    for family in [keys::PEER, keys::CARD, keys::META] {
        for row in from.scan(&[family], vec![family]) {
            // What comes after a row that can't be read can't be found either.
            let Ok((key, value)) = row else { break };
            rows.push((key.to_vec(), Some(value.to_vec())));
        }
    }
    let salvaged = rows.len() as u64;
    let to = Engine::open(to, limits::STORE_CACHE_BYTES)?;
    let incarnation = Incarnation(rand::random());
    let state = apply::State {
        incarnation: Some(incarnation),
        ..Default::default()
    };
    let (name, bytes) = note;
    super::check::name(name)?;
    let note = value::chunks(&keys::of_name(keys::META, name), bytes);
    rows.extend(note.into_iter().map(|(key, value)| (key, Some(value))));
    let state = value::encode(&to, &state)?;
    rows.push((vec![keys::FORMAT], Some(FORMAT.to_be_bytes().to_vec())));
    rows.push((vec![keys::STATE], Some(state)));
    for some in rows.chunks(limits::STORE_BATCH_OPS) {
        to.apply(some.iter().cloned())?;
    }
    to.sync()?;
    to.set_mark(incarnation, Arrival::ZERO)?;
    Ok(salvaged)
}
