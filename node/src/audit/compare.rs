//! Whether a head that a peer holds is of this log.

use std::path::Path;

use liaison_protocol::audit::AuditHead;

use super::AuditError;
use super::line::Digest;
use super::segment::{self, Lines, Next};

/// Whether the line that a head states is here, and is another one. A line that has left, or
/// that is damaged, contradicts nothing: `verify` says what there is to say of it.
///
/// # Errors
/// [`AuditError::Io`].
pub(super) fn contradicts(dir: &Path, head: &AuditHead) -> Result<bool, AuditError> {
    let mut all = segment::segments(dir)?;
    all.retain(|one| one.first <= head.lines);
    let Some(one) = all.pop() else {
        return Ok(false);
    };
    let mut lines = Lines::open(&one.path)?;
    let mut n = one.first;
    loop {
        match lines.read_next()? {
            Next::Line(raw) if n == head.lines => return Ok(raw.digest != Digest(head.digest)),
            Next::Line(_) | Next::Garbage => n += 1,
            Next::Torn(_) | Next::End => return Ok(false),
        }
    }
}
