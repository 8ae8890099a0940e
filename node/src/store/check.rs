//! Bounds of a write, checked before it is queued.

use super::StoreError;
use super::ledger::LedgerEntry;
use super::op::Op;
use crate::limits;
use liaison_protocol::limits as wire;

/// Refuses a write that exceeds a bound; says how many bytes it brings.
pub fn write(ops: &[Op]) -> Result<usize, StoreError> {
    at_most("a write's list of changes", ops.len(), limits::STORE_OPS)?;
    let mut bytes = 0usize;
    for op in ops {
        bytes = bytes.saturating_add(one(op)?);
    }
    at_most("a write, in bytes,", bytes, limits::STORE_WRITE_BYTES)?;
    Ok(bytes)
}

fn one(op: &Op) -> Result<usize, StoreError> {
    Ok(match op {
        Op::Insert { record, ledger } => {
            at_most(
                "a record, in bytes,",
                record.bytes.len(),
                wire::RECORD_BYTES,
            )?;
            at_most(
                "a record's class, in bytes,",
                record.class.len(),
                limits::CLASS_BYTES,
            )?;
            let names = record.audience.as_ref().map_or(0, Vec::len);
            at_most("a distribution list", names, limits::AUDIENCE)?;
            if let Some((_, entry)) = ledger {
                rule(entry)?;
            }
            record.bytes.len() + record.class.len()
        }
        Op::Ledger { entry, .. } | Op::Answer { entry, .. } | Op::Release { entry, .. } => {
            rule(entry)?
        }
        Op::Audience { audience, .. } => {
            let names = audience.as_ref().map_or(0, Vec::len);
            at_most("a distribution list", names, limits::AUDIENCE)?;
            0
        }
        Op::PutPeer { bytes, .. } => value("a peer's value, in bytes,", bytes)?,
        Op::PutCard { bytes, .. } => value("a card, in bytes,", bytes)?,
        Op::PutMeta { name: n, bytes } => {
            name(n)?;
            value("a named value, in bytes,", bytes)?
        }
        Op::DeleteMeta { name: n } | Op::JobProgress { job: n, .. } | Op::DeleteJob { job: n } => {
            name(n)?;
            0
        }
        Op::Quarantine(sample) => {
            at_most(
                "a quarantined sample, in bytes,",
                sample.head.len(),
                limits::QUARANTINE_BYTES,
            )?;
            for text in [&sample.reason, &sample.place] {
                at_most(
                    "a quarantine entry's text",
                    text.chars().count(),
                    limits::QUARANTINE_CHARS,
                )?;
            }
            sample.head.len()
        }
        Op::Refused { .. }
        | Op::ForgetRefused { .. }
        | Op::Cursor { .. }
        | Op::Tombstone { .. }
        | Op::Expire { .. }
        | Op::LiftTombstone { .. }
        | Op::Reopen { .. }
        | Op::CalledBack { .. }
        | Op::SetFlags { .. }
        | Op::DeletePeer { .. }
        | Op::DropCard(_)
        | Op::Reincarnate(_) => 0,
    })
}

fn rule(entry: &LedgerEntry) -> Result<usize, StoreError> {
    at_most(
        "a rule's name, in bytes,",
        entry.rule.len(),
        limits::RULE_BYTES,
    )?;
    Ok(entry.rule.len())
}

fn value(what: &'static str, bytes: &[u8]) -> Result<usize, StoreError> {
    at_most(what, bytes.len(), limits::STORE_VALUE_BYTES)?;
    Ok(bytes.len())
}

/// Refuses a name that cannot be a key.
pub fn name(name: &str) -> Result<(), StoreError> {
    let printable = name.bytes().all(|b| (0x20..0x7f).contains(&b));
    if name.is_empty() || name.len() > limits::STORE_NAME_BYTES || !printable {
        let name = name.chars().filter(|c| !c.is_control()).take(64).collect();
        return Err(StoreError::Name { name });
    }
    Ok(())
}

fn at_most(what: &'static str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size > limit {
        return Err(StoreError::TooLarge { what, size, limit });
    }
    Ok(())
}
