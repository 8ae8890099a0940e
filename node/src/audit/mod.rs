//! Who did what: an append-only log of collection, alteration, consultation, disclosure,
//! combination and erasure (Directive (EU) 2016/680, Article 25), and of what was changed on
//! the node.
//!
//! Every line carries the hash of the line before it. The head of that chain is signed every
//! ten minutes and kept by the peers as well, so that [`verify`] finds a line that was
//! removed, edited or moved, and a tail that was cut off behind the last head that a peer
//! holds. It cannot find lines that were cut off or rewritten *after* the last witnessed head
//! by someone who holds the node's signing key, nor what was never written.
//!
//! A log that comes back with a backup lacks what was written since, and a log of a machine that
//! was set back lacks it as well. It goes on with the next number, as another chain, whose first
//! line says why; [`verify`] tells what was lost, by the heads of the chain before that peers
//! hold. That a backup was made stands in the log: a restore without it is a cut.
//!
//! A line holds ids, never content. What officers typed is sealed to the data-protection
//! officer. What can't be written down is not done: a write is on the disk when it returns,
//! and share releases nothing before.

mod act;
mod compare;
mod entry;
mod error;
mod line;
mod note;
mod read;
pub mod seal;
mod segment;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use liaison_protocol::audit::AuditHead;
use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use tokio::sync::{mpsc, oneshot, watch};

pub use self::act::Act;
pub use self::entry::Entry;
pub use self::error::AuditError;
pub use self::line::{Anew, Digest, Line, Who};
pub use self::note::{Note, note, noted};
pub use self::read::{Filter, Found, search};
pub use self::segment::{Lines, Next, Raw, Segment, Stub, path_of, segments, stubs};
pub use self::verify::{Fault, Report, Witnessed, verify};
use self::writer::{Command, Writer};
use crate::clock::Clock;
use crate::limits;
use crate::signing::Signing;

/// The log of a running node. Clones share it.
#[derive(Clone)]
pub struct Audit(Arc<Shared>);

struct Shared {
    dir: PathBuf,
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<State>,
    heads: watch::Receiver<Option<Bytes>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// How the log stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Drawn when the chain began.
    pub chain: [u8; 16],
    /// Lines in it.
    pub lines: u64,
    /// Hash of the last.
    pub digest: Digest,
    /// The newest signed head, as peers are sent it.
    pub head: Option<Bytes>,
    /// What was found wrong at the start.
    pub damage: Option<String>,
    /// Why it can't be written at present.
    pub fault: Option<String>,
    /// Fingerprint of the key that what officers type is sealed to.
    pub key: Option<String>,
}

/// How the log is kept.
pub struct AuditOptions {
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// Signs its heads.
    pub signing: Signing,
    /// What officers type is sealed to this; without it, it is not kept.
    pub key: Option<seal::PublicKey>,
    /// Bytes to keep: the oldest segments leave beyond it.
    pub keep_bytes: u64,
    /// When the backup was made that the log came back with just now: another chain begins.
    pub restored: Option<Millis>,
}

impl Audit {
    /// Opens the log in a folder, or begins one there.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn open(dir: PathBuf, options: AuditOptions) -> Result<Self, AuditError> {
        let (commands, queue) = mpsc::channel(limits::AUDIT_COMMANDS);
        let (writer, state, heads) = Writer::open(dir.clone(), options)?;
        let thread = std::thread::Builder::new()
            .name("audit".into())
            .spawn(move || writer.run(queue))
            .map_err(|e| segment::io(&dir, &e))?;
        Ok(Self(Arc::new(Shared {
            dir,
            commands,
            state,
            heads,
            thread: Mutex::new(Some(thread)),
        })))
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// How it stands, and when that changes.
    pub fn state(&self) -> watch::Receiver<State> {
        self.0.state.clone()
    }

    /// The newest signed head, and when there is another.
    pub fn heads(&self) -> watch::Receiver<Option<Bytes>> {
        self.0.heads.clone()
    }

    /// Writes down what is done. On the disk when this returns; the number of the first line.
    ///
    /// # Errors
    /// [`AuditError`]: nothing was written, so it must not be done.
    pub async fn write(&self, entries: Vec<Entry>) -> Result<u64, AuditError> {
        let (done, told) = oneshot::channel();
        self.command(Command::Write(entries, done)).await?;
        told.await.map_err(|_| AuditError::Closed)?
    }

    /// Signs the head, unless nothing was written since it was signed last.
    ///
    /// # Errors
    /// [`AuditError`].
    pub async fn sign_head(&self) -> Result<(), AuditError> {
        let (done, told) = oneshot::channel();
        self.command(Command::Head(done)).await?;
        told.await.map_err(|_| AuditError::Closed)?
    }

    /// Whether this log has another line in the place of the one that a head of its states: its
    /// end was cut off since, and it grew again. What lies behind its end is
    /// [`Audit::set_back`]'s; what is of another chain is not compared.
    ///
    /// # Errors
    /// [`AuditError::Io`].
    pub async fn contradicts(&self, head: AuditHead) -> Result<bool, AuditError> {
        if self.state().borrow().chain != head.chain {
            return Ok(false);
        }
        let dir = self.0.dir.clone();
        tokio::task::spawn_blocking(move || compare::contradicts(&dir, &head))
            .await
            .map_err(|_| AuditError::Closed)?
    }

    /// A peer holds a head of this log, signed by us, that lies behind its end, or that is
    /// `contradicted`: the machine was set back. Another chain begins, with a line that says so.
    ///
    /// # Errors
    /// [`AuditError`].
    pub async fn set_back(
        &self,
        head: AuditHead,
        by: AgencyId,
        contradicted: bool,
    ) -> Result<(), AuditError> {
        let (done, told) = oneshot::channel();
        let command = Command::SetBack(head, by, contradicted, done);
        self.command(command).await?;
        told.await.map_err(|_| AuditError::Closed)?
    }

    /// Seals what officers type to another key from now on.
    ///
    /// # Errors
    /// [`AuditError`].
    pub async fn seal_to(&self, key: seal::PublicKey) -> Result<(), AuditError> {
        let (done, told) = oneshot::channel();
        self.command(Command::Key(Box::new(key), done)).await?;
        told.await.map_err(|_| AuditError::Closed)?
    }

    /// Signs the head and closes the log; what is written later is refused.
    pub fn close(&self) {
        // Waiting there for a thread that has ended already is no fault.
        let _sent = self.0.commands.try_send(Command::Stop);
        let thread = self
            .0
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the audit log was not closed in order");
        }
    }

    async fn command(&self, command: Command) -> Result<(), AuditError> {
        let sent = self.0.commands.send(command).await;
        sent.map_err(|_| AuditError::Closed)
    }
}
