//! Values: postcard for small structures, chunks for what may be long.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::engine::Engine;
use crate::limits;

/// A structure as stored.
pub fn encode<T: Serialize>(engine: &Engine, value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(value).map_err(|e| engine.corrupt(format!("a value does not encode: {e}")))
}

/// A stored structure.
pub fn decode<T: DeserializeOwned>(
    engine: &Engine,
    bytes: &[u8],
    what: impl FnOnce() -> String,
) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|e| engine.corrupt(format!("{}: {e}", what())))
}

/// The keys and values that hold `bytes` under `key`. The first chunk begins with the whole
/// length in 4 bytes.
pub fn chunks(key: &[u8], bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut whole = Vec::with_capacity(bytes.len() + 4);
    whole.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    whole.extend_from_slice(bytes);
    (0..=u8::MAX)
        .zip(whole.chunks(limits::STORE_CHUNK_BYTES))
        .map(|(n, chunk)| (chunk_key(key, n), chunk.to_vec()))
        .collect()
}

/// The key of a chunk.
pub fn chunk_key(key: &[u8], n: u8) -> Vec<u8> {
    let mut chunk = Vec::with_capacity(key.len() + 1);
    chunk.extend_from_slice(key);
    chunk.push(n);
    chunk
}

/// How many chunks there are, by the first one.
pub fn chunk_count(first: &[u8]) -> Option<u8> {
    let length = u32::from_be_bytes(super::keys::part::<4>(first, 0)?) as usize;
    u8::try_from(length.checked_add(4)?.div_ceil(limits::STORE_CHUNK_BYTES)).ok()
}

/// The long value under a key, as one batch left it.
pub fn long(engine: &Engine, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let first = chunk_key(key, 0);
    let lost = || engine.corrupt("a part of a value is missing");
    let Some(bytes) = engine.get(&first)? else {
        return Ok(None);
    };
    if chunk_count(&bytes) == Some(1) {
        return whole(bytes.to_vec()).map(Some).ok_or_else(lost);
    }
    let _still = engine.still();
    let Some(bytes) = engine.get(&first)? else {
        return Ok(None);
    };
    let mut bytes = bytes.to_vec();
    for n in 1..chunk_count(&bytes).ok_or_else(lost)? {
        bytes.extend_from_slice(&engine.get(&chunk_key(key, n))?.ok_or_else(lost)?);
    }
    whole(bytes).map(Some).ok_or_else(lost)
}

/// Takes the length off, if it is right.
fn whole(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let length = u32::from_be_bytes(super::keys::part::<4>(&bytes, 0)?) as usize;
    if bytes.len() != length.checked_add(4)? {
        return None;
    }
    bytes.drain(..4);
    Some(bytes)
}
