//! The mailbox of a hub: parcels that wait for agencies that are offline.
//!
//! A parcel is a file. Beside its bytes, which the hub can't read, the disk holds its
//! addressee (the folder), its id, its depositor, when it came, when it ends and whether what
//! is in it is owed (the file's name), and its size: that is all that a hub knows of it. In
//! memory is an index of the same; bytes are read from the disk when they are fetched.
//!
//! A parcel that was acknowledged is on the disk. It leaves when its addressee has it, when
//! its depositor takes it back, when it ends by a clock that is believed, or when one of the
//! two is no peer any more.

mod error;
mod files;
mod index;
mod turns;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use liaison_protocol::clock::Millis;
use liaison_protocol::id::{AgencyId, ParcelId};
use liaison_protocol::wire::mailbox::Refusal;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

pub use self::error::MailboxError;
pub(crate) use self::files::aside;
use self::files::{Files, Writing};
use self::index::Index;
pub use self::index::{Held, Position, Usage, Waiting};
use self::turns::Turns;

/// How much a mailbox may hold. Of each, nine tenths are for all parcels and the rest for
/// those whose content is owed; and of what one agency may have waiting, half is the most that
/// one depositor may take, so that nobody can fill it for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Parcels of one depositor, and for one addressee.
    pub parcels: u64,
    /// Bytes of one depositor, and for one addressee.
    pub bytes: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Parcels in files. Clones share it.
#[derive(Clone)]
pub struct Mailbox(Arc<Shared>);

struct Shared {
    files: Files,
    room: Room,
    index: Mutex<Index>,
    turns: Turns,
    /// Moves for an addressee when a parcel comes for it. An entry a linked agency that
    /// collects.
    comes: Mutex<HashMap<AgencyId, watch::Sender<u64>>>,
}

/// What becomes of a deposit.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart where it is made"
)]
pub enum Admission {
    /// The same parcel of the same depositor waits already.
    Waits,
    /// There is room for it, until this is dropped.
    Room(Deposit),
}

/// Room in the mailbox for a parcel that is on its way, and what came of it.
pub struct Deposit {
    mailbox: Mailbox,
    held: Held,
    /// None before the first bytes.
    file: Option<Writing>,
    kept: bool,
}

impl Drop for Deposit {
    fn drop(&mut self) {
        if !self.kept {
            self.mailbox.index().release(&self.held);
        }
    }
}

/// What a depositor took back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discarded {
    /// What was deleted.
    pub gone: Vec<Held>,
    /// Those of it of which nobody was ever given anything. One that came before the last start
    /// is not among them: what was given before that is not known.
    pub untouched: Vec<ParcelId>,
}

/// A parcel that is being read, also if it leaves meanwhile.
pub struct Reading {
    held: Held,
    file: Arc<File>,
}

impl Reading {
    /// Which it is.
    pub const fn held(&self) -> &Held {
        &self.held
    }
}

impl Mailbox {
    /// Opens the mailbox in a folder, or makes one there. Blocks while the folders are read.
    ///
    /// What an interrupted deposit left is deleted, and what is there twice; what is no parcel is
    /// set aside.
    ///
    /// # Errors
    /// [`MailboxError::Io`].
    pub fn open(dir: PathBuf, room: Room) -> Result<Self, MailboxError> {
        let files = Files::new(dir);
        let mut index = Index::default();
        let twice = files.scan()?.into_iter().filter(|held| !index.load(*held));
        let twice: Vec<Held> = twice.collect();
        files.delete(&twice)?;
        Ok(Self(Arc::new(Shared {
            files,
            room,
            index: Mutex::new(index),
            turns: Turns::default(),
            comes: Mutex::default(),
        })))
    }

    /// Asks for room for a parcel.
    ///
    /// # Errors
    /// Why it is not kept.
    pub fn admit(&self, held: Held) -> Result<Admission, Refusal> {
        let mut index = self.index();
        match index.of_depositor(&held.from, &held.id) {
            Some((_, waits)) if waits.to == held.to => return Ok(Admission::Waits),
            // Nobody but its addressee could open it.
            Some(_) => return Err(Refusal::NotCarried),
            None => index.reserve(&self.0.room, &held)?,
        }
        Ok(Admission::Room(Deposit {
            mailbox: self.clone(),
            held,
            file: None,
            kept: false,
        }))
    }

    /// Writes more bytes of a parcel. Agencies take turns at the disk, so that the flood of one
    /// does not hold another up.
    ///
    /// # Errors
    /// [`MailboxError`]; it is not kept then.
    pub async fn write(&self, deposit: Deposit, bytes: Vec<u8>) -> Result<Deposit, MailboxError> {
        let turn = self.0.turns.of(&deposit.held.from).await;
        let this = self.clone();
        blocking(move || {
            let _turn = turn;
            let mut deposit = deposit;
            let mut file = match deposit.file.take() {
                Some(file) => file,
                None => this.0.files.begin(&deposit.held)?,
            };
            file.write(&bytes)?;
            deposit.file = Some(file);
            Ok(deposit)
        })
        .await
    }

    /// All bytes of a parcel were written, and they are those that were announced: it is on the
    /// disk and waits when this returns. None: its depositor brought the same on another stream
    /// meanwhile, and this one leaves no file.
    ///
    /// # Errors
    /// [`MailboxError`]; it is not kept then.
    pub async fn keep(&self, deposit: Deposit) -> Result<Option<Held>, MailboxError> {
        // One of a depositor at a time, so that what is looked up stands until it is entered.
        let turn = self.0.turns.of(&deposit.held.from).await;
        // What was begun ends although nobody waits for it any more: a file without an entry
        // would be counted only after the next start.
        blocking(move || {
            let _turn = turn;
            let mut deposit = deposit;
            let (held, mailbox) = (deposit.held, deposit.mailbox.clone());
            let twice = mailbox.index().of_depositor(&held.from, &held.id);
            let Some(file) = deposit.file.take().filter(|_| twice.is_none()) else {
                return Ok(None);
            };
            file.keep()?;
            deposit.kept = true;
            mailbox.index().insert(held);
            mailbox.comes(&held.to);
            Ok(Some(held))
        })
        .await
    }

    /// The next parcel that waits for an agency behind a position, which moves there: owed
    /// ones first. A parcel that has ended by `now` is left out.
    pub fn next(&self, to: &AgencyId, position: &mut Position, now: Millis) -> Option<Held> {
        let index = self.index();
        loop {
            let held = index.next(to, position)?;
            if held.expires > now {
                return Some(held);
            }
        }
    }

    /// Whether a parcel waits for an agency.
    pub fn waits(&self, to: &AgencyId, id: &ParcelId) -> Option<Held> {
        self.index()
            .for_addressee(to, id)
            .first()
            .map(|(_, held)| *held)
    }

    /// Tells when a parcel comes for an agency.
    pub fn watch(&self, to: &AgencyId) -> watch::Receiver<u64> {
        let mut comes = lock(&self.0.comes);
        comes.retain(|_, sender| sender.receiver_count() > 0);
        comes.entry(*to).or_default().subscribe()
    }

    /// A parcel that waits for an agency, to be read; `None`: none does. Its bytes are looked
    /// over first.
    ///
    /// # Errors
    /// [`MailboxError::Damaged`]: it was set aside and waits no more. Its depositor finds it
    /// missing and deposits it again.
    pub async fn open_parcel(
        &self,
        to: &AgencyId,
        id: &ParcelId,
    ) -> Result<Option<Reading>, MailboxError> {
        // From here on its depositor is not told that nobody had it.
        let Some(held) = self.index().give(to, id) else {
            return Ok(None);
        };
        let turn = self.0.turns.of(to).await;
        let this = self.clone();
        let opened = blocking(move || {
            let _turn = turn;
            let (file, bytes) = this.0.files.open(&held)?;
            if digest(&bytes) == *held.id.as_bytes() {
                let file = Arc::new(file);
                return Ok(Reading { held, file });
            }
            this.0.files.set_aside(&held)?;
            Err(MailboxError::Damaged { id: held.id })
        })
        .await;
        match opened {
            Ok(reading) => Ok(Some(reading)),
            Err(error) => {
                // What is not there, or is no more what it was, waits for nobody.
                if error.lost() {
                    self.forget(to, id);
                }
                Err(error)
            }
        }
    }

    /// Bytes of a parcel that is being read.
    ///
    /// # Errors
    /// [`MailboxError::Io`].
    pub async fn read(
        &self,
        reading: &Reading,
        offset: u32,
        len: u32,
    ) -> Result<Vec<u8>, MailboxError> {
        let turn = self.0.turns.of(&reading.held.to).await;
        let (file, id) = (reading.file.clone(), reading.held.id);
        blocking(move || {
            let _turn = turn;
            let mut bytes = vec![0; len as usize];
            let read = file.read_exact_at(&mut bytes, offset.into());
            read.map_err(|source| MailboxError::Io {
                path: format!("parcel {}", id.short()),
                source,
            })?;
            Ok(bytes)
        })
        .await
    }

    /// An agency has a parcel that waited for it: it is deleted. What was deleted.
    ///
    /// # Errors
    /// [`MailboxError::Io`]; it may come back with the next start.
    pub async fn done(&self, to: &AgencyId, id: &ParcelId) -> Result<Vec<Held>, MailboxError> {
        let gone = self.forget(to, id);
        self.delete(gone.clone()).await?;
        Ok(gone)
    }

    /// A depositor takes parcels back: those of them that it has here are deleted. When this
    /// returns, they are off the disk.
    ///
    /// # Errors
    /// [`MailboxError::Io`]; they may come back with the next start.
    pub async fn discard(
        &self,
        from: &AgencyId,
        ids: &[ParcelId],
    ) -> Result<Discarded, MailboxError> {
        let discarded = {
            let mut index = self.index();
            let found = ids.iter().filter_map(|id| index.of_depositor(from, id));
            let found: Vec<(u64, Held)> = found.collect();
            let untouched = found.iter().filter(|(seq, _)| index.is_untouched(*seq));
            Discarded {
                untouched: untouched.map(|(_, held)| held.id).collect(),
                gone: index.remove_all(found.into_iter().map(|(seq, _)| seq)),
            }
        };
        self.delete(discarded.gone.clone()).await?;
        Ok(discarded)
    }

    /// What an agency has deposited and what still waits, in the order of ids, behind `after`;
    /// at most `most`, and whether there are more.
    pub fn holding(
        &self,
        from: &AgencyId,
        after: Option<ParcelId>,
        most: usize,
    ) -> (Vec<Held>, bool) {
        let index = self.index();
        let mut all = index.holding(from, after);
        let held: Vec<Held> = all.by_ref().take(most).collect();
        (held, all.next().is_some())
    }

    /// Deletes what has ended; what was deleted.
    ///
    /// # Errors
    /// [`MailboxError::Io`].
    pub async fn expire(&self, now: Millis) -> Result<Vec<Held>, MailboxError> {
        let gone = {
            let mut index = self.index();
            let ended = index.ended(now);
            index.remove_all(ended)
        };
        self.delete(gone.clone()).await?;
        Ok(gone)
    }

    /// When the next parcel ends.
    pub fn next_end(&self) -> Option<Millis> {
        self.index().next_end()
    }

    /// Deletes all parcels of and for agencies of which `stays` says no; what was deleted.
    ///
    /// # Errors
    /// [`MailboxError::Io`].
    pub async fn keep_only(
        &self,
        stays: impl Fn(&AgencyId) -> bool,
    ) -> Result<Vec<Held>, MailboxError> {
        let gone = {
            let mut index = self.index();
            let left: Vec<AgencyId> = index.agencies().into_iter().filter(|a| !stays(a)).collect();
            let found: Vec<u64> = left.iter().flat_map(|a| index.of_or_for(a)).collect();
            index.remove_all(found)
        };
        self.delete(gone.clone()).await?;
        Ok(gone)
    }

    /// What is held, by addressee.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.index().waiting()
    }

    /// What is held in all.
    pub fn usage(&self) -> Usage {
        self.index().usage()
    }

    /// Files in the mailbox's folder that were no parcels, or damaged ones, and were moved
    /// aside.
    pub fn aside(&self) -> u64 {
        files::aside(self.0.files.dir())
    }

    /// How much it may hold.
    pub fn room(&self) -> Room {
        self.0.room
    }

    fn forget(&self, to: &AgencyId, id: &ParcelId) -> Vec<Held> {
        let mut index = self.index();
        let found = index.for_addressee(to, id);
        index.remove_all(found.into_iter().map(|(seq, _)| seq))
    }

    async fn delete(&self, gone: Vec<Held>) -> Result<(), MailboxError> {
        if gone.is_empty() {
            return Ok(());
        }
        let this = self.clone();
        blocking(move || this.0.files.delete(&gone)).await
    }

    fn comes(&self, to: &AgencyId) {
        if let Some(sender) = lock(&self.0.comes).get(to) {
            sender.send_modify(|n| *n = n.wrapping_add(1));
        }
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        lock(&self.0.index)
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MailboxError> + Send + 'static,
) -> Result<T, MailboxError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(MailboxError::Stopping),
    }
}
