//! Many small entries in one value of sled.
//!
//! sled splits a page at 16 entries, however small they are, and keeps several hundred bytes of
//! every page in memory, cached or not: with an entry of its own for each key, a record cost 150
//! bytes for as long as the node ran. So what there is of each record lies in blocks. A block
//! holds the keys from its own up to the next block's, in order; the first one of a group lies
//! under the group's prefix, so that there is one for each key.
//!
//! In a block: length of the key (1 byte), length of the value (4 bytes, big-endian), key, value.

use std::collections::BTreeMap;
use std::ops::Range;

use super::keys;

/// Bytes of a block that grows at its end. A million records of 1.1 KB take 73 MB of memory and
/// 4.3 GB of log with it; with 4 KiB they take 55 MB and 5.0 GB.
const IN_ORDER: usize = 2 * 1024;

/// Bytes of a block whose keys are hashes: each new one writes another block anew.
const HASHED: usize = 1024;

/// The length of a value.
const VALUE_LENGTH: usize = size_of::<u32>();

/// Bytes of an entry beside key and value.
const HEAD: usize = 1 + VALUE_LENGTH;

/// How the keys of a family lie together.
#[derive(Clone, Copy, Debug)]
pub struct Packing {
    /// Bytes at the start of a key that are the same in all keys of a block.
    pub group: usize,
    /// Bytes of a block, unless one entry is larger.
    pub bytes: usize,
}

/// How a key lies with others; none: by itself.
pub fn packing(key: &[u8]) -> Option<Packing> {
    let (group, bytes) = match *key.first()? {
        keys::RECORD | keys::HEADER | keys::AUDIENCE | keys::OWED => (1, IN_ORDER),
        keys::LEDGER | keys::LATER => (keys::OF_PEER, IN_ORDER),
        keys::REFUSED => (keys::OF_PEER, HASHED),
        keys::ID
        | keys::SUPERSEDED
        | keys::WAITING
        | keys::TOMBSTONE
        | keys::RECEIPT
        | keys::RECALLED => (1, HASHED),
        _ => return None,
    };
    (key.len() >= group).then_some(Packing { group, bytes })
}

/// Where an entry lies in its block.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its key.
    pub key: Range<usize>,
    /// Its value.
    pub value: Range<usize>,
}

/// A block, with its first key before it.
pub type Named = (Vec<u8>, Vec<u8>);

/// The block can't be read: it is cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short;

/// The entry that begins at `at`; none at the end.
pub fn entry(block: &[u8], at: usize) -> Result<Option<Place>, Short> {
    if at == block.len() {
        return Ok(None);
    }
    let key = usize::from(*block.get(at).ok_or(Short)?);
    let value = keys::part::<VALUE_LENGTH>(block, at + 1).ok_or(Short)?;
    let key = at + HEAD..at + HEAD + key;
    let length = usize::try_from(u32::from_be_bytes(value)).map_err(|_| Short)?;
    let value = key.end..key.end.checked_add(length).ok_or(Short)?;
    if value.end > block.len() {
        return Err(Short);
    }
    Ok(Some(Place { key, value }))
}

/// The entry of a key.
pub fn find(block: &[u8], key: &[u8]) -> Result<Option<Place>, Short> {
    let mut at = 0;
    while let Some(place) = entry(block, at)? {
        match block.get(place.key.clone()).ok_or(Short)?.cmp(key) {
            std::cmp::Ordering::Less => at = place.value.end,
            std::cmp::Ordering::Equal => return Ok(Some(place)),
            std::cmp::Ordering::Greater => break,
        }
    }
    Ok(None)
}

/// The last entry whose key is below `end`.
pub fn last_below(block: &[u8], end: &[u8]) -> Result<Option<Place>, Short> {
    let (mut at, mut last) = (0, None);
    while let Some(place) = entry(block, at)? {
        if block.get(place.key.clone()).ok_or(Short)? >= end {
            break;
        }
        at = place.value.end;
        last = Some(place);
    }
    Ok(last)
}

/// A block after changes, cut into blocks of at most `bytes`, each with its first key. Where all
/// that is new comes after what was there, blocks are filled one after another; else they are
/// made alike, so that each has room.
pub fn change(
    block: &[u8],
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
) -> Result<Vec<Named>, Short> {
    let mut entries: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
    let mut at = 0;
    while let Some(place) = entry(block, at)? {
        at = place.value.end;
        let part = |range: Range<usize>| block.get(range).ok_or(Short);
        entries.insert(part(place.key)?, part(place.value)?);
    }
    let appended = match (entries.last_key_value(), changes.first_key_value()) {
        (Some((last, _)), Some((first, _))) => *last < first.as_slice(),
        _ => true,
    };
    for (key, value) in &changes {
        match value {
            Some(value) => entries.insert(key, value),
            None => entries.remove(key.as_slice()),
        };
    }
    let size = |(key, value): (&&[u8], &&[u8])| HEAD + key.len() + value.len();
    let all: usize = entries.iter().map(size).sum();
    let enough = if appended {
        bytes
    } else {
        all / all.div_ceil(bytes).max(1)
    };
    let mut blocks: Vec<Named> = Vec::new();
    for row in &entries {
        let (key, value) = row;
        let fits = |block: &Vec<u8>| block.len() < enough && block.len() + size(row) <= bytes;
        let block = match blocks.last_mut() {
            Some((_, block)) if fits(block) => block,
            _ => {
                blocks.push((key.to_vec(), Vec::with_capacity(bytes)));
                match blocks.last_mut() {
                    Some((_, block)) => block,
                    None => return Err(Short),
                }
            }
        };
        block.push(u8::try_from(key.len()).map_err(|_| Short)?);
        let length = u32::try_from(value.len()).map_err(|_| Short)?;
        block.extend_from_slice(&length.to_be_bytes());
        block.extend_from_slice(key);
        block.extend_from_slice(value);
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(rows: &[(&[u8], Option<usize>)]) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
        rows.iter()
            .map(|(key, value)| (key.to_vec(), value.map(|n| vec![7; n])))
            .collect()
    }

    #[test]
    fn what_comes_in_order_fills_one_block_after_another() {
        let mut blocks = vec![(b"h".to_vec(), Vec::new())];
        for n in 0..100u8 {
            let (key, last) = blocks.pop().unwrap();
            let mut next = change(&last, changes(&[(&[b'h', n], Some(95))]), 1000).unwrap();
            next[0].0 = key;
            blocks.extend(next);
        }
        let sizes: Vec<_> = blocks.iter().map(|(_, block)| block.len()).collect();
        assert_eq!(
            sizes,
            vec![102 * 9; 11]
                .into_iter()
                .chain([102])
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn what_comes_in_between_leaves_room_in_both_halves() {
        let rows: Vec<_> = (0..9u8).map(|n| [b'h', 2 * n]).collect();
        let rows: Vec<(&[u8], _)> = rows.iter().map(|key| (&key[..], Some(95))).collect();
        let whole = change(&[], changes(&rows), 1000).unwrap();
        assert_eq!(whole.len(), 1);
        let halves = change(&whole[0].1, changes(&[(&[b'h', 3], Some(95))]), 1000).unwrap();
        let sizes: Vec<_> = halves.iter().map(|(_, block)| block.len()).collect();
        assert_eq!(sizes, [510, 510]);
        assert_eq!(halves[1].0, [b'h', 8]);
    }

    #[test]
    fn one_that_is_larger_lies_alone() {
        let rows = changes(&[(b"h1", Some(10)), (b"h2", Some(5_000)), (b"h3", Some(10))]);
        let blocks = change(&[], rows, 1000).unwrap();
        let sizes: Vec<_> = blocks.iter().map(|(_, block)| block.len()).collect();
        assert_eq!(sizes, [17, 5_007, 17]);
    }

    #[test]
    fn a_block_that_is_cut_short_is_an_error() {
        let rows = changes(&[(b"h1", Some(10)), (b"h2", Some(10))]);
        let block = change(&[], rows, 1000).unwrap().remove(0).1;
        assert!(find(&block, b"h2").unwrap().is_some());
        for length in (1..block.len()).filter(|length| *length != 17) {
            assert_eq!(
                find(&block[..length], b"h3").unwrap_err(),
                Short,
                "{length}"
            );
        }
    }
}
