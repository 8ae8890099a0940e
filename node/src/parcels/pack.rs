//! What goes into a parcel: what is owed first, then what is about persons, then the rest; each
//! decided anew, written into the ledger and the audit log, and only then given.

use std::sync::Arc;

use liaison_protocol::clock::Millis;
use liaison_protocol::id::AgencyId;
use liaison_protocol::limits as wire_limits;
use liaison_protocol::parcel::{Cargo, Letter, Parcel, ParcelFault, ROOM};
use liaison_protocol::seal::SealingKey;

use super::Parcels;
use super::outbox::{Load, Row, State, Way};
use super::retired::Retired;
use super::told::OfParcel;
use super::void::Voids;
use crate::limits;
use crate::share::{Ahead, Lack, Lacks, ReleaseError, Released, Search};
use crate::store::{Arrival, Op, StoreError};

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
    /// Again and again something in it was withdrawn while it was made.
    #[error(
        "a parcel for '{to}' could not be made: something in it was withdrawn each time. Try again when less changes"
    )]
    Withdrawn {
        /// Alias.
        to: String,
    },
    /// Nothing leaves until the node has caught up.
    #[error("nothing leaves in parcels until this node has caught up: 'liaison restore status'")]
    CatchingUp,
    /// The node stops.
    #[error("the node is stopping")]
    Stopping,
}

/// Which parcels that are under way hold what need not be packed again.
pub type Counts = Arc<dyn Fn(&Row) -> bool + Send + Sync>;

/// A parcel in the outbox, and what it tells that need not be told again.
struct Made {
    packed: Packed,
    /// Of the parcels of which it says what became of them.
    numbers: Vec<u64>,
    /// What forgets the rest.
    forget: Vec<Op>,
}

/// What a parcel is to be made of.
struct Choice {
    owed: Vec<Lack>,
    rest: Vec<Lack>,
    told: Vec<OfParcel>,
    retired: Retired,
    voids: Voids,
    looked: Looked,
}

/// Up to where the store was looked at for an agency.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looked {
    /// Under which policy.
    pub epoch: u64,
    /// Up to where.
    pub up_to: Arrival,
    /// How often something was to be looked at again when the look began.
    pub look: u64,
}

impl Parcels {
    /// Makes the next parcel for an agency: of what it lacks and may have by this way, and of
    /// what became of the parcels that came from it; or of what is owed to it alone. None: there
    /// is nothing.
    ///
    /// # Errors
    /// [`PackError`]; nothing left then.
    pub async fn pack(
        &self,
        to: AgencyId,
        way: Way,
        load: Load,
        counts: Counts,
    ) -> Result<Option<Packed>, PackError> {
        // A record is in one parcel, and a number is used once.
        let turn = self.0.packing.of(&to).await;
        if self.0.catch_up.waiting().is_some() {
            return Err(PackError::CatchingUp);
        }
        let full = || PackError::Full {
            to: self.alias(&to),
            count: self.0.outbox.rows(|row| row.to == to).len(),
        };
        let room = self.0.outbox.room(&to).ok_or_else(full)?;
        let load = if room == Load::Owed { room } else { load };
        for _ in 0..limits::PACK_TRIES {
            let Some(made) = self.make(to, way, load, &counts).await? else {
                if room == Load::All {
                    return Ok(None);
                }
                if let Way::Hub(hub) = way {
                    // It takes the turns of whose parcels they are.
                    drop(turn);
                    self.merge(hub, &to).await?;
                }
                return Err(full());
            };
            let Made {
                packed,
                numbers,
                mut forget,
            } = made;
            // Whatever withdrew something of it before its row stood in the outbox did not find
            // it there; what comes from now on does.
            if self.may_go(&packed.row).await? {
                forget.extend(self.0.told.drop_ops(&to, &numbers));
                if !forget.is_empty() {
                    self.0.store.write(forget).await?;
                    self.0.told.forget(&to, &numbers);
                }
                return Ok(Some(packed));
            }
            // It never left.
            self.took_back(&packed.row.key()).await?;
        }
        let to = self.alias(&to);
        Err(PackError::Withdrawn { to })
    }

    /// Makes one, and enters it into the outbox.
    async fn make(
        &self,
        to: AgencyId,
        way: Way,
        load: Load,
        counts: &Counts,
    ) -> Result<Option<Made>, PackError> {
        let number = self.0.outbox.next_number(&to, self.0.share.now())?;
        // Before what may go is looked up: a recall that was not there then is younger.
        let made = self.0.ingest.moment();
        let choice = self.choose(to, way, load, counts.clone()).await?;
        let lacks = || choice.owed.iter().chain(&choice.rest);
        if way != Way::Bundle {
            self.went_before(&to, lacks().map(|lack| lack.arrival))
                .await?;
        }
        let (records, mut contents) = self.let_go(to, way, &choice).await?;
        let Choice {
            told,
            retired,
            voids,
            ..
        } = &choice;
        let answers: Vec<_> = told.iter().flat_map(|one| one.answers.clone()).collect();
        if !answers.is_empty() {
            contents.push(Cargo::Answers(answers));
        }
        let numbers: Vec<u64> = told.iter().map(|one| one.number).collect();
        if !numbers.is_empty() {
            contents.push(Cargo::Arrived(numbers.clone()));
        }
        contents.extend(retired.cargo());
        if contents.is_empty() && !voids.is_news_to(number) {
            self.set_looked(to, way, choice.looked);
            return Ok(None);
        }
        let is_owed = |at: &Arrival| choice.owed.iter().any(|lack| lack.arrival == *at);
        let owed = contents.is_empty() || records.iter().any(is_owed);
        let void = voids.numbers();
        if !void.is_empty() {
            contents.push(Cargo::Void(void));
        }
        let now = self.0.share.now();
        let expires = self.expires(way, now.min(made));
        let letter = Letter {
            from: self.0.share.registry.own(),
            to,
            number,
            made,
            expires,
            contents,
        };
        let parcel = self.seal(letter).await?;
        let row = Row {
            to,
            number,
            id: parcel.id(),
            way,
            state: State::Made,
            made: now,
            expires,
            size: u32::try_from(parcel.bytes().len()).unwrap_or(u32::MAX),
            owed,
            tries: self.tries(&to),
            records,
        };
        let clock = self.0.ingest.witness(made);
        self.0.outbox.add(row.clone(), vec![clock]).await?;
        self.set_looked(to, way, choice.looked);
        let forget = retired.forget(&to).into_iter().collect();
        Ok(Some(Made {
            packed: Packed { row, parcel },
            numbers,
            forget,
        }))
    }

    /// Finds what the next parcel is to hold, and up to where it was looked.
    async fn choose(
        &self,
        to: AgencyId,
        way: Way,
        load: Load,
        counts: Counts,
    ) -> Result<Choice, PackError> {
        let this = self.clone();
        let found = tokio::task::spawn_blocking(move || -> Result<_, StoreError> {
            let now = this.0.share.now();
            let (told, retired) = match load {
                Load::All => {
                    let registry = &this.0.share.registry;
                    let listed = registry.sealing_key(&registry.own(), now);
                    let retired = Retired::load(&this.0.store, &to)?;
                    let retired = retired.once_replaced(listed.map(|key| key.id()));
                    (this.0.told.to(&to)?, retired)
                }
                Load::Owed => Default::default(),
            };
            let voids = Voids::load(&this.0.store, &to, this.ended_by())?;
            // First up to where it was looked: what leaves what is under way meanwhile is to be
            // looked at again.
            let looked = this.looked(&to, way)?;
            let under_way = this.0.outbox.under_way(&to, |row| counts(row));
            let retired_bytes = retired.cargo().iter().map(Cargo::encoded_len).sum();
            let room = ROOM.saturating_sub(told_bytes(&told, &voids));
            let room = room.saturating_sub(retired_bytes);
            let lacks = this.0.share.lacks(Search {
                peer: &to,
                route: way.route(),
                under_way: &under_way,
                after: looked.up_to,
                bytes: room,
                again_before: Millis(now.0.saturating_sub(limits::PARCEL_AGAIN_MS)),
                only_owed: load == Load::Owed,
            })?;
            Ok(Choice {
                told,
                retired,
                voids,
                ..fill(lacks, room, looked)
            })
        });
        let found = found.await.map_err(|_| PackError::Stopping)?;
        Ok(found?)
    }

    /// Releases what was chosen: where each stands, and it.
    async fn let_go(
        &self,
        to: AgencyId,
        way: Way,
        choice: &Choice,
    ) -> Result<(Vec<Arrival>, Vec<Cargo>), ReleaseError> {
        // What travels ahead counts for what stands behind it only if it was let go itself.
        let given = self.release(to, &choice.owed, way, Ahead::NONE).await?;
        let ahead = Ahead::of(given.iter().map(|(lack, _)| lack.arrival));
        let behind = self.release(to, &choice.rest, way, ahead).await?;
        let (mut records, mut contents) = (Vec::new(), Vec::new());
        for (lack, released) in given.into_iter().chain(behind) {
            let (id, created) = (lack.item.id, lack.item.created);
            // One that is too large for a stream is too large here.
            if let Some(cargo) = Cargo::record(id, created, released.into_bytes().to_vec()) {
                records.push(lack.arrival);
                contents.push(cargo);
            }
        }
        Ok((records, contents))
    }

    async fn release(
        &self,
        to: AgencyId,
        lacks: &[Lack],
        way: Way,
        ahead: Ahead,
    ) -> Result<Vec<(Lack, Released)>, ReleaseError> {
        let mut given = Vec::with_capacity(lacks.len());
        for some in lacks.chunks(wire_limits::BATCH_RECORDS) {
            let wanted = some.iter().map(|lack| lack.arrival).collect();
            let share = &self.0.share;
            let released = share
                .release_behind(to, wanted, way.route(), ahead.clone())
                .await?;
            let let_go = some.iter().copied().zip(released);
            given.extend(let_go.filter_map(|(lack, released)| Some((lack, released?))));
        }
        Ok(given)
    }

    /// Signs, pads and seals it, off the runtime's threads.
    async fn seal(&self, letter: Letter) -> Result<Parcel, PackError> {
        let to = self.alias(&letter.to);
        let registry = &self.0.share.registry;
        let key: Option<SealingKey> = registry.sealing_key(&letter.to, self.0.share.now());
        let Some(key) = key else {
            return Err(PackError::NoKey { to });
        };
        let signing = self.0.signing.clone();
        let sealed = tokio::task::spawn_blocking(move || {
            let signing = signing.key();
            Parcel::seal(&letter, &signing, &key, &mut rand::rng())
        });
        let sealed = sealed.await.map_err(|_| PackError::Stopping)?;
        sealed.map_err(|fault| PackError::Fault { to, fault })
    }
}

/// Bytes that answers and numbers take in a letter.
fn told_bytes(told: &[OfParcel], voids: &Voids) -> usize {
    let answers = told.iter().flat_map(|one| one.answers.clone()).collect();
    let arrived = told.iter().map(|one| one.number).collect();
    let all = [
        Cargo::Answers(answers),
        Cargo::Arrived(arrived),
        Cargo::Void(voids.numbers()),
    ];
    all.iter().map(Cargo::encoded_len).sum()
}

/// As much as fits. It counts as looked at up to the first that found no room.
fn fill(lacks: Lacks, room: usize, looked: Looked) -> Choice {
    let Lacks {
        items, mut up_to, ..
    } = lacks;
    let (mut owed, mut rest) = (Vec::new(), Vec::new());
    let mut left = room;
    for lack in items {
        let bytes = (lack.item.size as usize).saturating_add(limits::PARCEL_RECORD_BYTES);
        let many = owed.len() + rest.len() >= wire_limits::PARCEL_RECORDS;
        if bytes > left || many {
            left = 0;
            up_to = up_to.min(Arrival(lack.arrival.0.saturating_sub(1)));
            continue;
        }
        left -= bytes;
        match lack.owed {
            true => owed.push(lack),
            false => rest.push(lack),
        }
    }
    Choice {
        owed,
        rest,
        told: Vec::new(),
        retired: Retired::default(),
        voids: Voids::default(),
        looked: Looked { up_to, ..looked },
    }
}
