//! The keyring held against the store: a sealed record without its secret can't be read, a
//! secret without its record is one too many.

use std::collections::BTreeSet;

use liaison_protocol::id::RecordId;
use liaison_protocol::record::codes::Kind;

use super::{Health, Orders, Report};
use crate::config::Config;
use crate::home::Home;
use crate::keyring::{self, Keyring, KeyringError, MasterKind};
use crate::kind;
use crate::limits;
use crate::store::{Arrival, Flags, Store, StoreError};

/// Ids that a finding names; the others are counted.
const NAMED: usize = 3;

/// Looks at the keyring by itself, and then against the store.
pub(super) fn look(home: &Home, store: &Store, orders: Orders, report: &mut Report) {
    let dir = home.keyring_dir();
    let kind = match keyring::kind_of(&dir) {
        Ok(Some(kind)) => kind,
        Ok(None) => {
            match sealed(store) {
                Ok(sealed) if sealed.readable.is_empty() => {
                    report.note("keyring", Health::Good, "there is none yet: the first start makes it");
                }
                Ok(sealed) => report.note("keyring", Health::Warning, format!(
                    "there is none, so the {} sealed records here can't be read: {}. Restore it: 'liaison restore KEYRING-BACKUP'",
                    sealed.readable.len(), some(&sealed.readable))),
                Err(error) => report.note("keyring", Health::Broken, error.to_string()),
            }
            return;
        }
        Err(error) => return report.note("keyring", Health::Broken, error.to_string()),
    };
    if kind == MasterKind::File {
        opens(home, report);
    } else {
        // What can be seen without it is looked at.
        let says = format!(
            "it opens with a {}, which is not asked for here: whether it does, the next start tells",
            kind.noun()
        );
        report.note("keyring", Health::Good, says);
    }
    match against(&dir, store, orders, report) {
        Ok(()) => {}
        Err(Fault::Keyring(error)) => report.note("keyring", Health::Broken, error.to_string()),
        Err(Fault::Store(error)) => report.note("keyring", Health::Broken, error.to_string()),
    }
    let aside = std::fs::read_dir(dir.join("quarantine")).map_or(0, |d| d.count());
    if aside > 0 {
        let says = format!(
            "{aside} files in {} did not open. Restore the keyring from its archive, or delete them: their records can't be read",
            dir.join("quarantine").display()
        );
        report.note("keyring", Health::Warning, says);
    }
}

enum Fault {
    Keyring(KeyringError),
    Store(StoreError),
}

fn opens(home: &Home, report: &mut Report) {
    let config = Config::read(&home.config_path()).unwrap_or_default();
    let opened = home
        .master_key(&config.keyring)
        .and_then(|master| Keyring::open(&home.keyring_dir(), &master))
        .and_then(|keyring| Ok((keyring.entries()?.len(), keyring)));
    match opened {
        Ok((held, keyring)) => {
            let damaged = keyring.damaged();
            if let Some(says) = keyring.is_nearly_full() {
                report.note("keyring", Health::Warning, says);
            }
            if damaged.is_empty() {
                let says = format!(
                    "it opens: {held} secrets, {} sealing keys",
                    keyring.sealing().len()
                );
                report.note("keyring", Health::Good, says);
            }
            for one in damaged {
                let says = format!("{} in the keyring: {}", one.file, one.says);
                report.note("keyring", Health::Broken, says);
            }
        }
        Err(error) => report.note("keyring", Health::Broken, error.to_string()),
    }
}

/// The sealed records of a store.
#[derive(Default)]
struct Sealed {
    readable: BTreeSet<RecordId>,
    erased: BTreeSet<RecordId>,
}

fn sealed(store: &Store) -> Result<Sealed, StoreError> {
    let (mut after, mut found) = (Arrival(0), Sealed::default());
    loop {
        let rows = store.headers(after.next(), limits::STORE_ROWS)?;
        let Some((last, _)) = rows.last() else {
            return Ok(found);
        };
        after = *last;
        for (_, header) in rows {
            if kind::of(&header) != Some(Kind::Sealed) {
                continue;
            }
            match header.flags.contains(Flags::ERASED) {
                true => found.erased.insert(header.id),
                false => found.readable.insert(header.id),
            };
        }
    }
}

fn against(
    dir: &std::path::Path,
    store: &Store,
    orders: Orders,
    report: &mut Report,
) -> Result<(), Fault> {
    let held: BTreeSet<RecordId> = keyring::ids_in(dir)
        .map_err(Fault::Keyring)?
        .into_iter()
        .collect();
    let sealed = sealed(store).map_err(Fault::Store)?;
    let lacking: BTreeSet<_> = sealed.readable.difference(&held).copied().collect();
    if !lacking.is_empty() {
        let says = format!(
            "{} sealed records can't be read, because their secrets are not in the keyring: {}. Restore it: 'liaison restore KEYRING-BACKUP'",
            lacking.len(),
            some(&lacking)
        );
        report.note("keyring", Health::Warning, says);
    }
    let too_many: BTreeSet<_> = held.difference(&sealed.readable).copied().collect();
    if too_many.is_empty() {
        return Ok(());
    }
    let (count, named) = (too_many.len(), some(&too_many));
    if !orders.repair {
        let says = format!(
            "{count} secrets belong to no record here, or to one that was erased: {named}. 'liaison doctor --repair' destroys them"
        );
        report.note("keyring", Health::Warning, says);
        return Ok(());
    }
    for id in &too_many {
        keyring::destroy_in(dir, id).map_err(Fault::Keyring)?;
    }
    let says = format!("destroyed {count} secrets that belonged to no record here: {named}");
    report.note("keyring", Health::Done, says);
    Ok(())
}

fn some(ids: &BTreeSet<RecordId>) -> String {
    let mut named: Vec<String> = ids.iter().take(NAMED).map(RecordId::short).collect();
    if ids.len() > NAMED {
        named.push(format!("and {} more", ids.len() - NAMED));
    }
    named.join(", ")
}
