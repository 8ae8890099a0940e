//! What goes into a parcel: what is owed first, then what is about persons, then the rest; each
//! decided anew, written into the ledger and the audit log, and only then given.

use std::collections::HashSet;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::parcel::{Cargo, Letter, Parcel, ParcelFault};

use super::outbox::{Row, State, Way};
use super::told::OfParcel;
use super::Parcels;
use crate::limits;
use crate::share::{Ahead, Lack, Lacks, ReleaseError, Released, Search};
use crate::store::{Arrival, StoreError};

/// A parcel that may leave: its row is in the outbox.
#[derive(Clone, Debug)]
pub struct Packed {
    /// What is known of it.
    pub row: Row,
    /// It.
    pub parcel: Parcel,
}

/// Why nothing was packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing could be released.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// It can't be sealed to the addressee.
    #[error("a parcel for '{to}' could not be made: {fault}")]
    Fault {
        /// Alias.
        to: String,
        /// Why.
        fault: ParcelFault,
    },
    /// The addressee told of no key that is in force.
    #[error(
        "'{to}' has no sealing key in force that is known here: nothing can be sealed to it. Ask it for its newest card, then 'liaison peer add FILE'"
    )]
    NoKey {
        /// Alias.
        to: String,
    },
    /// Too many are under way.
    #[error(
        "{count} parcels for '{to}' are under way: more leave when it has collected some, or when they end"
    )]
    Full {
        /// Alias.
        to: String,
        /// How many.
        count: usize,
    },
    /// Nothing is signed until the node has caught up.
    #[error("nothing leaves in parcels until this node has caught up: 'liaison restore status'")]
    CatchingUp,
    /// The node stops.
    #[error("the node is stopping")]
    Stopping,
}

/// What a parcel is to be made of.
struct Choice {
    owed: Vec<Lack>,
    rest: Vec<Lack>,
    told: Vec<OfParcel>,
}

impl Parcels {
    /// Makes the next parcel for an agency: of what it lacks and may have by this way, and of
    /// what became of the parcels that came from it. None: there is nothing. `again`: also what
    /// is under way to it by the same way.
    ///
    /// # Errors
    /// [`PackError`]; nothing left then.
    pub async fn pack(
        &self,
        to: AgencyId,
        way: Way,
        again: &HashSet<(AgencyId, u64)>,
    ) -> Result<Option<Packed>, PackError> {
        // A record is in one parcel, and a number is used once.
        let _one_at_a_time = self.0.packing.lock().await;
        if self.0.catch_up.waiting().is_some() {
            return Err(PackError::CatchingUp);
        }
        if !self.0.outbox.has_room(&to) {
            return Err(PackError::Full {
                to: self.alias(&to),
                count: self.0.outbox.rows(|row| row.to == to).len(),
            });
        }
        let now = self.0.share.now();
        let Some(key) = self.0.share.registry.sealing_key(&to, now) else {
            return Err(PackError::NoKey {
                to: self.alias(&to),
            });
        };
        let (choice, looked) = self.choose(to, way, again.clone()).await?;
        let Choice { owed, rest, told } = choice;
        let urgent = owed.iter().chain(&rest).any(|lack| lack.urgent);
        let mut records = Vec::new();
        let mut contents = Vec::new();
        // What travels ahead counts for what stands behind it only if it was let go itself.
        let given = self.release(to, &owed, way, Ahead::NONE).await?;
        let ahead = Ahead::of(given.iter().map(|(lack, _)| lack.arrival));
        let behind = self.release(to, &rest, way, ahead).await?;
        for (lack, released) in given.into_iter().chain(behind) {
            records.push(lack.arrival);
            contents.push(Cargo::Record {
                item: lack.item,
                frame: released.into_bytes().to_vec(),
            });
        }
        let answers: Vec<_> = told.iter().flat_map(|one| one.answers.clone()).collect();
        if !answers.is_empty() {
            contents.push(Cargo::Answers(answers));
        }
        let numbers: Vec<u64> = told.iter().map(|one| one.number).collect();
        if !numbers.is_empty() {
            contents.push(Cargo::Arrived(numbers.clone()));
        }
        if contents.is_empty() {
            self.looked(to, looked);
            return Ok(None);
        }
        let number = self.0.outbox.next_number(&to)?;
        let expires = self.expiry(way, now);
        let letter = Letter {
            from: self.0.share.registry.own(),
            to,
            number,
            made: now,
            expires,
            contents,
        };
        let parcel = self.seal(letter, key).await?;
        let row = Row {
            to,
            number,
            id: parcel.id(),
            way,
            state: State::Made,
            made: now,
            expires,
            size: u32::try_from(parcel.as_bytes().len()).unwrap_or(u32::MAX),
            urgent,
            tries: self.tries(&to),
            records,
        };
        let drop = self.0.told.drop_ops(&to, &numbers);
        self.0.outbox.add(row.clone(), drop).await?;
        self.0.told.forget(&to, &numbers);
        self.looked(to, looked);
        Ok(Some(Packed { row, parcel }))
    }

    /// Finds what the next parcel is to hold, and up to where it was looked.
    async fn choose(
        &self,
        to: AgencyId,
        way: Way,
        again: HashSet<(AgencyId, u64)>,
    ) -> Result<(Choice, Looked), PackError> {
        let this = self.clone();
        let found = tokio::task::spawn_blocking(move || -> Result<_, StoreError> {
            let told = this.0.told.to(&to, limits::PARCEL_ANSWERS)?;
            let said = told.iter().map(|one| one.answers.len()).sum::<usize>();
            let under_way = this.under_way(&to, way, &again);
            let (from, epoch) = this.scan_from(&to)?;
            let now = this.0.share.now();
            let room = limits::PARCEL_ROOM_BYTES
                .saturating_sub(said.saturating_mul(limits::PARCEL_ANSWER_BYTES));
            let lacks = this.0.share.lacks(Search {
                peer: &to,
                route: way.route(),
                under_way: &under_way,
                after: from,
                bytes: room,
                again_before: Millis(now.0.saturating_sub(limits::PARCEL_AGAIN_MS)),
            })?;
            Ok(fill(lacks, told, room, epoch))
        });
        found.await.map_err(|_| PackError::Stopping)?.map_err(Into::into)
    }

    async fn release(
        &self,
        to: AgencyId,
        lacks: &[Lack],
        way: Way,
        ahead: Ahead,
    ) -> Result<Vec<(Lack, Released)>, ReleaseError> {
        let wanted: Vec<Arrival> = lacks.iter().map(|lack| lack.arrival).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut given = Vec::with_capacity(lacks.len());
        for some in lacks.chunks(limits::PARCEL_RELEASE) {
            let wanted = some.iter().map(|lack| lack.arrival).collect();
            let released = self
                .0
                .share
                .release_behind(to, wanted, way.route(), ahead.clone())
                .await?;
            let let_go = some.iter().copied().zip(released);
            given.extend(let_go.filter_map(|(lack, released)| Some((lack, released?))));
        }
        Ok(given)
    }

    /// Signs, pads and seals it, off the runtime's threads.
    async fn seal(
        &self,
        letter: Letter,
        key: liaison_protocol::seal::SealingKey,
    ) -> Result<Parcel, PackError> {
        let to = self.alias(&letter.to);
        let signing = self.0.signing.clone();
        let sealed = tokio::task::spawn_blocking(move || {
            let signing = signing.key();
            Parcel::seal(&letter, &signing, &key, &mut rand::rng())
        });
        let sealed = sealed.await.map_err(|_| PackError::Stopping)?;
        sealed.map_err(|fault| PackError::Fault { to, fault })
    }
}

/// Up to where the store was looked at for an agency, under which policy.
pub(super) type Looked = (u64, Arrival);

/// As much as fits. Up to where it was looked is told only if nothing was left over.
fn fill(lacks: Lacks, told: Vec<OfParcel>, room: usize, epoch: u64) -> (Choice, Looked) {
    let Lacks { items, up_to, .. } = lacks;
    let mut choice = Choice {
        owed: Vec::new(),
        rest: Vec::new(),
        told,
    };
    let mut left = room;
    let mut first_left: Option<Arrival> = None;
    for lack in items {
        let bytes = (lack.item.size as usize).saturating_add(limits::PARCEL_RECORD_EXTRA_BYTES);
        if bytes > left || first_left.is_some() {
            first_left = Some(first_left.map_or(lack.arrival, |first| first.min(lack.arrival)));
            continue;
        }
        left -= bytes;
        match lack.owed {
            true => choice.owed.push(lack),
            false => choice.rest.push(lack),
        }
    }
    // What found no room is come to again.
    let before = first_left.map(|first| Arrival(first.0.saturating_sub(1)));
    (choice, (epoch, before.map_or(up_to, |b| b.min(up_to))))
}
