//! Looks a home over while no node runs on it, mends what can be mended, and says what it did.

mod hubs;
mod keyring;
mod mailbox;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use liaison_protocol::record::signed::SignedRecord;
use serde::{Deserialize, Serialize};

use crate::catchup::{CATCH_UP, Reason, Waiting};
use crate::clock::Clock;
use crate::config::Config;
use crate::home::Home;
use crate::limits;
use crate::store::{Arrival, Flags, Options, Store, StoreError, compact, salvage};
use crate::time::Timekeeper;

pub use self::hubs::hubs;

/// What it is asked to do beside looking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Mend what it finds.
    pub repair: bool,
    /// Copy the store, so that nothing erased is left in its file.
    pub compact: bool,
    /// Drop the search index: the next start makes it anew.
    pub index: bool,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// In order.
    Good,
    /// To be looked at by a person.
    Warning,
    /// It was broken or asked for, and is done.
    Done,
    /// Broken.
    Broken,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `home`, `config`, `modes`, `store`, `records`, `keyring`, `mailbox`, `index`, `disk`,
    /// `swap`, `core-dumps`, `clock`; of a node that runs `hubs`, `parcels`, `hub`.
    pub what: String,
    /// How it is.
    pub health: Health,
    /// In words, with what to type next.
    pub says: String,
}

struct Report(Vec<Finding>);

impl Report {
    fn note(&mut self, what: &str, health: Health, says: impl Into<String>) {
        self.0.push(Finding {
            what: what.into(),
            health,
            says: says.into(),
        });
    }
}

/// Looks a home over. Blocks, for as long as reading every record takes.
pub fn examine(home: &Home, orders: Orders, clock: Arc<dyn Clock>) -> Vec<Finding> {
    let mut report = Report(Vec::new());
    keys(home, &mut report);
    match Config::read(&home.config_path()) {
        Ok(_) => report.note("config", Health::Good, "config.toml is understood"),
        Err(error) => report.note("config", Health::Broken, error.to_string()),
    }
    modes(home, orders, &mut report);
    store(home, orders, clock, &mut report);
    left_behind(home, &mut report);
    if orders.index {
        drop_index(home, &mut report);
    }
    mailbox::look(home, &mut report);
    disk(home, &mut report);
    machine(&mut report);
    report.0
}

fn keys(home: &Home, report: &mut Report) {
    match home.card_file().and_then(|_| home.secrets_as_they_are()) {
        Ok(_) => report.note("home", Health::Good, "card and keys are there"),
        Err(error) => report.note("home", Health::Broken, error.to_string()),
    }
}

/// Whoever can read a key can speak in the agency's name.
fn modes(home: &Home, orders: Orders, report: &mut Report) {
    let mut open = Vec::new();
    look_at(home.dir(), true, &mut open);
    if open.is_empty() {
        report.note("modes", Health::Good, "nobody else may read keys and store");
    }
    for (path, mode) in open {
        let shown = path.display();
        let closed = fs::Permissions::from_mode(mode & 0o700);
        if !orders.repair {
            let says = format!("others may read {shown}: 'liaison doctor --repair' closes it");
            report.note("modes", Health::Warning, says);
        } else if let Err(error) = fs::set_permissions(&path, closed) {
            let says = format!("{shown} can't be closed to others: {error}");
            report.note("modes", Health::Broken, says);
        } else {
            let says = format!("closed {shown} to others");
            report.note("modes", Health::Done, says);
        }
    }
}

/// Finds what is secret and open to others, in the folders of keys and store.
fn look_at(dir: &Path, top: bool, open: &mut Vec<(PathBuf, u32)>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let secret = name == "keys"
            || name == "keyring"
            || name == "mailbox"
            || name.starts_with("store")
            || name.ends_with(".private");
        if top && !secret {
            continue;
        }
        let Ok(about) = entry.metadata() else {
            continue;
        };
        let mode = about.permissions().mode() & 0o777;
        // Inside a folder that is closed, a file's own mode opens nothing, but for keys, which
        // people copy.
        let key = about.is_file() && (name.ends_with(".key") || name.ends_with(".private"));
        if mode & 0o077 != 0 && (top || key) {
            open.push((entry.path(), mode));
        }
        if about.is_dir() && name == "keys" {
            look_at(&entry.path(), false, open);
        }
    }
}

fn store(home: &Home, orders: Orders, clock: Arc<dyn Clock>, report: &mut Report) {
    let dir = home.store_dir();
    if !dir.exists() {
        let says = "there is none yet: the first start makes it";
        return report.note("store", Health::Good, says);
    }
    match Store::open(&dir, Options::default()) {
        Ok(store) => {
            let read = records(&store, report);
            keyring::look(home, &store, orders, report);
            match Timekeeper::load(store.clone(), clock.clone()).map(|time| time.trusted()) {
                Ok(Ok(_)) => {
                    report.note("clock", Health::Good, "it agrees with the latest time seen")
                }
                Ok(Err(doubt)) => report.note("clock", Health::Warning, doubt.to_string()),
                Err(error) => report.note("clock", Health::Broken, error.to_string()),
            }
            store.close();
            drop(store);
            match read {
                Err(detail) => damaged(home, orders, &detail, clock, report),
                Ok(0) if orders.compact => compacted(home, report),
                Ok(_) => {}
            }
        }
        Err(StoreError::InUse { .. }) => report.note(
            "store",
            Health::Warning,
            "the node runs: its store is not looked at. Stop it first (`systemctl stop liaison`, of a hub `liaison-hub`)",
        ),
        Err(StoreError::Corrupt { detail, .. }) => damaged(home, orders, &detail, clock, report),
        Err(error) => report.note("store", Health::Broken, error.to_string()),
    }
}

/// Reads every record; gives how many are not what their header says, or what of the store can't
/// be read at all.
fn records(store: &Store, report: &mut Report) -> Result<u64, String> {
    let (mut after, mut sound, mut faults) = (Arrival(0), 0u64, 0u64);
    let read = (|| -> Result<(), StoreError> {
        loop {
            let rows = store.headers(after.next(), limits::STORE_ROWS)?;
            let Some((last, _)) = rows.last() else {
                return Ok(());
            };
            after = *last;
            for (arrival, header) in rows {
                let erased = header.flags.contains(Flags::ERASED);
                let found = store.arrival_of(&header.id)? == Some(arrival);
                let whole = match store.record(arrival)? {
                    None => erased,
                    Some(bytes) => {
                        !erased && SignedRecord::parse(bytes).is_ok_and(|r| r.id() == header.id)
                    }
                };
                if found && whole {
                    sound += 1;
                } else {
                    faults += 1;
                }
            }
        }
    })();
    match read {
        Ok(()) if faults == 0 => {
            let says = format!("{sound} records are as they came, or erased");
            report.note("records", Health::Good, says);
        }
        Ok(()) => {
            let says = format!(
                "{faults} of {} records are not what their headers say. Restore the newest backup ('liaison restore'); the damaged store stays where it is",
                sound + faults
            );
            report.note("records", Health::Broken, says);
        }
        Err(StoreError::Corrupt { detail, .. }) => return Err(detail),
        Err(error) => {
            faults += 1;
            report.note("records", Health::Broken, error.to_string());
        }
    }
    Ok(faults)
}

fn compacted(home: &Home, report: &mut Report) {
    let scratch = home.dir().join("store.compacting");
    // Of a compaction that was broken off: the store itself is whole.
    if scratch.exists()
        && let Err(error) = fs::remove_dir_all(&scratch)
    {
        let says = format!("{} can't be deleted: {error}", scratch.display());
        return report.note("store", Health::Broken, says);
    }
    match compact(&home.store_dir(), &scratch) {
        Ok(done) => {
            let says = format!(
                "compacted from {} to {} KiB: nothing that was erased is left in its file",
                done.before / 1024,
                done.after / 1024
            );
            report.note("store", Health::Done, says);
            // Its files hold words of records that were erased since they were written.
            drop_index(home, report);
        }
        Err(error) => report.note("store", Health::Broken, error.to_string()),
    }
}

/// Stores that were moved aside, or that a compaction or a repair left behind.
fn left_behind(home: &Home, report: &mut Report) {
    for aside in asides(home) {
        let says = format!(
            "{} is a store that was moved aside: what was erased since is still in it. Delete it when you need it no more",
            aside.display()
        );
        report.note("store", Health::Warning, says);
    }
}

fn damaged(home: &Home, orders: Orders, detail: &str, clock: Arc<dyn Clock>, report: &mut Report) {
    if !orders.repair {
        let says = format!(
            "it is damaged ({detail}). Restore the newest backup into another folder ('liaison restore'), or 'liaison doctor --repair': that moves it aside, keeps peers, cards and policy where they can be read, and lets the peers refill it"
        );
        return report.note("store", Health::Broken, says);
    }
    drop_index(home, report);
    let waiting = Waiting {
        reason: Reason::Restored { made: clock.now() },
        agencies: Default::default(),
        fresh: true,
    };
    let Ok(note) = postcard::to_stdvec(&waiting) else {
        return;
    };
    let salvaged = match salvage(&home.store_dir(), &scratch(home), (CATCH_UP, &note)) {
        Ok(salvaged) => salvaged,
        Err(error) => {
            let says = format!("it is damaged ({detail}), and no new one could be made: {error}");
            return report.note("store", Health::Broken, says);
        }
    };
    let says = format!(
        "it is damaged ({detail}), and is now {}",
        salvaged.aside.display()
    );
    report.note("store", Health::Done, says);
    match (salvaged.rows, salvaged.unread.as_slice()) {
        (0, _) => report.note(
            "store",
            Health::Warning,
            "nothing could be read of it. Restore the newest backup into another folder; or start the node, add its peers and apply its policy anew",
        ),
        (_, []) => report.note(
            "store",
            Health::Done,
            "peers, cards and policy were taken over: start the node, and its peers refill it. It signs nothing until it has heard from all of them",
        ),
        (_, unread) => report.note(
            "store",
            Health::Warning,
            format!(
                "not all could be taken over: of {} some can't be read. Restore the newest backup into another folder; or start the node, look at 'liaison peer list' and 'liaison policy show', and add what is missing",
                unread.join(", ")
            ),
        ),
    }
}

/// Where a new store is made beside a damaged one.
fn scratch(home: &Home) -> PathBuf {
    home.dir().join("store.salvaging")
}

/// What else begins with the store's name was one.
fn asides(home: &Home) -> Vec<PathBuf> {
    let entries = fs::read_dir(home.dir()).into_iter().flatten().flatten();
    let aside = |name: &str| name.starts_with("store.");
    entries
        .filter(|e| aside(&e.file_name().to_string_lossy()))
        .map(|e| e.path())
        .collect()
}

fn drop_index(home: &Home, report: &mut Report) {
    match fs::remove_dir_all(home.index_dir()) {
        Ok(()) => report.note(
            "index",
            Health::Done,
            "dropped: the next start makes it anew",
        ),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => report.note(
            "index",
            Health::Broken,
            format!("it can't be dropped: {error}"),
        ),
    }
}

fn disk(home: &Home, report: &mut Report) {
    let free = rustix::fs::statvfs(home.dir()).map(|s| s.f_bavail.saturating_mul(s.f_frsize));
    match free {
        Ok(free) if free < limits::STORE_MIN_FREE_BYTES * 2 => {
            let says = format!(
                "{} MiB are free; below {} the node takes nothing in. Make room",
                free >> 20,
                limits::STORE_MIN_FREE_BYTES >> 20
            );
            report.note("disk", Health::Warning, says);
        }
        Ok(free) => report.note("disk", Health::Good, format!("{} MiB are free", free >> 20)),
        Err(error) => report.note("disk", Health::Broken, error.to_string()),
    }
}

/// What of this machine's memory could end up on a disk.
fn machine(report: &mut Report) {
    let lines = |file| fs::read_to_string(file).unwrap_or_default();
    // The first line is a heading.
    if lines("/proc/swaps").lines().count() > 1 {
        let says = "this machine swaps: keys and victims' data in memory may reach the disk. Encrypt the swap, turn it off ('swapoff -a'), or run the node by the unit in deploy/, which keeps it out";
        report.note("swap", Health::Warning, says);
    } else {
        report.note("swap", Health::Good, "none");
    }
    report.note(
        "core-dumps",
        Health::Good,
        "the node turns them off for itself when it starts",
    );
}
