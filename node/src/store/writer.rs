//! The one thread that writes. Writes that wait together share one sync of the disk.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::StoreError;
use super::apply::{self, State};
use super::engine::Engine;
use super::header::Arrival;
use super::names::Names;
use super::op::{Op, OpOutcome};
use super::stage::Stage;
use crate::limits;

/// Bytes of log that sled writes for a byte of records, at most: measured at 4 to 6 for records
/// of a kilobyte and less that come in batches.
const GROWTH: u64 = 12;

/// A write and whom to tell.
#[derive(Debug)]
pub struct Command {
    /// Its operations, checked for size.
    pub ops: Vec<Op>,
    /// Bytes that it brings.
    pub bytes: usize,
    /// Told after the sync.
    pub reply: oneshot::Sender<Result<Vec<OpOutcome>, StoreError>>,
}

/// The state of the writer thread.
#[derive(Debug)]
pub struct Writer {
    /// The database.
    pub engine: Arc<Engine>,
    /// Committed names.
    pub names: Arc<Names>,
    /// Counters, as committed.
    pub state: State,
    /// Bytes that must stay free on the disk.
    pub min_free: u64,
    /// Told the last durable arrival.
    pub committed: watch::Sender<Arrival>,
}

impl Writer {
    /// Works until all senders are gone.
    pub fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut failed: Option<StoreError> = None;
        while let Some(first) = commands.blocking_recv() {
            let mut bytes = first.bytes;
            let mut group = vec![first];
            while group.len() < limits::STORE_GROUP && bytes < limits::STORE_GROUP_BYTES {
                match commands.try_recv() {
                    Ok(command) => {
                        bytes += command.bytes;
                        group.push(command);
                    }
                    Err(_) => break,
                }
            }
            // After a failed write or sync nobody knows what the disk holds: only opening
            // the store again can tell.
            if let Some(error) = &failed {
                answer(group.into_iter().map(|c| (c.reply, Err(error.clone()))));
                continue;
            }
            failed = self.commit(group, bytes);
        }
    }

    /// Commits a group and answers it. Returns the error that ends all writing, if any.
    fn commit(&mut self, group: Vec<Command>, bytes: usize) -> Option<StoreError> {
        if let Err(error) = self.room(bytes) {
            answer(group.into_iter().map(|c| (c.reply, Err(error.clone()))));
            return None;
        }
        let mut answers = Vec::with_capacity(group.len());
        match self.write(group, &mut answers) {
            Ok(()) => {
                // Before the answers, so that whoever was answered can read it.
                let came_back = |last: Arrival| {
                    let done = answers
                        .iter()
                        .filter_map(|(_, result)| result.as_ref().ok());
                    done.flatten().any(
                        |one| matches!(one, OpOutcome::Stored { arrival, .. } if *arrival <= last),
                    )
                };
                self.committed.send_if_modified(|last| {
                    let tell = *last != self.state.last || came_back(*last);
                    *last = self.state.last;
                    tell
                });
                answer(answers);
                None
            }
            Err(error) => {
                tracing::error!(%error, "the store takes no more writes");
                answer(
                    answers
                        .into_iter()
                        .map(|(reply, _)| (reply, Err(error.clone()))),
                );
                Some(error)
            }
        }
    }

    fn write(&mut self, group: Vec<Command>, answers: &mut Vec<Answer>) -> Result<(), StoreError> {
        let mut stage = Stage::new(&self.engine, &self.names);
        // All are to be answered, whatever happens to the first of them.
        let mut work = Vec::with_capacity(group.len());
        for Command { ops, reply, .. } in group {
            answers.push((reply, Ok(Vec::new())));
            work.push(ops);
        }
        for (ops, (_, result)) in work.into_iter().zip(answers.iter_mut()) {
            let count = ops.len();
            let mut state = self.state.clone();
            match apply::apply(&mut stage, &mut state, ops) {
                Ok(outcomes) => {
                    stage.keep(count);
                    self.state = state;
                    *result = Ok(outcomes);
                }
                Err(error @ (StoreError::Disk { .. } | StoreError::Corrupt { .. })) => {
                    return Err(error);
                }
                Err(error) => {
                    stage.drop_write();
                    *result = Err(error);
                }
            }
            let (ops, bytes) = stage.size();
            if ops >= limits::STORE_BATCH_OPS || bytes >= limits::STORE_BATCH_BYTES {
                stage.apply()?;
            }
        }
        stage.apply()?;
        self.engine.sync()?;
        match self.state.incarnation {
            Some(incarnation) => self.engine.set_mark(incarnation, self.state.last),
            None => Ok(()),
        }
    }

    /// Checks that there is room for a group of so many bytes, with what sled adds.
    fn room(&self, bytes: usize) -> Result<(), StoreError> {
        let free = self.engine.free_bytes()?;
        let need = self
            .min_free
            .saturating_add(GROWTH.saturating_mul(bytes as u64));
        if free < need {
            let dir = self.engine.dir().to_path_buf();
            return Err(StoreError::Full { dir, free, need });
        }
        Ok(())
    }
}

type Answer = (
    oneshot::Sender<Result<Vec<OpOutcome>, StoreError>>,
    Result<Vec<OpOutcome>, StoreError>,
);

/// A caller that went away is not an error.
fn answer(answers: impl IntoIterator<Item = Answer>) {
    for (reply, result) in answers {
        let _ = reply.send(result);
    }
}
