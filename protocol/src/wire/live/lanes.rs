//! What waits to be offered, in three queues.

use std::collections::VecDeque;

use crate::limits;
use crate::wire::fault::WireFault;
use crate::wire::message::Item;

/// Which queue a batch waits in. It shows on the wire only by the order of the batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Control traffic that is owed: before everything else.
    Owed,
    /// The scan from the cursor. Takes turns with `Again`.
    Scan,
    /// What a repair found, and what was answered `later`.
    Again,
}

impl Lane {
    /// All lanes.
    pub const ALL: [Lane; 3] = [Lane::Owed, Lane::Scan, Lane::Again];
}

/// A batch before it has a number.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// The mark of the scan that ends here.
    pub(super) mark: Option<u64>,
    pub(super) items: Vec<Item>,
}

impl Waiting {
    /// Bytes that it announces.
    pub(super) fn bytes(&self) -> u64 {
        self.items.iter().map(|i| u64::from(i.size)).sum()
    }
}

/// The queues.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    owed: VecDeque<Waiting>,
    scan: VecDeque<Waiting>,
    again: VecDeque<Waiting>,
    scan_was_last: bool,
}

impl Lanes {
    /// Batches that wait in a lane.
    pub(super) fn len(&self, lane: Lane) -> usize {
        self.queue(lane).len()
    }

    /// Whether nothing waits in any lane.
    pub(super) fn is_empty(&self) -> bool {
        Lane::ALL
            .into_iter()
            .all(|lane| self.queue(lane).is_empty())
    }

    /// Queues a scan, cut into batches that announce at most [`limits::BATCH_BYTES`]; the
    /// mark goes to the last.
    pub(super) fn push(
        &mut self,
        lane: Lane,
        mark: u64,
        items: Vec<Item>,
    ) -> Result<(), WireFault> {
        if items
            .iter()
            .any(|i| i.size == 0 || i.size as usize > limits::RECORD_FRAME_BYTES)
        {
            return Err(WireFault::Misuse {
                what: "a scanned record of no or too many bytes",
            });
        }
        let queue = self.queue_mut(lane);
        let mut piece = Waiting::default();
        let mut bytes = 0;
        for item in items {
            bytes += item.size as usize;
            if bytes > limits::BATCH_BYTES {
                bytes = item.size as usize;
                queue.push_back(std::mem::take(&mut piece));
            }
            piece.items.push(item);
        }
        piece.mark = Some(mark);
        queue.push_back(piece);
        Ok(())
    }

    /// The last batch of a lane.
    pub(super) fn last_mut(&mut self, lane: Lane) -> Option<&mut Waiting> {
        self.queue_mut(lane).back_mut()
    }

    /// The next batch, if it announces at most so many bytes: owed first, then scan and
    /// again in turns. One that does not fit holds up those behind it, so that large
    /// records are not starved by small ones.
    pub(super) fn pop(&mut self, bytes: u64) -> Option<(Lane, Waiting)> {
        let order = if self.scan_was_last {
            [Lane::Owed, Lane::Again, Lane::Scan]
        } else {
            [Lane::Owed, Lane::Scan, Lane::Again]
        };
        let lane = order
            .into_iter()
            .find(|lane| !self.queue(*lane).is_empty())?;
        if self.queue(lane).front()?.bytes() > bytes {
            return None;
        }
        self.scan_was_last = lane == Lane::Scan;
        let next = self.queue_mut(lane).pop_front()?;
        Some((lane, next))
    }

    fn queue(&self, lane: Lane) -> &VecDeque<Waiting> {
        match lane {
            Lane::Owed => &self.owed,
            Lane::Scan => &self.scan,
            Lane::Again => &self.again,
        }
    }

    fn queue_mut(&mut self, lane: Lane) -> &mut VecDeque<Waiting> {
        match lane {
            Lane::Owed => &mut self.owed,
            Lane::Scan => &mut self.scan,
            Lane::Again => &mut self.again,
        }
    }
}
