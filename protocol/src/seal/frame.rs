//! A record's frame: its bytes and, behind those of a sealed one, the wrap to whom it is sent.
//! The wrap is no part of the record and is kept nowhere.

use bytes::Bytes;

use super::fault::FrameFault;
use super::wrap::Wrap;
use crate::record::codes::Kind;
use crate::record::signed::{SignedRecord, extent};

/// The head of a byte string as long as a wrap.
const HEAD: [u8; 3] = {
    let [high, low] = (Wrap::BYTES as u16).to_be_bytes();
    [0x59, high, low]
};

/// Bytes by which the frame of a sealed record is longer than the record.
pub const WRAP_BYTES: usize = HEAD.len() + Wrap::BYTES;

/// The frame of a sealed record.
pub fn join(record: &[u8], wrap: &Wrap) -> Bytes {
    [record, HEAD.as_slice(), &wrap.to_bytes()].concat().into()
}

/// The record's bytes, and the wrap if one follows. Bytes that are no record are left to
/// [`SignedRecord::parse`], which says what is wrong with them.
///
/// # Errors
/// [`FrameFault::NotAWrap`].
pub fn split(frame: &Bytes) -> Result<(Bytes, Option<Wrap>), FrameFault> {
    let Some(end) = extent(frame) else {
        return Ok((frame.clone(), None));
    };
    let rest = frame.get(end..).unwrap_or_default();
    if rest.is_empty() {
        return Ok((frame.clone(), None));
    }
    let wrap = rest.strip_prefix(HEAD.as_slice());
    let wrap = wrap
        .and_then(Wrap::from_bytes)
        .ok_or(FrameFault::NotAWrap { found: rest.len() })?;
    Ok((frame.slice(..end), Some(wrap)))
}

/// The record's bytes without what follows, whatever that is: what may be kept of a frame. Bytes
/// that begin with no record are given back whole.
pub fn record_of(frame: &Bytes) -> Bytes {
    extent(frame).map_or_else(|| frame.clone(), |end| frame.slice(..end.min(frame.len())))
}

/// Reads a frame: the record, not yet verified, and its wrap. A sealed record may come without
/// one here; [`super::SealFault::NoWrap`] is for whoever wants to open it.
///
/// # Errors
/// [`FrameFault`], each the courier's or the author's.
pub fn read(frame: &Bytes) -> Result<(SignedRecord, Option<Wrap>), FrameFault> {
    let (record, wrap) = split(frame)?;
    let record = SignedRecord::parse(record)?;
    match (record.kind(), &wrap) {
        (Kind::Sealed, _) | (_, None) => Ok((record, wrap)),
        (kind, Some(_)) => Err(FrameFault::NotSealed { kind }),
    }
}
